//! What becomes known, and how the facts change by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::item::{Item, ItemId, Member, Pipeline};
use super::proposal::{Approval, Checking, Ended as GateEnd, Proposal, Waiver};
use super::tree::{Base, TreeKey, TreeState};
use super::{Build, BuildState, Configuration, Earlier, Facts, Report, ReportState};
use crate::build::{Ended, Outcome};
use crate::change::Change;
use crate::dependencies;
use crate::ids::{BranchName, BuildId, ChangeId, CommitId, DriverName, JobName, RepoName, Timestamp, TreeId};
use crate::keys;
use crate::ledger::Observation;
use crate::plan::plan;
use crate::queues::{QueueId, Queues};
use crate::scenario::Scope;
use crate::workspace::Workspace;

/// How long what landed through the gate speaks for itself as a baseline.
const PROVEN_FOR: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// So many trees are kept for each item; beyond that the oldest are made anew when they are wanted.
const TREES_PER_ITEM: usize = 8;

/// So many outcomes of builds whose items are gone are kept before those that are too old are looked for.
const SWEEP_AT: usize = 16_384;

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
    /// Somebody says that a change is to land.
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
            Fact::Tip { repo, branch, commit, change } => self.pushed(&repo, branch, commit, change, at),
            Fact::Proposed { change, errors, configuration } => self.propose(change, errors, configuration),
            Fact::Promoted(changes) => self.promote(&changes),
            Fact::Held { scope, by } => drop(self.holds.insert(scope, by)),
            Fact::Resumed(scope) => self.resume(scope.as_ref()),
            Fact::Waived(waiver) => {
                self.waivers.retain(|other| other.until > at);
                self.waivers.push(waiver);
            }
            Fact::Asked(_)
            | Fact::Approved { .. }
            | Fact::Unapproved(_)
            | Fact::Closed(_)
            | Fact::Dequeued { .. } => self.decided_by_people(fact, at),
            Fact::Joined(item) => self.join(*item, at),
            Fact::Entered { pipeline, changes } => self.enter(pipeline, &changes, at),
            Fact::Refused { change, pipeline, state, reason } => {
                self.refuse(&change, pipeline, state, reason, at)
            }
            Fact::Left(left) => self.leave(*left, at),
            Fact::Preparing(keys) => {
                for key in keys {
                    self.trees.entry(key).or_insert(TreeState::Preparing);
                }
            }
            Fact::Prepared(key, state) => drop(self.trees.insert(key, state)),
            Fact::Started(_) | Fact::Failing(_) | Fact::Cancelling(_) | Fact::Ended(..) => self.built(fact),
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

    fn configure(&mut self, configuration: Configuration) {
        self.queues = Queues::of(&configuration.workspace, &configuration.graph);
        self.configuration = Some(configuration);
    }

    fn propose(&mut self, change: Arc<Change>, errors: Vec<String>, configuration: Option<Configuration>) {
        let proposal =
            self.proposals.entry(change.id.clone()).or_insert_with(|| Proposal::new(change.clone()));
        let is_new = proposal.change.revision != change.revision || proposal.change.head != change.head;
        if is_new {
            proposal.approval = None;
            if proposal.check != Checking::Unasked {
                proposal.check = Checking::Due;
            }
        }
        proposal.refused = None;
        (proposal.change, proposal.errors, proposal.configuration) = (change, errors, configuration);
    }

    fn decided_by_people(&mut self, fact: Fact, at: Timestamp) {
        let (Fact::Asked(id)
        | Fact::Approved { change: id, .. }
        | Fact::Unapproved(id)
        | Fact::Closed(id)
        | Fact::Dequeued { change: id, .. }) = &fact
        else {
            return;
        };
        let in_gate = self.item_of(id, Pipeline::Gate).is_some();
        self.counter += 1;
        let number = self.counter;
        let Some(proposal) = self.proposals.get_mut(id).filter(|proposal| !proposal.landed) else { return };
        match fact {
            Fact::Asked(_) => {
                (proposal.open, proposal.draft) = (true, false);
                proposal.refused = None;
                proposal.check = Checking::Due;
            }
            Fact::Approved { by, .. } => {
                (proposal.open, proposal.draft) = (true, false);
                // An approval that stands is not another one for being said again.
                if proposal.standing_approval().is_none() {
                    proposal.approval = Some(Approval { by, at, number, used: false });
                }
            }
            Fact::Unapproved(_) => proposal.approval = None,
            Fact::Closed(_) => {
                (proposal.open, proposal.draft) = (false, false);
                (proposal.approval, proposal.check) = (None, Checking::Unasked);
            }
            Fact::Dequeued { by, .. } if in_gate => proposal.dequeued = Some(by),
            Fact::Dequeued { .. } => proposal.approval = None,
            _ => {}
        }
    }

    fn promote(&mut self, changes: &[ChangeId]) {
        let first = self.front - i64::try_from(changes.len()).unwrap_or(0);
        for (rank, change) in (first..).zip(changes) {
            let item =
                self.items.iter_mut().find(|item| item.pipeline == Pipeline::Gate && item.holds(change));
            if let Some(item) = item {
                item.rank = rank;
            }
        }
        self.front = first;
    }

    fn resume(&mut self, scope: Option<&Scope>) {
        self.holds.remove(&scope.cloned());
        let repos: Vec<RepoName> = match scope {
            None => self.frozen.values().map(|(repo, _)| repo.clone()).collect(),
            Some(Scope::Repo(repo)) => vec![repo.clone()],
            Some(Scope::Change(_)) => Vec::new(),
        };
        for repo in repos {
            let thawed: Vec<QueueId> =
                self.frozen.keys().filter(|queue| self.shares(&repo, queue)).cloned().collect();
            for queue in thawed {
                self.frozen.remove(&queue);
                self.rebase(&queue, None);
            }
        }
    }

    /// Returns whether the changes of a repo are in a queue.
    pub(crate) fn shares(&self, repo: &RepoName, queue: &QueueId) -> bool {
        let Some(configuration) = &self.configuration else { return false };
        let branch = configuration.workspace.repos.get(repo).map(|repo| repo.branch.clone());
        let of = branch.and_then(|branch| self.queues.queue(&configuration.workspace, repo, &branch));
        of.is_some_and(|of| of.repo == queue.repo)
    }

    /// Returns the queue of an item.
    pub(crate) fn queue_of(&self, item: &Item) -> Option<QueueId> {
        let configuration = self.configuration.as_ref()?;
        self.queues.queue(&configuration.workspace, &item.change().repo, &item.change().branch)
    }

    fn pushed(
        &mut self,
        repo: &RepoName,
        branch: BranchName,
        commit: CommitId,
        change: Option<ChangeId>,
        at: Timestamp,
    ) {
        self.tips.insert((repo.clone(), branch.clone()), commit);
        if let Some(id) = change
            && let Some(proposal) = self.proposals.get_mut(&id)
            && !proposal.landed
        {
            (proposal.landed, proposal.open) = (true, false);
            self.landed.push((id, at));
        }
        let queue = self
            .configuration
            .as_ref()
            .and_then(|configuration| self.queues.queue(&configuration.workspace, repo, &branch));
        if let Some(queue) = queue {
            self.rebase(&queue, Some(repo));
        }
    }

    /// Puts the items of a queue onto the tips as they are now: all, or those that change a repo and those behind them.
    fn rebase(&mut self, queue: &QueueId, from: Option<&RepoName>) {
        let mut order: Vec<usize> = (0..self.items.len())
            .filter(|at| {
                let item = &self.items[*at];
                item.pipeline == Pipeline::Gate && self.queue_of(item).as_ref() == Some(queue)
            })
            .collect();
        order.sort_by_key(|at| self.items[*at].rank);
        let touches = |at: &usize| {
            let members = &self.items[*at].members;
            from.is_none_or(|repo| members.iter().any(|member| member.change.repo == *repo))
        };
        let first = order.iter().position(touches).unwrap_or(order.len());
        for at in &order[first..] {
            let member = &self.items[*at].members[0];
            let tips = self.tips_for(&member.workspace, &member.change.repo, &member.change.branch);
            self.items[*at].base = Base::of_tips(tips);
        }
    }

    /// Returns the tip of each repo that a change to a branch of a repo is tested with: the branch of the same name if there is
    /// one, else the default; a driver may map branches itself. A change to a default branch is tested with default branches.
    pub(crate) fn tips_for(
        &self,
        workspace: &Workspace,
        changed: &RepoName,
        branch: &BranchName,
    ) -> Arc<BTreeMap<RepoName, CommitId>> {
        let is_default = workspace.repos.get(changed).is_some_and(|repo| repo.branch == *branch);
        let tip = |repo: &RepoName, branch: &BranchName| self.tips.get(&(repo.clone(), branch.clone()));
        let of = |repo: &RepoName, default: &BranchName| {
            if repo == changed {
                return tip(repo, branch);
            }
            let mapped = workspace.drivers_of(repo).find_map(|(_, driver)| driver.branches.get(branch));
            let same = if is_default { None } else { tip(repo, branch) };
            mapped.and_then(|mapped| tip(repo, mapped)).or(same).or_else(|| tip(repo, default))
        };
        let tips = workspace
            .repos
            .iter()
            .filter_map(|(name, repo)| Some((name.clone(), of(name, &repo.branch)?.clone())));
        Arc::new(tips.collect())
    }

    /// Returns what a new item is merged onto: what the last one of its queue is, if that is still how the branches are.
    fn base_for(&self, change: &Change, workspace: &Workspace) -> Base {
        let tips = self.tips_for(workspace, &change.repo, &change.branch);
        let same = |base: &&Base| match (&base.tips, self.trees.get(&base.key)) {
            (Some(other), _) => *other == tips,
            (None, Some(TreeState::Ready(states))) => {
                states.len() == tips.len()
                    && states.iter().zip(tips.iter()).all(|((_, state), (_, tip))| state.commit == *tip)
            }
            (None, _) => false,
        };
        let gated = self.items.iter().rev().filter(|item| item.pipeline == Pipeline::Gate);
        gated.map(|item| &item.base).find(same).cloned().unwrap_or_else(|| Base::of_tips(tips))
    }

    fn join(&mut self, mut item: Item, at: Timestamp) {
        self.counter += 1;
        item.id = ItemId(self.counter);
        item.rank = i64::try_from(self.counter).unwrap_or(i64::MAX);
        item.entered = at;
        self.items.push(item);
    }

    fn enter(&mut self, pipeline: Pipeline, changes: &[ChangeId], at: Timestamp) {
        let Some(current) = self.configuration.clone() else { return };
        let (mut members, mut graphs) = (Vec::new(), Vec::new());
        for id in changes {
            let Some(proposal) = self.proposals.get_mut(id) else { return };
            proposal.refused = None;
            proposal.dequeued = None;
            // A child that is approved later pulls it in again.
            if let (Pipeline::Gate, Some(approval)) = (pipeline, &mut proposal.approval) {
                approval.used = false;
            }
            let Configuration { workspace, graph } =
                proposal.configuration.clone().unwrap_or_else(|| current.clone());
            let mut plan = plan(&workspace, &graph, &proposal.change, day(at));
            plan.demote(&workspace, &self.ledger);
            members.push(Member::new(proposal.change.clone(), Arc::new(plan), workspace));
            graphs.push(graph);
        }
        let Some(first) = members.first() else { return };
        let base = self.base_for(&first.change, &first.workspace);
        let item = match pipeline {
            Pipeline::Gate => {
                let graphs: Vec<_> = graphs.iter().map(Arc::as_ref).collect();
                Item::gated(members, &graphs, base)
            }
            Pipeline::Check => {
                let order = dependencies::ahead(&self.proposals, &first.change.id, true).unwrap_or_default();
                let managed = |id: &ChangeId| {
                    let change = self.proposals.get(id)?.change.clone();
                    current.workspace.repos.contains_key(&change.repo).then_some(change)
                };
                let ahead = order.iter().filter_map(managed).collect();
                Item::checked(members.remove(0), &graphs[0], ahead, base)
            }
        };
        self.join(item, at);
    }

    fn refuse(
        &mut self,
        id: &ChangeId,
        pipeline: Pipeline,
        state: ReportState,
        reason: String,
        at: Timestamp,
    ) {
        let Some(proposal) = self.proposals.get_mut(id) else { return };
        proposal.refused = Some(reason.clone());
        if state != ReportState::Error && pipeline == Pipeline::Gate {
            proposal.gate = Some(GateEnd { state, reason: reason.clone(), at });
            if let Some(approval) = &mut proposal.approval {
                approval.used = true;
            }
        }
        if pipeline == Pipeline::Check {
            proposal.check = Checking::Done;
        }
        self.report(id.clone(), pipeline, state, reason);
    }

    pub(super) fn report(&mut self, change: ChangeId, pipeline: Pipeline, state: ReportState, text: String) {
        self.counter += 1;
        self.due.push(Report { number: self.counter, change, pipeline, state, text });
    }

    fn announce(&mut self, item: ItemId) {
        let Some(item) = self.items.iter_mut().find(|other| other.id == item) else { return };
        item.announced = true;
        let pipeline = item.pipeline;
        for change in item.ids() {
            self.report(change, pipeline, ReportState::Started, format!("entered the {}", pipeline.word()));
        }
    }

    fn tell_frozen(&mut self, item: ItemId, why: &str) {
        let Some(item) = self.items.iter_mut().find(|other| other.id == item) else { return };
        item.told_frozen = true;
        let pipeline = item.pipeline;
        for change in item.ids() {
            self.report(change, pipeline, ReportState::Error, why.to_owned());
        }
    }

    fn leave(&mut self, left: Left, at: Timestamp) {
        let Some(index) = self.items.iter().position(|item| item.id == left.item) else { return };
        let queue = self.queue_of(&self.items[index]);
        let item = self.items.remove(index);
        for (driver, job, observation) in left.learned {
            self.ledger.observe(driver.as_ref(), &job, observation);
        }
        if item.pipeline == Pipeline::Gate
            && let Some(queue) = queue
        {
            if left.state == Some(ReportState::Failed) {
                self.resize(&item, queue.clone(), false);
            }
            if item.landing.landed > 0 {
                self.rebase(&queue, None);
            }
        }
        for member in item.members.iter().skip(item.landing.landed) {
            let id = &member.change.id;
            let (state, reason) = match (&left.of, left.state) {
                (Some(of), Some(ReportState::Removed)) if of != id => {
                    (Some(ReportState::Dependency), format!("{id} depends on {of}, and {}", left.reason))
                }
                (_, state) => (state, left.reason.clone()),
            };
            self.settle(id, item.pipeline, state, &reason, left.over, at);
        }
        self.retire(at);
    }

    /// Writes down for a change what its pipeline came to.
    fn settle(
        &mut self,
        id: &ChangeId,
        pipeline: Pipeline,
        state: Option<ReportState>,
        reason: &str,
        over: bool,
        at: Timestamp,
    ) {
        let Some(proposal) = self.proposals.get_mut(id) else { return };
        match (pipeline, state) {
            (Pipeline::Gate, Some(state)) => {
                proposal.gate = Some(GateEnd { state, reason: reason.to_owned(), at });
                proposal.dequeued = None;
                if let Some(approval) = &mut proposal.approval {
                    approval.used = true;
                }
            }
            (Pipeline::Check, _) if over => proposal.check = Checking::Done,
            (Pipeline::Gate | Pipeline::Check, _) => {}
        }
        if let Some(state) = state {
            self.report(id.clone(), pipeline, state, reason.to_owned());
        }
    }

    /// Changes the window of a queue after a landing or a failure.
    fn resize(&mut self, item: &Item, queue: QueueId, landed: bool) {
        let workspace =
            self.configuration.as_ref().map_or(item.workspace(), |configuration| &configuration.workspace);
        let window = workspace.pipelines.gate.window;
        if window.start == 0 {
            return;
        }
        let size = self.windows.entry(queue).or_insert(window.start);
        *size = if landed { size.saturating_add(window.grow) } else { *size / window.shrink.max(1) };
        *size = window.bounded(*size);
    }

    fn built(&mut self, fact: Fact) {
        match fact {
            Fact::Started(build) => {
                let id = build.request.id.clone();
                self.by_key.entry(build.request.key.clone()).or_default().push(id.clone());
                self.builds.insert(id, *build);
            }
            Fact::Failing(id) => {
                if let Some(BuildState::Running { failing, .. }) =
                    self.builds.get_mut(&id).map(|build| &mut build.state)
                {
                    *failing = true;
                }
            }
            Fact::Cancelling(id) => {
                if let Some(BuildState::Running { cancelled, .. }) =
                    self.builds.get_mut(&id).map(|build| &mut build.state)
                {
                    *cancelled = true;
                }
            }
            Fact::Ended(id, ended) => {
                let running = |build: &&mut Build| matches!(build.state, BuildState::Running { .. });
                if let Some(build) = self.builds.get_mut(&id).filter(running) {
                    build.state = BuildState::Ended(ended);
                }
            }
            _ => {}
        }
    }

    fn tried(&mut self, tried: LandingTried, at: Timestamp) {
        let Some(index) = self.items.iter().position(|item| item.id == tried.item) else { return };
        let landing = &mut self.items[index].landing;
        landing.since = None;
        let receipt = match tried.result {
            Ok(receipt) => receipt,
            Err((_, again)) => {
                landing.refused = if again { landing.refused + 1 } else { u32::MAX };
                landing.again = Some(at.after(super::super::decide::landing_delay(landing.refused)));
                return;
            }
        };
        let member = landing.landed;
        (landing.landed, landing.refused, landing.again) = (member + 1, 0, None);
        let Some(change) = self.items[index].members.get(member).map(|member| member.change.clone()) else {
            return;
        };
        self.land(index, &change, &receipt, at);
        if self.items[index].landing.landed == self.items[index].members.len() {
            for (driver, job, observation) in tried.learned {
                self.ledger.observe(driver.as_ref(), &job, observation);
            }
            self.landed_whole(index, at);
        }
    }

    fn land(&mut self, index: usize, change: &Arc<Change>, receipt: &Receipt, at: Timestamp) {
        self.tips.insert((change.repo.clone(), change.branch.clone()), receipt.commit.clone());
        self.landed.push((change.id.clone(), at));
        if let Some(proposal) = self.proposals.get_mut(&change.id) {
            (proposal.landed, proposal.open) = (true, false);
            let reason = "what was tested is part of its branch".to_owned();
            proposal.gate = Some(GateEnd { state: ReportState::Landed, reason, at });
            let configuration = proposal.configuration.take();
            if let Some(configuration) = configuration {
                self.configure(configuration);
            }
        }
        let text = format!("landed on {} of {}", change.branch, change.repo);
        self.report(change.id.clone(), Pipeline::Gate, ReportState::Landed, text);
        if receipt.landed != receipt.tested
            && let Some(queue) = self.queue_of(&self.items[index])
        {
            let why = format!(
                "the queue is frozen: {} of {} holds tree {} after {} landed, and {} was tested; nothing lands until somebody has \
                 looked and resumed it",
                change.branch, change.repo, receipt.landed, change.id, receipt.tested
            );
            self.frozen.insert(queue, (change.repo.clone(), why));
        }
    }

    /// All changes of an item have landed: it is gone, and what stood behind it stands on it.
    fn landed_whole(&mut self, index: usize, at: Timestamp) {
        let Some(queue) = self.queue_of(&self.items[index]) else { return };
        let item = self.items.remove(index);
        self.resize(&item, queue.clone(), true);
        let (_, own) = item.merges();
        let on = |key: TreeKey| own.iter().fold(key, |key, merge| key.with(merge));
        self.prove(&item, on(item.base.key));
        let behind: Vec<usize> = (0..self.items.len())
            .filter(|at| {
                let other = &self.items[*at];
                other.pipeline == Pipeline::Gate && self.queue_of(other).as_ref() == Some(&queue)
            })
            .collect();
        for at in behind {
            let other = &self.items[at];
            let key = on(other.base.key);
            let base = if matches!(self.trees.get(&key), Some(TreeState::Ready(_))) {
                Base { key, tips: None }
            } else {
                let member = &other.members[0];
                Base::of_tips(self.tips_for(&member.workspace, &member.change.repo, &member.change.branch))
            };
            self.items[at].base = base;
        }
        self.retire(at);
    }

    /// What passed on the tree that is now landed speaks for the branch.
    fn prove(&mut self, item: &Item, tree: TreeKey) {
        let Some(TreeState::Ready(states)) = self.trees.get(&tree) else { return };
        for planned in &item.planned {
            let key = keys::build_key(planned, states);
            let builds =
                self.by_key.get(&key).into_iter().flatten().filter_map(|id| self.builds.get_key_value(id));
            let passed = builds.filter_map(|(id, build)| match &build.state {
                BuildState::Ended(ended) if ended.outcome == Outcome::Pass => Some((id.clone(), ended.ended)),
                BuildState::Ended(_) | BuildState::Running { .. } => None,
            });
            if let Some((id, ended)) = passed.last() {
                self.earlier.insert(key, Earlier { id, ended, outcome: Outcome::Pass, landed: true });
            }
        }
    }

    /// Lets go of what no item can ask for any more.
    fn retire(&mut self, at: Timestamp) {
        let oldest = self.items.iter().map(|item| item.entered).min().unwrap_or(at);
        let owners: BTreeSet<&ChangeId> =
            self.items.iter().flat_map(|item| &item.members).map(|member| &member.change.id).collect();
        let gone = |build: &Build| match &build.state {
            BuildState::Ended(ended) => {
                (ended.ended < oldest || self.items.is_empty()) && !owners.contains(&build.request.change)
            }
            BuildState::Running { .. } => false,
        };
        let retired: Vec<BuildId> =
            self.builds.iter().filter(|(_, build)| gone(build)).map(|(id, _)| id.clone()).collect();
        for id in retired {
            let Some(build) = self.builds.remove(&id) else { continue };
            if let Some(ids) = self.by_key.get_mut(&build.request.key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_key.remove(&build.request.key);
                }
            }
            let BuildState::Ended(ended) = build.state else { continue };
            let says = matches!(ended.outcome, Outcome::Pass | Outcome::Fail(_));
            let known = self.earlier.get(&build.request.key);
            if says && known.is_none_or(|known| !known.landed) {
                let earlier = Earlier { id, ended: ended.ended, outcome: ended.outcome, landed: false };
                self.earlier.insert(build.request.key, earlier);
            }
        }
        self.sweep(at);
    }

    fn sweep(&mut self, at: Timestamp) {
        let bases: BTreeSet<TreeKey> = self.items.iter().map(|item| item.base.key).collect();
        if self.trees.len() > TREES_PER_ITEM * (self.items.len() + TREES_PER_ITEM) {
            self.trees.retain(|key, state| bases.contains(key) || *state == TreeState::Preparing);
        }
        if self.earlier.len() > SWEEP_AT && self.counter.is_multiple_of(256) {
            let reuse = self.configuration.as_ref().map_or(PROVEN_FOR, |of| of.workspace.policy.reuse);
            self.earlier.retain(|_, earlier| {
                at.since(earlier.ended) <= if earlier.landed { PROVEN_FOR } else { reuse }
            });
        }
    }
}

/// Returns the day of a moment, in UTC.
fn day(at: Timestamp) -> jiff::civil::Date {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date()
}
