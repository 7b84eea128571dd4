//! What becomes known, and how the facts change by it.

mod bases;
mod builds;
mod landing;
mod people;
mod pipeline;

use std::sync::Arc;

use super::item::{Item, ItemId, Pipeline};
use super::proposal::Waiver;
use super::tree::{TreeKey, TreeState};
use super::{Build, Configuration, Facts, ReportState};
use crate::build::Ended;
use crate::change::Change;
use crate::ids::{BranchName, BuildId, ChangeId, CommitId, DriverName, JobName, RepoName, Timestamp, TreeId};
use crate::ledger::Observation;
use crate::scenario::Scope;

/// Something that became known.
#[derive(Debug, Clone)]
pub enum Fact {
    /// The configuration is this from now on.
    Configured(Configuration),
    /// A branch is at a commit that did not get there through the gate.
    Tip {
        /// Of which repo.
        repo: RepoName,
        /// Which.
        branch: BranchName,
        /// Its last commit.
        commit: CommitId,
        /// The change that landed so, if it is one.
        change: Option<ChangeId>,
    },
    /// A change is heard of, as a draft that nobody asks for yet; or it has a new revision, or its text is another.
    Proposed {
        /// The change.
        change: Arc<Change>,
        /// What it asks for that cannot be, each with a way out.
        errors: Vec<String>,
        /// The configuration as it is with the change; `None`: it does not touch it.
        configuration: Option<Configuration>,
    },
    /// A change is to be checked, for the first time or again; a closed one is open again.
    Asked(ChangeId),
    /// Somebody says that a change is to land: its revision as it is known then, in spite of what was said against it before.
    /// What is said against it later counts more.
    Approved {
        /// Which.
        change: ChangeId,
        /// Who.
        by: String,
    },
    /// An approval is withdrawn.
    Unapproved(ChangeId),
    /// A change is closed.
    Closed(ChangeId),
    /// An operator takes a change out of the gate.
    Dequeued {
        /// Which.
        change: ChangeId,
        /// Who.
        by: String,
    },
    /// An operator moves changes to the front of their queue, in this order.
    Promoted(Vec<ChangeId>),
    /// Nothing lands until it is resumed; `None`: nothing at all.
    Held {
        /// What is held.
        scope: Option<Scope>,
        /// Who.
        by: String,
    },
    /// A hold, or a frozen queue, is over.
    Resumed(Option<Scope>),
    /// Somebody passes over what a driver says of a change.
    Waived(Waiver),
    /// What a comment asks for cannot be, and is to be answered.
    Answered {
        /// On which change.
        change: ChangeId,
        /// What is wrong.
        text: String,
    },
    /// An item made elsewhere is in a pipeline.
    Joined(Box<Item>),
    /// Changes entered a pipeline as one item.
    Entered {
        /// Which pipeline.
        pipeline: Pipeline,
        /// The changes, in the order in which they are to land.
        changes: Vec<ChangeId>,
    },
    /// A change cannot enter a pipeline.
    Refused {
        /// Which.
        change: ChangeId,
        /// Which pipeline.
        pipeline: Pipeline,
        /// What is reported.
        state: ReportState,
        /// Why.
        reason: String,
    },
    /// An item left its pipeline without landing.
    Left(Box<Left>),
    /// Trees are being made.
    Preparing(Vec<TreeKey>),
    /// A tree is as far as this.
    Prepared(TreeKey, TreeState),
    /// A runner has a build.
    Started(Box<Build>),
    /// A running build says that it is going to fail.
    Failing(BuildId),
    /// A running build was told to end.
    Cancelling(BuildId),
    /// A build has ended.
    Ended(BuildId, Ended),
    /// The landing of the next change of an item is on its way.
    Landing(ItemId),
    /// What came of it.
    LandingTried(Box<LandingTried>),
    /// It is to be reported that an item has entered.
    Announced(ItemId),
    /// It is to be reported that nothing lands in an item's queue, and why.
    ToldFrozen(ItemId, String),
    /// A report is where people see it.
    Reported(u64),
}

/// An item that left without landing.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Which.
    pub item: ItemId,
    /// What is reported; `None`: nothing, since it enters again or nobody waits for it.
    pub state: Option<ReportState>,
    /// Why.
    pub reason: String,
    /// The change of a cycle that it is about; what depends on it only shares its fate. `None`: all of them.
    pub of: Option<ChangeId>,
    /// Whether nothing of it is to be tested any more.
    pub over: bool,
    /// What its verdicts tell of its jobs.
    pub learned: Vec<(Option<DriverName>, JobName, Observation)>,
}

/// A try to land a change.
#[derive(Debug, Clone, PartialEq)]
pub struct LandingTried {
    /// Of which item.
    pub item: ItemId,
    /// What came of it; an error is why it did not land, and whether it may the next time.
    pub result: Result<Receipt, (String, bool)>,
    /// What the item's verdicts tell of its jobs.
    pub learned: Vec<(Option<DriverName>, JobName, Observation)>,
}

/// The proof that what landed is what was tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The commit that the branch is at.
    pub commit: CommitId,
    /// The tree that was tested.
    pub tested: TreeId,
    /// The tree that the branch holds, read back.
    pub landed: TreeId,
}

impl Facts {
    /// Records what became known at a moment. What speaks of something that is gone changes nothing.
    pub fn record(&mut self, fact: Fact, at: Timestamp) {
        match fact {
            Fact::Configured(configuration) => self.configure(configuration),
            Fact::Tip { repo, branch, commit, change } => self.pushed((repo, branch), commit, change, at),
            Fact::Proposed { change, errors, configuration } => self.propose(change, errors, configuration),
            Fact::Promoted(changes) => self.promote(&changes),
            Fact::Held { scope, by } => drop(self.holds.insert(scope, by)),
            Fact::Resumed(scope) => self.resume(scope.as_ref()),
            Fact::Waived(waiver) => {
                self.waivers.retain(|other| other.until > at);
                self.waivers.push(waiver);
            }
            Fact::Asked(id) => self.ask(&id),
            Fact::Approved { change, by } => self.approve(&change, by, at),
            Fact::Unapproved(id) => self.unapprove(&id),
            Fact::Closed(id) => self.close(&id),
            Fact::Dequeued { change, by } => self.dequeue(&change, by),
            Fact::Answered { change, text } => self.report(change, Pipeline::Gate, ReportState::Error, text),
            Fact::Joined(item) => self.join(*item, at),
            Fact::Entered { pipeline, changes } => self.enter(pipeline, &changes, at),
            Fact::Refused { change, pipeline, state, reason } => {
                self.refuse(&change, pipeline, state, reason, at);
            }
            Fact::Left(left) => self.leave(*left, at),
            Fact::Preparing(keys) => {
                for key in keys {
                    self.trees.entry(key).or_insert(TreeState::Preparing);
                }
            }
            Fact::Prepared(key, state) => drop(self.trees.insert(key, state)),
            Fact::Started(build) => self.start(build),
            Fact::Failing(id) => self.on_running(&id, |failing, _| *failing = true),
            Fact::Cancelling(id) => self.on_running(&id, |_, cancelled| *cancelled = cancelled.or(Some(at))),
            Fact::Ended(id, ended) => self.end(&id, ended),
            Fact::Landing(item) => {
                if let Some(item) = self.items.iter_mut().find(|other| other.id == item) {
                    item.landing.since = Some(at);
                }
            }
            Fact::LandingTried(tried) => self.tried(*tried, at),
            Fact::Announced(item) => self.announce(item),
            Fact::ToldFrozen(item, why) => self.tell_frozen(item, &why),
            Fact::Reported(number) => self.due.retain(|report| report.number != number),
        }
    }
}
