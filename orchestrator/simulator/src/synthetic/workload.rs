//! The workspace, the changes and the truth of a synthetic workload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossgate_core::change::Change;
use crossgate_core::ids::{BranchName, ChangeId, CommitId, DriverName, JobName, RepoName, RepoPath};
use crossgate_core::workspace::{
    Ci, CommonChanges, Driver, DriverKind, Forge, Gate, Job, MergeMethod, Mode, Origin, Pipelines, Policy,
    Repo, Role, Setting, Team, Window, Workspace,
};

use super::chance::Chance;
use super::load::Load;

/// How long a driver's branch stays broken, on average.
const OUTAGE: Duration = Duration::from_hours(1);

/// A change does not merge with one of so many before it in its repo.
const CLOSE: usize = 5;

/// How much of the truth a prediction sees: with the rest it is a guess.
const FORESIGHT: f64 = 0.5;

/// A change as it is: what nobody is told.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) at: Duration,
    /// The driver whose repo it changes; `None`: the common repo.
    pub(super) driver: Option<usize>,
    /// The driver and job that it breaks.
    pub(super) bad: Option<(usize, usize)>,
    /// The change that it does not merge with.
    pub(super) conflict: Option<usize>,
    /// How likely it looks to fail, from 0 to 1.
    pub(super) risk: f64,
}

/// A workload: the same for the same settings.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) workspace: Arc<Workspace>,
    pub(super) changes: Vec<Truth>,
    /// When a push from outside breaks a driver's branch, and when one mends it.
    pub(super) pushes: Vec<(Duration, usize, bool)>,
}

impl Workload {
    pub(super) fn of(load: &Load) -> Self {
        let changes = changes(load);
        let end = changes.last().map_or(Duration::ZERO, |last| last.at);
        Self { workspace: Arc::new(workspace(load)), pushes: pushes(load, end), changes }
    }

    pub(super) fn change(&self, index: usize) -> Change {
        Change {
            id: change_id(index),
            repo: repo(self.changes[index].driver),
            branch: main(),
            head: CommitId::parse(&format!("{index:040x}")).expect("40 hexadecimal digits"),
            revision: 1,
            title: String::new(),
            paths: vec![RepoPath::from("src/lib.rs")],
            depends_on: Vec::new(),
        }
    }
}

fn changes(load: &Load) -> Vec<Truth> {
    let drivers = load.drivers as usize;
    let mut last: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    let mut at = 0.0;
    let one = |index: usize| {
        let mut chance = Chance::of(load.seed, &[1, index as u64]);
        at += chance.gap(3600.0 / load.rate);
        let (is_common, of, is_bad) =
            (chance.happens(load.common), chance.below(drivers), chance.happens(load.bad));
        let (victim, job) = (chance.below(drivers), chance.below(load.jobs as usize));
        let (clashes, before, noise) = (chance.happens(load.conflict), chance.below(CLOSE), chance.share());
        let driver = (!is_common).then_some(of);
        let earlier = last.entry(driver).or_default();
        let conflict = earlier.len().checked_sub(before + 1).map(|at| earlier[at]).filter(|_| clashes);
        earlier.push(index);
        Truth {
            at: Duration::from_secs_f64(at),
            driver,
            bad: is_bad.then_some((driver.unwrap_or(victim), job)),
            conflict,
            risk: (1.0 - FORESIGHT) * noise + if is_bad { FORESIGHT } else { 0.0 },
        }
    };
    (0..load.total() as usize).map(one).collect()
}

fn pushes(load: &Load, end: Duration) -> Vec<(Duration, usize, bool)> {
    let mut pushes = Vec::new();
    if load.broken == 0.0 {
        return pushes;
    }
    let outage = OUTAGE.as_secs_f64();
    let sound = outage * (1.0 - load.broken) / load.broken;
    for driver in 0..load.drivers as usize {
        let mut chance = Chance::of(load.seed, &[2, driver as u64]);
        let mut at = chance.gap(sound);
        while at < end.as_secs_f64() {
            pushes.push((Duration::from_secs_f64(at), driver, true));
            at += chance.gap(outage);
            pushes.push((Duration::from_secs_f64(at), driver, false));
            at += chance.gap(sound);
        }
    }
    pushes.sort_unstable();
    pushes
}

fn workspace(load: &Load) -> Workspace {
    let jobs: Vec<JobName> = (0..load.jobs as usize).map(job_name).collect();
    let drivers = 0..load.drivers as usize;
    let window =
        Window { start: load.window, floor: load.floor, ceiling: 0, grow: load.grow, shrink: load.shrink };
    Workspace {
        name: "synthetic".to_owned(),
        forge: Forge::None,
        repos: std::iter::once(None)
            .chain(drivers.clone().map(Some))
            .map(|of| (repo(of), a_repo(of.is_some())))
            .collect(),
        common: BTreeMap::new(),
        drivers: drivers.map(|of| (driver_name(of), a_driver(of, load, &jobs))).collect(),
        jobs: jobs.iter().map(|name| (name.clone(), Arc::new(a_job(name)))).collect(),
        pipelines: Pipelines { gate: Gate { window, fail_fast: false, cycles: false }, periodic_every: None },
        semaphores: BTreeMap::new(),
        policy: Policy { confirm: load.confirm, ..Policy::default() },
    }
}

fn a_repo(is_driver: bool) -> Repo {
    Repo {
        role: if is_driver { Role::Driver } else { Role::Common },
        branch: main(),
        merge: MergeMethod::Merge,
        depends_on: if is_driver { vec![Setting::default_of(repo(None))] } else { Vec::new() },
        url: None,
        path: None,
        labels: Vec::new(),
        at: Origin::Default,
    }
}

fn a_driver(of: usize, load: &Load, jobs: &[JobName]) -> Driver {
    // The first ones get one of what does not divide evenly.
    let (even, rest) = (load.rigs / load.drivers, (load.rigs % load.drivers) as usize);
    let slots = if even == 0 { None } else { Some(even + u32::from(of < rest)) };
    Driver {
        repo: repo(Some(of)),
        paths: Setting::default(),
        kind: DriverKind::Hypervisor,
        api: None,
        team: Team::default(),
        own_changes: Setting::default_of(jobs.to_vec()),
        common_changes: CommonChanges {
            mode: Setting::default_of(Mode::Gating),
            jobs: Setting::default_of(jobs.to_vec()),
            ..CommonChanges::default()
        },
        ci: Ci { slots, ..Ci::default() },
        branches: BTreeMap::new(),
        at: Origin::Default,
    }
}

fn a_job(name: &JobName) -> Job {
    Job {
        name: name.clone(),
        description: None,
        files: Setting::default(),
        ignore: Setting::default(),
        needs: Vec::new(),
        voting: true,
        holds_followers: false,
        timeout: Duration::from_hours(24),
        attempts: 3,
        matrix: BTreeMap::new(),
        semaphore: None,
        cache: None,
        network: false,
        secrets: Vec::new(),
        artifacts: Vec::new(),
        steps: Vec::new(),
        at: Origin::Default,
    }
}

pub(super) fn main() -> BranchName {
    BranchName::parse("main").expect("`main` is a branch name")
}

pub(super) fn change_id(index: usize) -> ChangeId {
    ChangeId::parse(&format!("c{index:06}")).expect("a letter and digits")
}

pub(super) fn repo(driver: Option<usize>) -> RepoName {
    let name = driver.map_or_else(|| "common".to_owned(), |driver| format!("driver-{driver:03}"));
    RepoName::parse(&name).expect("letters, digits and a dash")
}

fn driver_name(index: usize) -> DriverName {
    DriverName::parse(&format!("d{index:03}")).expect("a letter and digits")
}

fn job_name(index: usize) -> JobName {
    JobName::parse(&format!("j{index:02}")).expect("a letter and digits")
}

/// Returns the number in what one of the above has named: the letter in front of it is one byte.
pub(super) fn number(name: &str) -> usize {
    name.get(1..).and_then(|digits| digits.parse().ok()).expect("a letter and digits")
}
