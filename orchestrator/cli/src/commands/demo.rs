//! `crossgate demo`: makes a Nova workspace of real repos and plays the main job in it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crossgate_core::decide::{Conclusion, Decision, ItemState, RowState};
use crossgate_core::facts::Item;
use crossgate_runner::{LocalRunner, RunnerError, SandboxState};
use crossgate_server::error::Error;
use crossgate_server::intake::{self, Selection};
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::commands::check;
use crate::context::Context;
use crate::demo::edits::{
    ADD_DRAINING, CONVERT_VMWARE, Commit, REFUSE_EMPTY_MACHINES, REMOVE_MEMORY_MB, RESERVE_DOM0_MEMORY,
    TIDY_CYCLE,
};
use crate::demo::repos::{self, Cast};
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, DIM, Printer, RED, YELLOW, styled};
use crate::render::{duration, matrix, plan};

/// Make a Nova workspace of real git repos, and play the main job in it
///
/// A common core and six drivers in five repos, with real crates that are really built and tested. A second run plays again
/// in the workspace that is there, with what the first one built.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to make the workspace
    #[arg(long, value_name = "DIR", default_value = "crossgate-demo")]
    dir: PathBuf,
    /// Builds at once; default: one a core
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Add a driver that runs real virtual machines; QEMU must be installed
    #[arg(long)]
    with_qemu: bool,
    /// Run steps with your own rights, outside any sandbox
    #[arg(long)]
    no_sandbox: bool,
}

/// One act of the story.
struct Scene {
    title: &'static str,
    changes: &'static [Commit],
    explains: &'static str,
    /// Who is to have which verdict, in the first change's matrix; a job's own name stands for its repo.
    verdicts: &'static [(&'static str, &'static str)],
    lands: bool,
}

impl Scene {
    /// Returns who is to have which verdict; the driver of real virtual machines takes part in what concerns all.
    fn verdicts(&self, cast: Cast) -> Vec<(&'static str, &'static str)> {
        let common = self.changes.first().is_some_and(|change| change.repo == repos::COMMON);
        let qemu = (common && cast == Cast::WithQemu).then_some(("qemu", "passed"));
        self.verdicts.iter().copied().chain(qemu).collect()
    }
}

const SCENES: &[Scene] = &[
    Scene {
        title: "(a) a compatible change of the common core",
        changes: &[ADD_DRAINING],
        explains: "Every driver that opted in was built and tested with the change. hyperv is broken, but it was broken before: \
                   that is no reason to hold the change up.",
        verdicts: &[
            ("libvirt", "passed"),
            ("vmware", "passed"),
            ("ironic", "passed"),
            ("xen", "passed"),
            ("hyperv", "broken-before"),
        ],
        lands: true,
    },
    Scene {
        title: "(b) a change of the common core that breaks some drivers",
        changes: &[TIDY_CYCLE],
        explains: "The core's own tests pass; only the drivers show what it breaks. vmware gates, so its regression blocks; \
                   ironic's is shown and blocks nothing; hyperv fails as it did before; docker opted out.",
        verdicts: &[
            ("libvirt", "passed"),
            ("vmware", "regressed"),
            ("ironic", "regressed"),
            ("xen", "passed"),
            ("hyperv", "broken-before"),
        ],
        lands: false,
    },
    Scene {
        title: "(c) a change of one driver",
        changes: &[REFUSE_EMPTY_MACHINES],
        explains: "Only vmware's own jobs ran: nothing else is built with it.",
        verdicts: &[("vmware", "passed")],
        lands: true,
    },
    Scene {
        title: "(d) a change in the repo that holds a set of drivers",
        changes: &[RESERVE_DOM0_MEMORY],
        explains: "Only xen's paths are touched, so docker, in the same repo, was not built.",
        verdicts: &[("xen", "passed")],
        lands: true,
    },
    Scene {
        title: "(e) a change of the common core that depends on a change of a driver",
        changes: &[REMOVE_MEMORY_MB, CONVERT_VMWARE],
        explains: "`Depends-On:` put vmware's change into the tree of the common change: what was a regression in (b) passes.",
        verdicts: &[
            ("libvirt", "passed"),
            ("vmware", "passed"),
            ("ironic", "passed"),
            ("xen", "passed"),
            ("hyperv", "broken-before"),
        ],
        lands: true,
    },
];

#[derive(Serialize)]
struct Output {
    directory: PathBuf,
    scenes: Vec<Played>,
    took_ms: u128,
}

#[derive(Serialize)]
struct Played {
    title: &'static str,
    changes: Vec<String>,
    lands: bool,
    as_told: bool,
    explanation: &'static str,
    items: Vec<ItemState>,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let begun = Instant::now();
    let dir = context.directory().join(&args.dir);
    let cast = if args.with_qemu { Cast::WithQemu } else { Cast::Standard };
    make(&dir, cast, printer)?;
    let site = Context::at(&dir).site(RepoFiles::Tip, printer)?;
    let runner = runner(&site, args.no_sandbox, printer)?;
    let no_sandbox = runner.sandbox() == SandboxState::Off;
    let check = check::Args { jobs: args.jobs, no_sandbox, ..check::Args::default() };
    let (mut scenes, mut red) = (Vec::new(), None);
    for scene in SCENES {
        let (played, failed) = play(&site, (scene, cast), &check, &runner, printer)?;
        scenes.push(played);
        red = red.or(failed);
    }
    let exit = scenes.iter().map(exit).max().unwrap_or(Exit::Fine);
    let took_ms = begun.elapsed().as_millis();
    if printer.is_json() {
        printer.json(&Output { directory: dir, scenes, took_ms })?;
    } else {
        let took = duration(u64::try_from(took_ms).unwrap_or(u64::MAX));
        next_steps(&site, red.as_deref(), &check, &took, printer)?;
    }
    Ok(exit)
}

fn exit(scene: &Played) -> Exit {
    match check::exit(&scene.items) {
        _ if scene.as_told => Exit::Fine,
        Exit::Unanswered => Exit::Unanswered,
        Exit::Fine | Exit::No | Exit::Refused => Exit::No,
    }
}

/// Makes the workspace, or takes the one that an earlier run of this version made.
fn make(dir: &Path, cast: Cast, printer: &mut Printer) -> Result<(), CliError> {
    if cast == Cast::WithQemu {
        must_have_qemu()?;
    }
    if dir.exists() {
        if repos::made(dir, cast) {
            return printer.note(format_args!("playing in {} again", dir.display()));
        }
        let text = format!("`{}` is there, and this demo did not make it", dir.display());
        return Err(CliError::usage(text, "give another directory: `--dir DIR`"));
    }
    printer.note(format_args!("making a workspace of real git repos in {}", dir.display()))?;
    let changes: Vec<Commit> = SCENES.iter().flat_map(|scene| scene.changes).copied().collect();
    repos::make(dir, &changes, cast)
}

/// Says now what each build of the driver would say later.
fn must_have_qemu() -> Result<(), CliError> {
    const QEMU: &str = "qemu-system-x86_64";
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join(QEMU).is_file()) {
        return Ok(());
    }
    let hint =
        Some("install it (on Debian: `apt-get install --no-install-recommends qemu-system-x86`)".to_owned());
    Err(CliError::Environment { text: format!("`{QEMU}` is not installed"), hint })
}

/// The demo builds only what this program carries inside, so it goes on without a sandbox, and says so.
fn runner(site: &Site, no_sandbox: bool, printer: &mut Printer) -> Result<LocalRunner, CliError> {
    match check::runner(site, no_sandbox, printer) {
        Err(CliError::Server(Error::Runner(error @ RunnerError::NoSandbox { .. }))) => {
            printer.tell(styled(YELLOW, format!("{error}; the demo builds its own code, so it goes on")))?;
            check::runner(site, true, printer)
        }
        made => made,
    }
}

/// Plays a scene; returns what came out, and a build that shows why a change must not land.
fn play(
    site: &Site,
    (scene, cast): (&Scene, Cast),
    args: &check::Args,
    runner: &LocalRunner,
    printer: &mut Printer,
) -> Result<(Played, Option<String>), CliError> {
    let ids: Vec<String> =
        scene.changes.iter().map(|change| format!("{}@{}", change.repo, change.branch)).collect();
    let mut changes = Vec::new();
    for id in &ids {
        changes.extend(intake::change(site, &Selection::parse(site, id)?)?);
    }
    let text = !printer.is_json();
    if text {
        printer.line(format_args!("\n{}", styled(BOLD, scene.title)))?;
        printer.line(styled(DIM, format!("$ crossgate check {}", ids.join(" "))))?;
        for change in &changes {
            printer.raw(plan::brief(&intake::item(site, change.clone(), |_| true)?))?;
        }
    }
    let (items, decision) = check::check(site, changes, args, runner, printer)?;
    let as_told = is_as_told(scene, cast, &decision);
    if text {
        print(&items, &decision, printer)?;
        printer.line(format_args!("→ {}", scene.explains))?;
        if !as_told {
            printer.line(styled(RED, "→ this is not how the story goes: see the builds' logs above"))?;
        }
    }
    let lands = decision.items.iter().all(may_land);
    let red = decision.items.first().and_then(red_build);
    let (title, explanation, items) = (scene.title, scene.explains, decision.items);
    Ok((Played { title, changes: ids, lands, as_told, explanation, items }, red))
}

fn print(items: &[Item], decision: &Decision, printer: &mut Printer) -> Result<(), CliError> {
    for (item, state) in items.iter().zip(&decision.items) {
        // xen is silent, and part of the story.
        printer.raw(matrix::text(item, state, true))?;
        printer.raw(matrix::conclusion(item.change(), state, false))?;
    }
    Ok(())
}

fn may_land(state: &ItemState) -> bool {
    matches!(state.conclusion, Some(Conclusion::MayLand))
}

fn is_as_told(scene: &Scene, cast: Cast, decision: &Decision) -> bool {
    let Some(state) = decision.items.first() else { return false };
    let verdicts = scene.verdicts(cast);
    let told = |&(driver, word): &(&str, &str)| {
        let mut rows =
            state.rows.iter().filter(|row| row.driver.as_ref().is_some_and(|name| name.as_str() == driver));
        rows.clone().next().is_some()
            && rows.all(|row| matches!(&row.state, RowState::Decided(verdict) if verdict.word() == word))
    };
    let known = |row: &crossgate_core::decide::Row| {
        row.driver.as_ref().is_none_or(|name| verdicts.iter().any(|(driver, _)| *driver == name.as_str()))
    };
    verdicts.iter().all(told)
        && state.rows.iter().all(known)
        && decision.items.iter().all(may_land) == scene.lands
}

/// Returns a build whose log shows why a change must not land.
fn red_build(state: &ItemState) -> Option<String> {
    let Some(Conclusion::MustNotLand { blockers }) = &state.conclusion else { return None };
    let row = state.rows.get(*blockers.first()?)?;
    row.builds.iter().find(|build| build.outcome == Some("fail")).map(|build| build.id.to_string())
}

fn next_steps(
    site: &Site,
    red: Option<&str>,
    check: &check::Args,
    took: &str,
    printer: &mut Printer,
) -> Result<(), CliError> {
    let no_sandbox = if check.no_sandbox { " --no-sandbox" } else { "" };
    printer.line(format_args!("\nplayed in {took}. {}", styled(BOLD, "Try next:")))?;
    let mut lines = vec![format!("cd {}", quoted(&site.root().to_string_lossy()))];
    if let Some(program) = program_elsewhere() {
        // A shell reads an alias twice: when it is made, and when it is used.
        lines.push(format!("alias crossgate={}", quoted(&quoted(&program.to_string_lossy()))));
    }
    lines.push("crossgate graph".to_owned());
    lines.push("crossgate plan nova-common@tidy-cycle-3".to_owned());
    lines.push("crossgate why nova-common@tidy-cycle-3 hyperv".to_owned());
    lines.extend(red.map(|build| format!("crossgate log {build}")));
    lines.push("crossgate graph --impact nova-drivers-lab:docker/src/lib.rs".to_owned());
    lines.push(format!("crossgate check nova-common@tidy-cycle-3 --driver vmware{no_sandbox}"));
    lines.push("(cd nova-driver-libvirt && cargo test)".to_owned());
    for line in lines {
        printer.line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// Returns a word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | '@' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Returns where this program is, unless a shell would find it by its name.
fn program_elsewhere() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|dir| dir.join("crossgate")).find(|candidate| candidate.is_file());
    let same = found
        .and_then(|found| found.canonicalize().ok())
        .is_some_and(|found| Some(found) == program.canonicalize().ok());
    (!same).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_comes_out_of_a_shell_as_it_went_in() {
        for word in ["/srv/demo", "/our nova's $(ünit)/x", "", "a\\'b\"`", "-n\n"] {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
    }
}
