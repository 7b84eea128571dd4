//! `crossgate why`: the chain of reasons behind a driver's jobs, and what their last builds said.

use crossgate_core::change::Change;
use crossgate_core::ids::{DriverName, JobName};
use crossgate_core::plan::{Entry, plan};
use crossgate_core::suggest::nearest;
use crossgate_runner::{Archive, BuildRecord};
use crossgate_server::error::Error;
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, DIM, GREEN, Printer, RED, styled};
use crate::render::{duration, plan as plan_text};
use crate::selection::{NOTHING, selected};

/// How many of a job's builds are told.
const MAX_BUILDS: usize = 5;

/// Say why a driver's jobs run or do not, and what their last builds said
///
/// Without a change: for every repo whose checkout proposes something that has not landed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crossgate why hyperv
  crossgate why nova-common@add-field vmware/driver-conformance")]
pub(crate) struct Args {
    /// The change (`REPO` or `REPO@REV`), then the driver or one of its jobs; or the latter alone
    #[arg(value_name = "CHANGE] [DRIVER[/JOB]", required = true, num_args = 1..=2)]
    words: Vec<String>,
}

#[derive(Serialize)]
struct Output<'a> {
    answers: Vec<Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    change: &'a str,
    driver: Option<&'a str>,
    job: Option<&'a str>,
    runs: bool,
    reasons: &'a [crossgate_core::reason::Reason],
    builds: Vec<Told>,
}

/// A build as it is told.
#[derive(Serialize)]
struct Told {
    id: String,
    purpose: &'static str,
    outcome: &'static str,
    says: Vec<String>,
    duration_ms: u64,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::Tip, printer)?;
    let (changes, about) = match args.words.as_slice() {
        [about] => (Vec::new(), about),
        [change, about, ..] => (vec![change.clone()], about),
        [] => return Err(CliError::usage("nothing is asked about", "crossgate why DRIVER")),
    };
    let about = About::parse(&site, about)?;
    let changes = selected(&site, &changes, false)?;
    let records = Archive::open(&site.state_dir())?.records();
    let mut entries = Vec::new();
    for change in &changes {
        let (workspace, graph) = site.for_change(change)?;
        let plan = plan(&workspace, &graph, change, site.today());
        entries.extend(
            plan.entries.into_iter().filter(|entry| about.matches(entry)).map(|entry| (change, entry)),
        );
    }
    let answers: Vec<_> = entries.iter().map(|(change, entry)| answer(change, entry, &records)).collect();
    if printer.is_json() {
        printer.json(&Output { answers })?;
    } else if changes.is_empty() {
        printer.note(NOTHING)?;
    } else {
        for ((change, entry), answer) in entries.iter().zip(&answers) {
            tell(change, entry, answer, printer)?;
        }
    }
    Ok(Exit::Fine)
}

/// What is asked about: a driver, one of its jobs, or a job of the changed repo itself.
struct About {
    driver: Option<String>,
    job: Option<String>,
}

impl About {
    fn parse(site: &Site, text: &str) -> Result<Self, CliError> {
        let (first, job) =
            text.split_once('/').map_or((text, None), |(driver, job)| (driver, Some(job.to_owned())));
        let workspace = site.workspace();
        let is_job =
            |text: &str| workspace.jobs.keys().any(|name| name.as_str() == text || name.base() == text);
        if workspace.drivers.contains_key(first) {
            if let Some(job) = job.as_deref().filter(|job| !is_job(job)) {
                let nearest = nearest(job, workspace.jobs.keys().map(JobName::as_str)).map(str::to_owned);
                return Err(Error::Unknown { what: "job", name: job.to_owned(), nearest }.into());
            }
            return Ok(Self { driver: Some(first.to_owned()), job });
        }
        if is_job(text) {
            return Ok(Self { driver: None, job: Some(text.to_owned()) });
        }
        let names = workspace
            .drivers
            .keys()
            .map(DriverName::as_str)
            .chain(workspace.jobs.keys().map(JobName::as_str));
        let nearest = nearest(first, names).map(str::to_owned);
        Err(Error::Unknown { what: "driver or job", name: text.to_owned(), nearest }.into())
    }

    fn matches(&self, entry: &Entry) -> bool {
        let driver = entry.driver.as_ref().map(DriverName::as_str);
        let by_driver = self.driver.is_none() || driver == self.driver.as_deref();
        let by_job = self.job.as_ref().is_none_or(|job| {
            entry.job_name().is_some_and(|name| name.as_str() == job || name.base() == job)
        });
        by_driver && by_job
    }
}

fn answer<'a>(change: &'a Change, entry: &'a Entry, records: &[BuildRecord]) -> Answer<'a> {
    let of_entry = |record: &&BuildRecord| {
        record.request.change == change.id
            && record.request.driver == entry.driver
            && entry.job_name() == Some(&record.request.job)
    };
    Answer {
        change: change.id.as_str(),
        driver: entry.driver.as_ref().map(DriverName::as_str),
        job: entry.job_name().map(JobName::as_str),
        runs: entry.runs(),
        reasons: &entry.reasons,
        builds: records.iter().filter(of_entry).take(MAX_BUILDS).map(told).collect(),
    }
}

fn told(record: &BuildRecord) -> Told {
    use crossgate_core::build::Outcome;
    let says = match &record.ended.outcome {
        Outcome::Pass | Outcome::Cancelled => Vec::new(),
        Outcome::Fail(failure) => failure.signature.lines.clone(),
        Outcome::Infra { reason } | Outcome::Lost { reason } => vec![reason.clone()],
        Outcome::Timeout { limit_s } => vec![format!("took longer than {limit_s} s")],
    };
    Told {
        id: record.request.id.to_string(),
        purpose: record.request.purpose.word(),
        outcome: record.ended.outcome.word(),
        says,
        duration_ms: u64::try_from(record.ended.ended.since(record.ended.started).as_millis())
            .unwrap_or(u64::MAX),
    }
}

fn tell(change: &Change, entry: &Entry, answer: &Answer<'_>, printer: &mut Printer) -> Result<(), CliError> {
    let (word, style) = if entry.runs() { ("runs", GREEN) } else { ("does not run", DIM) };
    let name = styled(BOLD, plan_text::label(entry));
    printer.line(format_args!("{name} {} for {}", styled(style, word), change.id))?;
    for reason in &entry.reasons {
        printer.line(format_args!("  because {reason}"))?;
    }
    for build in &answer.builds {
        let style = if build.outcome == "pass" { GREEN } else { RED };
        let time = duration(build.duration_ms);
        printer.line(format_args!(
            "  build {} {} {} in {time}",
            build.id,
            build.purpose,
            styled(style, build.outcome)
        ))?;
        for line in &build.says {
            printer.line(format_args!("    {line}"))?;
        }
    }
    Ok(())
}
