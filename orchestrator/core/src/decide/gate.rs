//! The line of the gate: what each item is tested on, what is failing, and what lands.

use std::collections::BTreeMap;

use super::rows::{self, Asked};
use super::schedule::Schedule;
use super::state::reds;
use super::{Action, Chain, Conclusion, ItemState, Wait, learned};
use crate::facts::{Base, Facts, Item, Left, Merge, Pipeline, ReportState, TreeKey, TreeState};
use crate::ids::ChangeId;
use crate::queues::QueueId;
use crate::scenario::Scope;

/// How often a landing that the forge refuses is tried in all.
const MAX_TRIES: u32 = 5;

/// Returns the queues, each with its items in order.
pub(super) fn lines(facts: &Facts, is_here: impl Fn(&Item) -> bool) -> BTreeMap<QueueId, Vec<usize>> {
    let mut lines: BTreeMap<QueueId, Vec<usize>> = BTreeMap::new();
    for (place, item) in facts.items.iter().enumerate() {
        if item.pipeline == Pipeline::Gate
            && is_here(item)
            && let Some(queue) = facts.queue_of(item)
        {
            lines.entry(queue).or_default().push(place);
        }
    }
    for line in lines.values_mut() {
        line.sort_by_key(|place| facts.items[*place].rank);
    }
    lines
}

/// One queue, as it is walked from its front.
pub(super) struct Line<'a, 's> {
    facts: &'a Facts,
    queue: QueueId,
    schedule: &'s mut Schedule<'a>,
    /// The tree that the next item is merged onto, for each base that items stand on.
    chains: BTreeMap<TreeKey, TreeKey>,
    /// What is assumed to land: each merge with its change, in order.
    assumed: Vec<Merge>,
    /// The item that holds those behind it, and the job that has not passed.
    holding: Option<Wait>,
    pub(super) actions: Vec<Action>,
}

impl<'a, 's> Line<'a, 's> {
    pub(super) fn new(facts: &'a Facts, queue: QueueId, schedule: &'s mut Schedule<'a>) -> Self {
        let (chains, assumed) = (BTreeMap::new(), Vec::new());
        Self { facts, queue, schedule, chains, assumed, holding: None, actions: Vec::new() }
    }

    /// Walks the line, and fills in how each of its items stands.
    pub(super) fn walk(&mut self, line: &[usize], states: &mut [ItemState]) {
        let window = self.window();
        let mut chain: Option<Chain> = None;
        for (turn, &place) in line.iter().enumerate() {
            let item = &self.facts.items[place];
            if window != 0 && turn >= window as usize {
                states[place].wait = Some(Wait::Window { size: window });
                continue;
            }
            if let Some(parent) = self.missing(item) {
                states[place].wait = Some(Wait::Ahead { change: parent });
                continue;
            }
            let (own, onto) = self.keys(item, &mut chain);
            self.judge(item, (place, turn), (own, onto), &mut states[place]);
            if turn == 0 {
                self.front(item, own, &mut states[place]);
            } else if states[place].conclusion.is_some() {
                let first = &self.facts.items[line[0]];
                let first =
                    first.members.get(first.landing.landed).unwrap_or(&first.members[0]).change.id.clone();
                states[place].wait = Some(Wait::Ahead { change: first });
            }
            if !states[place].failing {
                self.assume(item, own);
            }
        }
        if let Some(why) = self.facts.frozen_in(&self.queue) {
            for place in line {
                states[*place].wait = Some(Wait::Frozen { why: why.to_owned() });
            }
        }
        if let Some(chain) = chain {
            self.actions.push(Action::Prepare(chain));
        }
    }

    /// Returns a dependency of an item that is not landed and not taken to land before it: without it there is nothing to test.
    fn missing(&self, item: &Item) -> Option<ChangeId> {
        let dependencies = item.members.iter().flat_map(|member| &member.change.depends_on);
        let is_missing = |id: &&ChangeId| {
            !item.holds(id)
                && self.facts.proposals.get(*id).is_some_and(|proposal| !proposal.landed)
                && !self.assumed.iter().any(|merge| merge.change == **id)
        };
        dependencies.into_iter().find(is_missing).cloned()
    }

    fn window(&self) -> u32 {
        let Some(configuration) = &self.facts.configuration else { return 0 };
        let window = configuration.workspace.pipelines.gate.window;
        if window.start == 0 {
            return 0;
        }
        window.bounded(self.facts.windows.get(&self.queue).copied().unwrap_or(window.start))
    }

    /// Returns the keys of the trees with and without an item; what is not there yet is added to what is to be prepared.
    fn keys(&mut self, item: &'a Item, chain: &mut Option<Chain>) -> (TreeKey, TreeKey) {
        let base = &item.base;
        let onto = if let Some(onto) = self.chains.get(&base.key) {
            *onto
        } else {
            let assumed = std::mem::take(&mut self.assumed);
            let onto = self.wanted(base, base.key, &assumed, chain);
            self.assumed = assumed;
            self.chains.insert(base.key, onto);
            onto
        };
        let (_, merges) = item.merges();
        (self.wanted(base, onto, &merges, chain), onto)
    }

    /// Returns the key of a tree with merges on it; what is missing on the way is to be prepared.
    fn wanted(&self, base: &Base, onto: TreeKey, merges: &[Merge], chain: &mut Option<Chain>) -> TreeKey {
        let mut key = onto;
        want(self.facts, base, key, None, chain);
        for merge in merges {
            let next = key.with(merge);
            want(self.facts, base, next, Some((key, merge)), chain);
            key = next;
        }
        key
    }

    fn judge(
        &mut self,
        item: &'a Item,
        (place, turn): (usize, usize),
        (own, onto): (TreeKey, TreeKey),
        state: &mut ItemState,
    ) {
        let candidate = self.facts.trees.get(&own).unwrap_or(&TreeState::Preparing);
        let baseline = self.facts.trees.get(&onto).unwrap_or(&TreeState::Preparing);
        state.tree = Some(own);
        match candidate {
            TreeState::Conflict(conflict) => {
                state.failing = true;
                state.conclusion = Some(Conclusion::Conflict(conflict.clone()));
            }
            TreeState::Failed { reason } => {
                state.failing = true;
                state.conclusion = Some(Conclusion::Failed { reason: reason.clone() });
            }
            TreeState::Preparing | TreeState::Ready(_) => {
                let trees = (candidate, baseline);
                let held = self.holding.clone();
                let tree_keys = (own, onto);
                let asked = Asked { facts: self.facts, item, trees, tree_keys, place, turn, held };
                let judged = rows::judged(&asked, self.schedule);
                (state.rows, state.conclusion, state.failing) =
                    (judged.rows, judged.conclusion, judged.failing);
                if let Some(job) = judged.holding.filter(|_| !judged.failing) {
                    self.holding.get_or_insert(Wait::Followers { change: item.change().id.clone(), job });
                }
                if *candidate == TreeState::Preparing {
                    (state.conclusion, state.wait) = (None, Some(Wait::Tree));
                }
            }
        }
    }

    /// Takes an item to land: what is behind it is tested with it.
    fn assume(&mut self, item: &Item, own: TreeKey) {
        let (_, merges) = item.merges();
        // What stands on another base is merged anew, so that every tree on its way is asked for.
        self.chains.clear();
        self.chains.insert(item.base.key, own);
        self.assumed.extend(merges);
    }

    /// Decides what becomes of the item at the front, once all is known of it.
    fn front(&mut self, item: &Item, own: TreeKey, state: &mut ItemState) {
        let Some(conclusion) = &state.conclusion else { return };
        if let Some(reason) = Self::refusal(item) {
            return self.leave(item, state, ReportState::Failed, reason);
        }
        match conclusion {
            Conclusion::MayLand => self.land(item, own, state),
            Conclusion::MustNotLand { blockers } => {
                let reason = reds(&state.rows, blockers);
                self.leave(item, state, ReportState::Failed, reason);
            }
            Conclusion::Conflict(conflict) => {
                let reason = conflict.to_string();
                self.leave(item, state, ReportState::Conflict, reason);
            }
            Conclusion::Failed { reason } => {
                let reason = format!("its tree could not be made: {reason}");
                self.leave(item, state, ReportState::Failed, reason);
            }
        }
    }

    /// Why an item that may land cannot: the forge has refused it for good, or too often.
    fn refusal(item: &Item) -> Option<String> {
        let refused = item.landing.refused;
        let stopped = match item.landing.landed {
            0 => String::new(),
            landed => {
                let names: Vec<_> = item.members[..landed].iter().map(|of| of.change.id.as_str()).collect();
                format!("; {} had landed before", names.join(", "))
            }
        };
        let next = &item.members.get(item.landing.landed)?.change.id;
        match refused {
            u32::MAX => Some(format!("{next} cannot land: {}{stopped}", item.landing.why)),
            MAX_TRIES.. => {
                Some(format!("{next} could not land, tried {refused} times: {}{stopped}", item.landing.why))
            }
            _ => None,
        }
    }

    fn leave(&mut self, item: &Item, state: &ItemState, report: ReportState, reason: String) {
        let learned = learned(self.facts, item, &state.rows);
        let left = Left { item: item.id, state: Some(report), reason, of: None, over: true, learned };
        self.actions.push(Action::Leave(Box::new(left)));
    }

    fn land(&mut self, item: &Item, tree: TreeKey, state: &mut ItemState) {
        if let Some(wait) = self.stopped(item) {
            state.wait = Some(wait);
            return;
        }
        if item.landing.since.is_some() {
            state.wait = Some(Wait::Landing);
            return;
        }
        if let Some(again) = item.landing.again.filter(|again| *again > self.schedule.now()) {
            self.schedule.wake(again);
            let reason = format!("{}; it is tried again soon", item.landing.why);
            state.wait = Some(Wait::Refused { reason });
            return;
        }
        let learned = learned(self.facts, item, &state.rows);
        let change = item.members[item.landing.landed].change.clone();
        // The tree with the changes up to this one: each lands as it was tested.
        let (_, merges) = item.merges();
        let upto = merges[..=item.landing.landed].iter().fold(item.base.key, TreeKey::with);
        debug_assert!(item.landing.landed + 1 < merges.len() || upto == tree, "the last one lands the whole");
        self.actions.push(Action::Land { item: item.id, change, tree: upto, learned });
    }

    /// Why nothing lands here now.
    fn stopped(&self, item: &Item) -> Option<Wait> {
        if let Some(why) = self.facts.frozen_in(&self.queue) {
            return Some(Wait::Frozen { why: why.to_owned() });
        }
        let by = self.facts.holds.iter().find_map(|(scope, by)| match scope {
            None => Some(by),
            Some(Scope::Repo(repo)) => self.facts.shares(repo, &self.queue).then_some(by),
            Some(Scope::Change(change)) => item.holds(change).then_some(by),
        });
        by.map(|by| Wait::Held { by: by.clone() })
    }
}

/// Adds what is missing to what is to be prepared.
pub(super) fn want(
    facts: &Facts,
    base: &Base,
    key: TreeKey,
    merge: Option<(TreeKey, &Merge)>,
    chain: &mut Option<Chain>,
) {
    if facts.trees.contains_key(&key) {
        return;
    }
    let chain = chain.get_or_insert_with(Chain::default);
    match merge {
        Some((onto, merge)) if !chain.merges.iter().any(|(known, ..)| *known == key) => {
            chain.merges.push((key, onto, merge.clone()));
        }
        None if key == base.key && !chain.tips.iter().any(|(known, _)| *known == key) => {
            chain.tips.extend(base.tips.iter().map(|tips| (key, tips.clone())));
        }
        Some(_) | None => {}
    }
}
