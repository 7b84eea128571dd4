//! Running cases: each on a thread of its own, for a bounded time, never taking the others down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nova_api::Facet;

use crate::cases::{self, Bench, Case};
use crate::violation::Violation;
use crate::world::World;
use crate::{Fixture, block_on, capabilities, provoked, report};

/// How long one case may take before it counts as hung.
const CASE_TIME: Duration = Duration::from_mins(5);

/// How many cases [`judge`] runs at once: most of their time they wait.
const AT_ONCE: usize = 8;

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
    /// The documented conditions that it provoked, such as `CreateError::NoCapacity`.
    pub provoked: Vec<String>,
    /// The facets of the driver, as far as it came to tell.
    pub facets: Vec<Facet>,
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

/// Runs all cases, some at once, each for at most `case_time`, without a report; returns their results in the order
/// of the suite.
pub fn judge<F: Fixture>(
    package: &Package,
    case_time: Duration,
    fixture: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> Vec<CaseResult> {
    let (cases, next) = (cases::all::<F>(), AtomicUsize::new(0));
    let judge_some = || {
        let mut judged = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(place) else { return judged };
            judged.push((place, run(package, *case, fixture.clone(), case_time)));
        }
    };
    let mut judged: Vec<_> = thread::scope(|scope| {
        let judges: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(judge_some)).collect();
        judges.into_iter().flat_map(|judge| judge.join().expect("panics of a case are its result")).collect()
    });
    judged.sort_unstable_by_key(|(place, _)| *place);
    judged.into_iter().map(|(_, result)| result).collect()
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
        let mut facets = Vec::new();
        let result =
            catch_unwind(AssertUnwindSafe(|| block_on(attempt(package, case, fixture, &mut facets))));
        // Nobody listens any more if the time was up.
        drop(tell.send((result, provoked::noted(), facets)));
    };
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(act);
    let told = spawned.map(|_| told.recv_timeout(case_time));
    let took = started.elapsed();
    let (status, provoked, facets) = match told {
        Err(error) => (Status::Fail(format!("no thread for the case: {error}")), Vec::new(), Vec::new()),
        Ok(Err(_)) => {
            let hangs = format!("expected an end within {case_time:?}: the driver hangs");
            (Status::Fail(hangs), Vec::new(), Vec::new())
        }
        Ok(Ok((result, provoked, facets))) => (status_of(result), provoked, facets),
    };
    CaseResult { name, status, took, provoked, facets }
}

fn status_of(result: thread::Result<Result<Ending, Violation>>) -> Status {
    match result {
        Err(panic) => Status::Fail(format!("the driver panicked: {}", text_of(&*panic))),
        Ok(Err(Violation(why))) => Status::Fail(why),
        Ok(Ok(Ending::Checked)) => Status::Pass,
        Ok(Ok(Ending::FacetAbsent)) => Status::Absent,
    }
}

async fn attempt<F: Fixture>(
    package: Package,
    case: Case<F>,
    fixture: impl FnOnce() -> F,
    facets: &mut Vec<Facet>,
) -> Result<Ending, Violation> {
    let world = World::new(fixture(), report::tag(), &package).await?;
    *facets = capabilities::facets_of(&world.driver);
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
