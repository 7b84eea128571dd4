//! `crossgate log`: what a build printed.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossgate_runner::{Archive, BuildRecord};
use crossgate_server::site::STATE_DIR;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, Printer, styled};

/// How often a log that grows is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Print what a build printed, and where the files are that were kept of it
///
/// Of a build that still runs: what it printed so far.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crossgate log 3f2a
  crossgate log 3f2a -f")]
pub(crate) struct Args {
    /// The build's id, or how it begins
    #[arg(value_name = "BUILD")]
    build: String,
    /// Go on as the build prints more, until it has ended
    #[arg(short, long)]
    follow: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    /// Left out while the build runs.
    #[serde(flatten)]
    record: Option<&'a BuildRecord>,
    log: String,
    artifacts: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    if args.follow && printer.is_json() {
        return Err(CliError::usage("a log that grows is no JSON", "leave out `-f` or `--format json`"));
    }
    let archive = Archive::open(&context.root()?.join(STATE_DIR))?;
    if let Some(id) = archive.running(&args.build)? {
        let path = archive.log_path(&id);
        if args.follow {
            follow(&path, || archive.is_running(&id), printer)?;
        } else {
            print(&Output { record: None, log: read(&path)?, artifacts: Vec::new() }, printer)?;
        }
        return Ok(Exit::Fine);
    }
    let record = archive.find(&args.build)?;
    let log = read(&archive.log_path(&record.request.id))?;
    let artifacts = artifacts(&archive, &record);
    print(&Output { record: Some(&record), log, artifacts }, printer)?;
    Ok(Exit::Fine)
}

fn read(path: &Path) -> Result<String, CliError> {
    let bytes = std::fs::read(path).map_err(|source| CliError::io(path, source))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns where the files are that were kept of a build.
fn artifacts(archive: &Archive, record: &BuildRecord) -> Vec<PathBuf> {
    let dir = archive.artifacts(&record.request.id);
    let paths = record.request.artifacts.iter().map(|path| dir.join(path));
    paths.filter(|path| path.is_file()).collect()
}

fn print(output: &Output<'_>, printer: &mut Printer) -> Result<(), CliError> {
    if printer.is_json() {
        return printer.json(output);
    }
    printer.raw(&output.log)?;
    if output.record.is_none() {
        printer.note(styled(DIM, "it still runs; `-f` prints what is to come"))?;
    }
    output.artifacts.iter().try_for_each(|path| printer.note(format_args!("kept {}", path.display())))
}

fn follow(path: &Path, is_running: impl Fn() -> bool, printer: &mut Printer) -> Result<(), CliError> {
    let failed = |source| CliError::io(path, source);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut at = 0;
    loop {
        // Asked before reading, so that what is written last is not missed.
        let goes_on = is_running();
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut more = Vec::new();
        at += u64::try_from(file.read_to_end(&mut more).map_err(failed)?).unwrap_or(0);
        printer.raw(String::from_utf8_lossy(&more))?;
        if !goes_on || printer.reader_is_gone() {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}
