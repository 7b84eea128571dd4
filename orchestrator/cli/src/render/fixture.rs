//! An outcome to render: a head fails, those behind it start anew and land.

use std::collections::BTreeMap;

use crossgate_core::build::Purpose;
use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use crossgate_simulator::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting,
};

fn change(id: &str) -> ChangeId {
    ChangeId::parse(id).unwrap()
}

/// A build, as `job change purpose with,… started ended outcome`; `driver/job` and `-` for an empty tree.
fn build(text: &str) -> BuildLine {
    let words: Vec<&str> = text.split(' ').collect();
    let [name, id, purpose, with, started, ended, outcome] = words[..] else { panic!("{text}") };
    let (driver, job) = name.split_once('/').map_or((None, name), |(driver, job)| (Some(driver), job));
    let purposes = [Purpose::Candidate, Purpose::Confirm, Purpose::Baseline];
    let outcomes = ["pass", "fail", "infra", "lost", "timeout", "cancelled"];
    BuildLine {
        job: JobName::parse(job).unwrap(),
        driver: driver.map(|driver| DriverName::parse(driver).unwrap()),
        change: change(id),
        revision: 1,
        pipeline: if started == "0s" { PipelineWord::Check } else { PipelineWord::Gate },
        purpose: purposes.into_iter().find(|known| known.word() == purpose).unwrap(),
        attempt: if purpose == "confirm" { 2 } else { 1 },
        with: with.split(',').filter(|id| *id != "-").map(change).collect(),
        started: started.to_owned(),
        ended: (ended != "-").then(|| ended.to_owned()),
        outcome: outcomes.into_iter().find(|known| *known == outcome),
    }
}

/// A report, as `change pipeline at state text`.
fn report(text: &str) -> ReportLine {
    let mut words = text.splitn(5, ' ');
    let mut word = || words.next().unwrap();
    let id = change(word());
    let pipeline = if word() == "check" { PipelineWord::Check } else { PipelineWord::Gate };
    let (at, state) = (word().to_owned(), word());
    let states = [ReportWord::Started, ReportWord::Passed, ReportWord::Failed, ReportWord::Landed];
    let state = states.into_iter().find(|known| super::outcome::word(*known) == state).unwrap();
    ReportLine { change: id, pipeline, at, state, text: word().to_owned() }
}

const BUILDS: [&str; 15] = [
    "unit A candidate A 0s 10m pass",
    "unit A candidate A 10m 15m fail",
    "vmware/lab A candidate A 10m 20m cancelled",
    "unit B candidate A,B 11m 15m cancelled",
    "vmware/lab B candidate A,B 11m 15m cancelled",
    "libvirt/qemu[platform=7] B candidate A,B 11m 15m cancelled",
    "unit C candidate A,B,C 12m 15m cancelled",
    "unit A confirm A 15m 20m fail",
    "unit A baseline - 15m 25m pass",
    "unit B candidate B 15m 25m pass",
    "vmware/lab B candidate B 15m 17m infra",
    "libvirt/qemu[platform=7] B candidate B 15m 30m pass",
    "unit C candidate B,C 15m 25m pass",
    "vmware/lab B candidate B 17m 47m pass",
    "unit D candidate D 30m - -",
];

const REPORTS: [&str; 8] = [
    "A check 0s started it is checked",
    "A gate 10m started it is in the gate",
    "B gate 11m started it is in the gate",
    "C gate 12m started it is in the gate",
    "A gate 25m failed unit regressed: 2 of 2",
    "D gate 30m started it is in the gate",
    "B gate 47m landed every vote is for it",
    "C gate 47m landed every vote is for it",
];

pub(crate) fn outcome() -> Outcome {
    let line =
        |state, gate, reason: &str, reports| ChangeLine { state, gate, reason: reason.to_owned(), reports };
    let repo = |name| RepoName::parse(name).unwrap();
    let landed = |id, at: &str| LandedLine { change: change(id), at: at.to_owned() };
    let verdict = |id, driver: Option<&str>, job, verdict| VerdictLine {
        change: change(id),
        driver: driver.map(|driver| DriverName::parse(driver).unwrap()),
        job: JobName::parse(job).unwrap(),
        pipeline: PipelineWord::Gate,
        verdict,
        vote: Some("gating"),
        detail: (verdict == "regressed").then(|| "2 of 2 failed".to_owned()),
    };
    Outcome {
        scenario: "a failing head <restarts> the ones & \"friends\" behind it".to_owned(),
        ended: "47m".to_owned(),
        landed: vec![landed("B", "47m"), landed("C", "47m")],
        changes: BTreeMap::from([
            (change("A"), line(StateWord::Open, GateWord::Failed, "unit regressed: 2 of 2", 3)),
            (change("B"), line(StateWord::Landed, GateWord::Landed, "every vote is for it", 2)),
            (change("C"), line(StateWord::Landed, GateWord::Landed, "every vote is for it", 2)),
            (change("D"), line(StateWord::Open, GateWord::Waiting, "unit runs", 1)),
            (change("E"), line(StateWord::Open, GateWord::Waiting, "waits for D", 0)),
            (change("F"), line(StateWord::Unopened, GateWord::None, "", 0)),
        ]),
        builds: BUILDS.map(build).into(),
        verdicts: vec![
            verdict("A", None, "unit", "regressed"),
            verdict("B", Some("vmware"), "lab", "passed"),
        ],
        reports: REPORTS.map(report).into(),
        tips: BTreeMap::from([(repo("core"), vec![change("B"), change("C")])]),
        waits: vec![
            Waiting {
                change: change("C"),
                pipeline: Some(PipelineWord::Gate),
                driver: None,
                job: None,
                on: "B, which is ahead of it".to_owned(),
                since: "25m".to_owned(),
                until: Some("47m".to_owned()),
            },
            Waiting {
                change: change("E"),
                pipeline: None,
                driver: None,
                job: None,
                on: "D to land, which it depends on".to_owned(),
                since: "30m".to_owned(),
                until: None,
            },
        ],
        frozen: BTreeMap::from([(repo("vmware"), "the landed tree differs".to_owned())]),
    }
}
