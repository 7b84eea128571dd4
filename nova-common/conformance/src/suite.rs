//! Running cases: each on a thread of its own, for a bounded time, never taking the others down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::{self, Bench, Case};
use crate::violation::Violation;
use crate::world::World;
use crate::{Fixture, block_on, report};

/// How long one case may take before it counts as hung.
const CASE_TIME: Duration = Duration::from_mins(5);

/// The package whose driver is tested, as cargo tells it.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its directory.
    pub root: &'static str,
    /// Cargo's directory for scratch files of its tests, inside the target directory.
    pub scratch: &'static str,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The driver does what is asked.
    Pass,
    /// The driver does not; why.
    Fail(String),
    /// The driver lacks the facet that the case is about.
    Absent,
}

/// The result of one case.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// The case, such as `life::nothing_leaks`.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    pub took: Duration,
}

/// How a case ends if nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Checked,
    FacetAbsent,
}

impl From<()> for Ending {
    fn from((): ()) -> Self {
        Self::Checked
    }
}

/// Runs one case as a test: reports it, and panics if the driver fails it.
///
/// # Panics
/// If the driver fails the case, or the report cannot be written.
pub fn run_case<F: Fixture>(package: &Package, name: &str, fixture: impl FnOnce() -> F + Send + 'static) {
    let case = cases::all::<F>().iter().find(|(known, _)| *known == name);
    let result =
        run(package, *case.expect("the macro and the table are made of one list"), fixture, CASE_TIME);
    if let Err(error) = report::record(package, &result) {
        panic!("conformance report not written: {error}");
    }
    if let Status::Fail(why) = &result.status {
        panic!("{name}: {why}");
    }
}

/// Runs all cases, one after the other, each for at most `case_time`, without a report.
pub fn judge<F: Fixture>(
    package: &Package,
    case_time: Duration,
    fixture: impl Fn() -> F + Clone + Send + 'static,
) -> Vec<CaseResult> {
    cases::all::<F>().iter().map(|case| run(package, *case, fixture.clone(), case_time)).collect()
}

fn run<F: Fixture>(
    package: &Package,
    (name, case): (&'static str, Case<F>),
    fixture: impl FnOnce() -> F + Send + 'static,
    case_time: Duration,
) -> CaseResult {
    let (package, started) = (*package, Instant::now());
    let (tell, told) = mpsc::channel();
    let act = move || {
        let result = catch_unwind(AssertUnwindSafe(|| block_on(attempt(package, case, fixture))));
        // Nobody listens any more if the time was up.
        drop(tell.send(result));
    };
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(act);
    let status = match spawned.map(|_| told.recv_timeout(case_time)) {
        Err(error) => Status::Fail(format!("no thread for the case: {error}")),
        Ok(Err(_)) => Status::Fail(format!("expected an end within {case_time:?}: the driver hangs")),
        Ok(Ok(Err(panic))) => Status::Fail(format!("the driver panicked: {}", text_of(&*panic))),
        Ok(Ok(Ok(Err(Violation(why))))) => Status::Fail(why),
        Ok(Ok(Ok(Ok(Ending::Checked)))) => Status::Pass,
        Ok(Ok(Ok(Ok(Ending::FacetAbsent)))) => Status::Absent,
    };
    CaseResult { name, status, took: started.elapsed() }
}

async fn attempt<F: Fixture>(
    package: Package,
    case: Case<F>,
    fixture: impl FnOnce() -> F,
) -> Result<Ending, Violation> {
    let world = World::new(fixture(), report::tag()).await?;
    let ending = case(&Bench { world: &world, package: &package }).await;
    let cleaned = world.clean_up().await;
    let ending = ending?;
    cleaned?;
    Ok(ending)
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
