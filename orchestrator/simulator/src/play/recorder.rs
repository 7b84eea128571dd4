//! Writes down what comes out of a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossgate_core::build::{Outcome as Said, Signature};
use crossgate_core::decide::{Decision, RowState, Wait};
use crossgate_core::facts::{Build, Facts, Pipeline, Proposal, Report, ReportState};
use crossgate_core::ids::{BuildId, ChangeId, DriverName, JobName, Timestamp};
use crossgate_core::scenario::Scenario;
use crossgate_core::verdict::Verdict;

use crate::in_words;
use crate::invariants::Guard;
use crate::outcome::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting,
};
use crate::world::{Forge, Observer};

/// What waits: a change in a pipeline, or one of its jobs.
type Waiter = (ChangeId, Option<Pipeline>, Option<DriverName>, Option<JobName>);

/// A verdict's place.
type Place = (ChangeId, Option<DriverName>, JobName, Pipeline);

/// What stands in a verdict's place.
#[derive(Debug, Default)]
struct Judged {
    verdict: &'static str,
    vote: Option<&'static str>,
    detail: Option<String>,
}

#[derive(Debug)]
pub(super) struct Recorder {
    start: Timestamp,
    landed: Vec<LandedLine>,
    builds: Vec<BuildLine>,
    lines: BTreeMap<BuildId, usize>,
    /// Each with its number in the order in which they were first reached.
    verdicts: BTreeMap<Place, (usize, Judged)>,
    reached: usize,
    reports: Vec<ReportLine>,
    waits: Vec<Waiting>,
    waiting: BTreeMap<Waiter, (usize, String)>,
    pub(super) guard: Guard,
}

impl Recorder {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            landed: Vec::new(),
            builds: Vec::new(),
            lines: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            reached: 0,
            reports: Vec::new(),
            waits: Vec::new(),
            waiting: BTreeMap::new(),
            guard: Guard::default(),
        }
    }

    fn at(&self, now: Timestamp) -> String {
        in_words(now.since(self.start))
    }

    pub(super) fn outcome(
        self,
        scenario: &Scenario,
        facts: &Facts,
        forge: &Forge,
        ended: Duration,
    ) -> Outcome {
        let change = |id: &ChangeId| {
            let reports = self.reports.iter().filter(|report| report.change == *id).count();
            (id.clone(), change_line(id, facts, &self, reports))
        };
        let changes = scenario.changes.keys().map(change).collect();
        let tips = facts.configuration().into_iter().flat_map(|configuration| &configuration.workspace.repos);
        let tips = tips.map(|(name, repo)| (name.clone(), forge.changes_on(name, &repo.branch))).collect();
        let mut verdicts: Vec<_> = self.verdicts.into_iter().collect();
        verdicts.sort_by_key(|(_, (number, _))| *number);
        let line = |((change, driver, job, pipeline), (_, judged)): (Place, (usize, Judged))| {
            let Judged { verdict, vote, detail } = judged;
            VerdictLine { change, driver, job, pipeline: word(pipeline), verdict, vote, detail }
        };
        Outcome {
            scenario: scenario.name.clone(),
            ended: in_words(ended),
            changes,
            landed: self.landed,
            builds: self.builds,
            verdicts: verdicts.into_iter().map(line).collect(),
            reports: self.reports,
            tips,
            waits: self.waits,
            frozen: facts.frozen().map(|(repo, why)| (repo.clone(), why.clone())).collect(),
        }
    }

    fn verdict(&mut self, place: Place, verdict: Option<Judged>) {
        let Some(verdict) = verdict else {
            self.verdicts.remove(&place);
            return;
        };
        let next = self.reached;
        let (number, known) = self.verdicts.entry(place).or_insert_with(|| (next, Judged::default()));
        *known = verdict;
        self.reached += usize::from(*number == next);
    }

    fn verdicts(&mut self, facts: &Facts, decision: &Decision) {
        for (item, state) in facts.items().iter().zip(&decision.items) {
            for member in &item.members {
                let skipped = member.plan.entries.iter().filter(|entry| !entry.runs());
                for (entry, job) in skipped.filter_map(|entry| Some((entry, entry.job_name()?))) {
                    let place = (member.change.id.clone(), entry.driver.clone(), job.clone(), item.pipeline);
                    let detail = entry.decisive().map(ToString::to_string);
                    self.verdict(place, Some(Judged { verdict: "not-applicable", vote: None, detail }));
                }
            }
            for row in &state.rows {
                let change = item.members[row.member].change.id.clone();
                let verdict = match &row.state {
                    RowState::Decided(verdict) => Some(Judged {
                        verdict: verdict.word(),
                        vote: Some(row.vote.word()),
                        detail: detail(verdict, self.start),
                    }),
                    RowState::Waits { .. } => None,
                };
                self.verdict((change, row.driver.clone(), row.job.clone(), item.pipeline), verdict);
            }
        }
    }

    fn waits(&mut self, facts: &Facts, decision: &Decision, now: Timestamp) {
        let mut current: BTreeMap<Waiter, String> = BTreeMap::new();
        for pending in &decision.pending {
            current.insert((pending.change.clone(), None, None, None), pending.on.to_string());
        }
        for (item, state) in facts.items().iter().zip(&decision.items) {
            let pipeline = Some(item.pipeline);
            if let Some(wait) = &state.wait {
                current.insert((state.change.clone(), pipeline, None, None), text(wait));
            }
            for row in &state.rows {
                if let RowState::Waits { on } = &row.state {
                    let change = item.members[row.member].change.id.clone();
                    current.insert((change, pipeline, row.driver.clone(), Some(row.job.clone())), text(on));
                }
            }
        }
        let at = self.at(now);
        self.waiting.retain(|waiter, (index, on)| {
            let goes_on = current.get(waiter) == Some(on);
            if !goes_on {
                self.waits[*index].until = Some(at.clone());
            }
            goes_on
        });
        for (waiter, on) in current {
            if self.waiting.contains_key(&waiter) {
                continue;
            }
            self.waiting.insert(waiter.clone(), (self.waits.len(), on.clone()));
            let (change, pipeline, driver, job) = waiter;
            let pipeline = pipeline.map(word);
            self.waits.push(Waiting { change, pipeline, driver, job, on, since: at.clone(), until: None });
        }
        // What waited for no time at all did not wait.
        if self.waits.iter().any(|wait| wait.until.as_ref() == Some(&wait.since)) {
            self.forget_instants();
        }
    }

    fn forget_instants(&mut self) {
        let mut kept = Vec::new();
        let mut places = BTreeMap::new();
        for (index, wait) in std::mem::take(&mut self.waits).into_iter().enumerate() {
            if wait.until.as_ref() != Some(&wait.since) {
                places.insert(index, kept.len());
                kept.push(wait);
            }
        }
        self.waits = kept;
        for (index, _) in self.waiting.values_mut() {
            *index = places.get(index).copied().unwrap_or_default();
        }
    }
}

impl Observer for Recorder {
    fn decided(&mut self, facts: &Facts, decision: &Decision, now: Timestamp) {
        self.guard.decided(facts, decision, now);
        self.verdicts(facts, decision);
        // What is about to change is not waited for.
        if decision.actions.is_empty() {
            self.waits(facts, decision, now);
        }
    }

    fn started(&mut self, build: &Build, with: &[ChangeId], facts: &Facts, now: Timestamp) {
        self.guard.started(build, with, facts, now);
        let request = &build.request;
        let holds = |pipeline| facts.item_of(&request.change, pipeline).is_some();
        self.lines.insert(request.id, self.builds.len());
        self.builds.push(BuildLine {
            job: request.job.clone(),
            driver: request.driver.clone(),
            change: request.change.clone(),
            revision: facts.proposals().get(&request.change).map_or(1, |proposal| proposal.change.revision),
            pipeline: if holds(Pipeline::Gate) { PipelineWord::Gate } else { PipelineWord::Check },
            purpose: request.purpose,
            attempt: request.attempt,
            with: with.to_vec(),
            started: self.at(now),
            ended: None,
            outcome: None,
        });
    }

    fn ended(&mut self, id: &BuildId, outcome: &Said, now: Timestamp) {
        self.guard.ended(id, outcome, now);
        let at = self.at(now);
        if let Some(line) = self.lines.get(id).and_then(|index| self.builds.get_mut(*index)) {
            (line.ended, line.outcome) = (Some(at), Some(outcome.word()));
        }
    }

    fn reported(&mut self, report: &Report, now: Timestamp) {
        self.guard.reported(report, now);
        let (change, pipeline, text) = (report.change.clone(), word(report.pipeline), report.text.clone());
        self.reports.push(ReportLine {
            change,
            pipeline,
            at: self.at(now),
            state: report_word(report.state),
            text,
        });
    }

    fn landed(&mut self, change: &ChangeId, inside: &BTreeSet<ChangeId>, now: Timestamp) {
        self.guard.landed(change, inside, now);
        self.landed.push(LandedLine { change: change.clone(), at: self.at(now) });
    }
}

fn change_line(id: &ChangeId, facts: &Facts, recorder: &Recorder, reports: usize) -> ChangeLine {
    let Some(proposal) = facts.proposals().get(id) else {
        return ChangeLine {
            state: StateWord::Unopened,
            gate: GateWord::None,
            reason: String::new(),
            reports,
        };
    };
    let state = match proposal {
        Proposal { landed: true, .. } => StateWord::Landed,
        Proposal { draft: true, .. } => StateWord::Unopened,
        Proposal { open: true, .. } => StateWord::Open,
        Proposal { .. } => StateWord::Closed,
    };
    let waits = |wait: &&Waiting| wait.change == *id && wait.until.is_none();
    let wait = recorder.waits.iter().filter(waits).min_by_key(|wait| wait.job.is_some());
    let waiting = || wait.map(|wait| wait.on.clone()).unwrap_or_default();
    let (gate, reason) = if facts.item_of(id, Pipeline::Gate).is_some() {
        (GateWord::Waiting, waiting())
    } else if proposal.standing_approval().is_some() && proposal.open {
        match &proposal.refused {
            Some(reason) => (GateWord::None, reason.clone()),
            None => (GateWord::Waiting, waiting()),
        }
    } else if let Some(ended) = &proposal.gate {
        (gate_word(ended.state), ended.reason.clone())
    } else {
        (GateWord::None, proposal.refused.clone().unwrap_or_default())
    };
    ChangeLine { state, gate, reason, reports }
}

fn gate_word(state: ReportState) -> GateWord {
    match state {
        ReportState::Landed => GateWord::Landed,
        ReportState::Failed => GateWord::Failed,
        ReportState::Conflict => GateWord::Conflict,
        ReportState::Dependency => GateWord::Dependency,
        ReportState::Removed => GateWord::Removed,
        ReportState::Started | ReportState::Passed | ReportState::Error => GateWord::None,
    }
}

fn report_word(state: ReportState) -> ReportWord {
    match state {
        ReportState::Started => ReportWord::Started,
        ReportState::Passed => ReportWord::Passed,
        ReportState::Failed => ReportWord::Failed,
        ReportState::Conflict => ReportWord::Conflict,
        ReportState::Dependency => ReportWord::Dependency,
        ReportState::Error => ReportWord::Error,
        ReportState::Removed => ReportWord::Removed,
        ReportState::Landed => ReportWord::Landed,
    }
}

fn word(pipeline: Pipeline) -> PipelineWord {
    match pipeline {
        Pipeline::Gate => PipelineWord::Gate,
        Pipeline::Check => PipelineWord::Check,
    }
}

/// What a verdict rests on beside its word.
fn detail(verdict: &Verdict, start: Timestamp) -> Option<String> {
    let look =
        |signature: &Signature| signature.lines.first().map(|line| format!(": {line}")).unwrap_or_default();
    match verdict {
        Verdict::Passed | Verdict::Fixed => None,
        Verdict::Regressed { failed, of, signature } => {
            Some(format!("{failed} of {of} failed{}", look(signature)))
        }
        Verdict::BrokenBefore { signature } => Some(format!("alike without it{}", look(signature))),
        Verdict::BrokenDifferently { signature, before } => {
            Some(format!("with it{}, without it{}", look(signature), look(before)))
        }
        Verdict::Flaky { failed, of } => Some(format!("{failed} of {of} failed")),
        Verdict::Infra { reason } | Verdict::NotApplicable { reason } | Verdict::Unknown { reason } => {
            Some(reason.clone())
        }
        Verdict::Absent { after, blocks } => {
            let blocks = if *blocks { "blocks" } else { "holds nobody up" };
            Some(format!("not heard of for {}, which {blocks}", in_words(*after)))
        }
        Verdict::Waived { by, reason, until, verdict } => {
            Some(format!("{verdict}, passed over by {by} until {}: {reason}", in_words(until.since(start))))
        }
    }
}

/// What something waits for, without the ids of builds: they say nothing here.
fn text(wait: &Wait) -> String {
    match wait {
        Wait::Build { purpose, .. } => format!("its {} build is running", purpose.word()),
        other => other.to_string(),
    }
}
