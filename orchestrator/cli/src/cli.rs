//! The command line: what can be asked for. The documentation of each field is its help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Cross-repo CI for a common core and its out-of-tree drivers.
#[derive(Debug, Parser)]
#[command(name = "crossgate", version, about, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Work as if started in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// How to print what was asked for
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", global = true)]
    pub(crate) format: Format,
    /// Whether to use colour; `auto` does on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub(crate) color: Color,
    /// Say more; twice for what is of interest only when something is wrong
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Print nothing but what was asked for
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    pub(crate) quiet: bool,
}

/// How to print what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs; the shape is documented and versioned
    Json,
    /// For Graphviz (`graph` only)
    Dot,
    /// For Mermaid (`graph` only)
    Mermaid,
}

/// Whether to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Even into a file
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(commands::demo::Args),
    Init(commands::init::Args),
    Check(commands::check::Args),
    Plan(commands::plan::Args),
    Why(commands::why::Args),
    Graph(commands::graph::Args),
    Log(commands::log::Args),
    Simulate(commands::simulate::Args),
    #[command(subcommand)]
    Config(commands::config::Command),
    #[command(subcommand, visible_alias = "ws")]
    Workspace(commands::workspace::Command),
    #[command(subcommand)]
    Driver(commands::driver::Command),
    #[command(subcommand)]
    Api(commands::api::Command),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}
