//! The world around the loop in virtual time: it carries out what is decided, and tells what comes of it.

pub(crate) mod forge;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crossgate_core::build::{Ended, Outcome};
use crossgate_core::decide::{Action, Decision, decide};
use crossgate_core::facts::{
    Build, BuildState, Conflict, Fact, Facts, LandingTried, Receipt, Report, TreeState,
};
use crossgate_core::ids::{BuildId, BuildKey, ChangeId, Timestamp};
use crossgate_core::scenario::LandingResult;

pub use forge::Forge;

/// Most turns of the loop at one moment.
const MAX_TURNS: usize = 20_000;

/// What builds and the forge do, as far as the world does not follow from what it is asked.
pub trait Script {
    /// Says what a build that starts now will say, and when.
    fn says(&mut self, build: &Build, forge: &Forge, facts: &Facts, now: Timestamp) -> Saying;

    /// Returns whether builds are to be counted by change and tree over all items, for rules that speak of the n-th.
    fn counts_attempts(&self) -> bool {
        false
    }

    /// Says how a try to land a change goes.
    fn lands(&mut self, _change: &ChangeId) -> Option<LandingResult> {
        None
    }

    /// Says whether there is a change that this one does not go together with: only then is it asked about each.
    fn may_conflict(&self, _change: &ChangeId) -> bool {
        true
    }

    /// Says whether a change does not go together with another one that is in the tree before it.
    fn conflicts(&self, _change: &ChangeId, _other: &ChangeId) -> bool {
        false
    }
}

/// What a build will say.
#[derive(Debug, Clone)]
pub struct Saying {
    /// What.
    pub outcome: Outcome,
    /// After how long.
    pub after: Duration,
    /// When it says that it is going to fail, if it does.
    pub early: Option<Duration>,
}

/// Watches the world.
#[expect(unused_variables, reason = "what is not watched is not used")]
pub trait Observer {
    /// Says whether to tell what is in the tree of a build that starts.
    fn sees_trees(&self) -> bool {
        true
    }
    /// Is told each decision, with the facts it was made from.
    fn decided(&mut self, facts: &Facts, decision: &Decision, now: Timestamp) {}
    /// Is told of a build that starts, with the changes in its tree that have not landed, in merge order.
    fn started(&mut self, build: &Build, with: &[ChangeId], facts: &Facts, now: Timestamp) {}
    /// Is told of a build that has ended.
    fn ended(&mut self, id: &BuildId, outcome: &Outcome, now: Timestamp) {}
    /// Is told of a report.
    fn reported(&mut self, report: &Report, now: Timestamp) {}
    /// Is told of a change that is part of its branch.
    fn landed(&mut self, change: &ChangeId, inside: &BTreeSet<ChangeId>, now: Timestamp) {}
}

/// Why a world does not come to an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The loop finds something to do for ever.
    #[error("the loop found something to do {MAX_TURNS} times at {at} without coming to rest")]
    Restless {
        /// When, since the start.
        at: String,
    },
    /// Time goes on and on.
    #[error("still going on after {steps} steps")]
    Endless {
        /// How many.
        steps: u64,
    },
    /// What must always hold does not.
    #[error("an invariant of the loop does not hold at {at}: {what}")]
    Broken {
        /// When, since the start.
        at: String,
        /// Which, and how.
        what: String,
    },
}

/// Something that is going to happen to a build.
#[derive(Debug, Clone)]
enum Upcoming {
    Fails(BuildId),
    Ends(BuildId, Box<Outcome>),
}

/// The loop and the world around it.
#[derive(Debug)]
pub struct World<S> {
    /// What is known.
    pub facts: Facts,
    /// The time.
    pub now: Timestamp,
    /// The branches.
    pub forge: Forge,
    /// What builds say.
    pub script: S,
    start: Timestamp,
    agenda: BTreeMap<(Timestamp, u64), Upcoming>,
    count: u64,
    /// How many builds there were of a change on a tree.
    attempts: BTreeMap<(ChangeId, BuildKey), u32>,
    /// Everything that was recorded; kept if the process may die.
    log: Option<Vec<(Timestamp, Fact)>>,
    /// What the facts were at the start.
    first: Option<Box<Facts>>,
}

impl<S: Script> World<S> {
    /// Makes a world; with `mortal`, the process may die and come back.
    pub fn new(facts: Facts, start: Timestamp, script: S, mortal: bool) -> Self {
        let first = mortal.then(|| Box::new(facts.clone()));
        let (agenda, attempts, log) = (BTreeMap::new(), BTreeMap::new(), mortal.then(Vec::new));
        Self {
            facts,
            now: start,
            forge: Forge::default(),
            script,
            start,
            agenda,
            count: 0,
            attempts,
            log,
            first,
        }
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now.since(self.start)
    }

    /// Records a fact.
    pub fn record(&mut self, fact: Fact) {
        if let Some(log) = &mut self.log {
            log.push((self.now, fact.clone()));
        }
        self.facts.record(fact, self.now);
    }

    /// The process dies and comes back: all it knows is what was recorded.
    pub fn restart(&mut self) {
        let (Some(first), Some(log)) = (&self.first, &self.log) else { return };
        let mut facts = first.as_ref().clone();
        for (at, fact) in log {
            facts.record(fact.clone(), *at);
        }
        self.facts = facts;
    }

    /// Takes what the facts were at the start and everything that was recorded since, of a process that may die.
    pub(crate) fn take_log(&mut self) -> (Facts, Vec<(Timestamp, Fact)>) {
        let first = self.first.take().map_or_else(Facts::default, |first| *first);
        (first, self.log.take().unwrap_or_default())
    }

    /// Lets the loop turn until it has nothing left to do at this moment; returns when it is to turn again.
    ///
    /// # Errors
    /// [`Stuck::Restless`].
    pub fn settle(&mut self, observer: &mut dyn Observer) -> Result<Option<Timestamp>, Stuck> {
        for _ in 0..MAX_TURNS {
            let decision = decide(&self.facts, self.now);
            observer.decided(&self.facts, &decision, self.now);
            if decision.actions.is_empty() {
                return Ok(decision.wake);
            }
            for action in &decision.actions {
                self.perform(action, &decision, observer);
            }
        }
        Err(Stuck::Restless { at: crate::in_words(self.elapsed()) })
    }

    /// Returns when something is going to happen to a build next.
    pub fn next_event(&mut self) -> Option<Timestamp> {
        while let Some(entry) = self.agenda.first_entry() {
            let (Upcoming::Fails(id) | Upcoming::Ends(id, _)) = entry.get();
            let runs = self.facts.builds().get(id).map(|build| &build.state);
            if matches!(runs, Some(BuildState::Running { .. })) {
                return Some(entry.key().0);
            }
            // It was ended before.
            entry.remove();
        }
        None
    }

    /// Lets everything happen that happens to builds up to a moment, and makes it that moment.
    pub fn advance(&mut self, to: Timestamp, observer: &mut dyn Observer) {
        while let Some(at) = self.next_event().filter(|at| *at <= to) {
            self.now = at;
            let Some((_, upcoming)) = self.agenda.pop_first() else { break };
            match upcoming {
                Upcoming::Fails(id) => self.record(Fact::Failing(id)),
                Upcoming::Ends(id, outcome) => self.end(&id, *outcome, observer),
            }
        }
        self.now = to;
    }

    fn end(&mut self, id: &BuildId, outcome: Outcome, observer: &mut dyn Observer) {
        let Some(BuildState::Running { since, .. }) = self.facts.builds().get(id).map(|build| &build.state)
        else {
            return;
        };
        observer.ended(id, &outcome, self.now);
        let ended = Ended { started: *since, ended: self.now, outcome };
        self.record(Fact::Ended(*id, ended));
    }

    fn perform(&mut self, action: &Action, decision: &Decision, observer: &mut dyn Observer) {
        match action {
            Action::Prepare(chain) => {
                self.record(Fact::Preparing(chain.keys()));
                for (key, tips) in &chain.tips {
                    let state = Forge::at_tips(tips);
                    self.record(Fact::Prepared(*key, TreeState::Ready(state)));
                }
                for (key, onto, merge) in &chain.merges {
                    self.forge.remember(*key, *onto, &merge.change);
                    let state = match self.facts.trees().get(onto) {
                        Some(TreeState::Ready(states)) => {
                            let may = self.script.may_conflict(&merge.change);
                            let clash = |other: &ChangeId| self.script.conflicts(&merge.change, other);
                            let clash = may.then_some(clash);
                            self.forge.merge(states, merge, clash)
                        }
                        // What stands on a conflict conflicts.
                        Some(other) => other.clone(),
                        None => TreeState::Conflict(Conflict {
                            change: merge.change.clone(),
                            with: None,
                            repo: merge.repo.clone(),
                            files: Vec::new(),
                        }),
                    };
                    self.record(Fact::Prepared(*key, state));
                }
            }
            Action::Start(build) => self.begin(build, decision, observer),
            Action::Cancel(id) => {
                self.record(Fact::Cancelling(*id));
                self.end(id, Outcome::Cancelled, observer);
            }
            Action::Enter { pipeline, changes } => {
                self.record(Fact::Entered { pipeline: *pipeline, changes: changes.clone() });
            }
            Action::Refuse { change, pipeline, state, reason } => {
                let (change, reason) = (change.clone(), reason.clone());
                self.record(Fact::Refused { change, pipeline: *pipeline, state: *state, reason });
            }
            Action::Leave(left) => self.record(Fact::Left(left.clone())),
            Action::Land { .. } => self.land(action, observer),
            Action::Announce(item) => self.record(Fact::Announced(*item)),
            Action::TellFrozen(item, why) => self.record(Fact::ToldFrozen(*item, why.clone())),
            Action::Report(report) => {
                observer.reported(report, self.now);
                self.record(Fact::Reported(report.number));
            }
        }
    }

    fn begin(&mut self, build: &Build, decision: &Decision, observer: &mut dyn Observer) {
        let with = if observer.sees_trees() { self.unmerged(build, decision) } else { Vec::new() };
        let mut build = build.clone();
        if self.script.counts_attempts() {
            let count = self.attempts.entry((build.request.change.clone(), build.request.key)).or_default();
            *count += 1;
            build.request.attempt = *count;
        }
        let saying = self.script.says(&build, &self.forge, &self.facts, self.now);
        observer.started(&build, &with, &self.facts, self.now);
        self.record(Fact::Started(Box::new(build.clone())));
        if let Some(early) = saying.early.filter(|early| *early < saying.after) {
            self.upcoming(self.now.after(early), Upcoming::Fails(build.request.id));
        }
        let ends = Upcoming::Ends(build.request.id, Box::new(saying.outcome));
        self.upcoming(self.now.after(saying.after), ends);
    }

    fn upcoming(&mut self, at: Timestamp, what: Upcoming) {
        self.count += 1;
        self.agenda.insert((at, self.count), what);
    }

    /// Returns the changes in a build's tree that have not landed, in merge order.
    fn unmerged(&self, build: &Build, decision: &Decision) -> Vec<ChangeId> {
        let unmerged: BTreeSet<&ChangeId> = self.forge.unmerged(&build.request.tree).collect();
        let mut with: Vec<ChangeId> = unmerged.into_iter().cloned().collect();
        if with.len() > 1 {
            let states = decision.items.iter().zip(self.facts.items());
            let own = states
                .filter(|(_, item)| item.holds(&build.request.change))
                .find_map(|(state, _)| state.tree);
            let order = own.map(|key| self.forge.order(key)).unwrap_or_default();
            with.sort_by_key(|change| order.iter().position(|other| other == change));
        }
        with
    }

    fn land(&mut self, action: &Action, observer: &mut dyn Observer) {
        let Action::Land { item, change, tree, learned } = action else { return };
        self.record(Fact::Landing(*item));
        let tested = match self.facts.trees().get(tree) {
            Some(TreeState::Ready(states)) => states.get(&change.repo).cloned(),
            Some(_) | None => None,
        };
        let refused = |why: &str, again| Err((why.to_owned(), again));
        let verdict = self.script.lands(&change.id);
        let result = match (tested, verdict) {
            (None, _) => refused("the tested tree is gone", true),
            (_, Some(LandingResult::Refused)) => refused("the forge refuses it for now", true),
            (_, Some(LandingResult::Rejected)) => refused("the forge refuses it for good", false),
            (Some(tested), verdict) => {
                if self.forge.push(change, &tested.commit) {
                    let differs = verdict == Some(LandingResult::Differs);
                    let landed = if differs { forge::other_tree(&tested.tree) } else { tested.tree.clone() };
                    Ok(Receipt { commit: tested.commit, tested: tested.tree, landed })
                } else {
                    refused("the branch has moved", true)
                }
            }
        };
        if let Ok(receipt) = &result {
            let inside = self.forge.inside_commit(&receipt.commit);
            observer.landed(&change.id, &inside, self.now);
        }
        let (item, learned) = (*item, learned.clone());
        self.record(Fact::LandingTried(Box::new(LandingTried { item, result, learned })));
    }
}

/// A state of every repo.
pub(crate) type States = Arc<BTreeMap<crossgate_core::ids::RepoName, crossgate_core::build::RepoState>>;
