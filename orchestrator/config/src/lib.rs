//! The configuration of a workspace: YAML in, a checked [`Workspace`](crossgate_core::workspace::Workspace) out,
//! or everything that is wrong with it, each with its place and a way to fix it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod check;
mod code;
mod content;
mod diagnostic;
mod field;
mod load;
mod matrix;
mod merge;
mod names;
mod problems;
mod raw;
mod reader;
mod render;
mod resolve;
mod scalar;
mod scenario;
mod schema;
mod show;
mod source;
mod tree;

pub use code::CODES;
pub use diagnostic::{Diagnostic, Diagnostics, Related, Severity};
pub use load::{Loaded, Outline, load, outline};
pub use problems::MAX_DIAGNOSTICS;
pub use scenario::{LoadedScenario, load_scenario};
pub use schema::{SchemaKind, schema};
pub use show::{Row, show};
pub use source::{MAX_SOURCE_BYTES, Source, Sources, read_source};
