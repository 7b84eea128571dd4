//! `crossgate log`: what a build printed.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use crossgate_runner::{Archive, BuildRecord};
use crossgate_server::site::STATE_DIR;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// How often a log that grows is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Print what a build printed
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
    #[serde(flatten)]
    record: &'a BuildRecord,
    log: String,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let archive = Archive::open(&context.root()?.join(STATE_DIR))?;
    if args.follow
        && let Some(id) = archive.running(&args.build)?
    {
        follow(&archive.log_path(&id), || archive.is_running(&id), printer)?;
        return Ok(Exit::Fine);
    }
    let record = archive.find(&args.build)?;
    let path = archive.log_path(&record.request.id);
    let bytes = std::fs::read(&path).map_err(|source| CliError::io(&path, source))?;
    let log = String::from_utf8_lossy(&bytes).into_owned();
    if printer.is_json() {
        printer.json(&Output { record: &record, log })?;
    } else {
        printer.foreign(&log)?;
    }
    Ok(Exit::Fine)
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
        printer.foreign(&String::from_utf8_lossy(&more))?;
        if !goes_on {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}
