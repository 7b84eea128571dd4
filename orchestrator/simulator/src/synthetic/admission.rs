//! Who enters the gate when: the ways of speculation that are compared.

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::facts::{Fact, Facts, Pipeline};
use crossgate_core::ids::{ChangeId, Timestamp};

use super::load::{Load, Speculation};
use super::rigs::Rigs;
use super::workload::{Truth, change_id};
use crate::world::World;

/// Approved changes on their way into the gate.
#[derive(Debug)]
pub(super) enum Admission {
    /// Each enters at once.
    Linear,
    /// While the window is full the likeliest to pass enters next.
    Predicted { pool: Vec<usize>, start: u32 },
    /// They enter in groups.
    Batch(Batches),
}

/// Groups that are tested as one.
#[derive(Debug)]
pub(super) struct Batches {
    pool: Vec<(usize, Timestamp)>,
    most: usize,
    /// How long the first of a group waits for others.
    linger: std::time::Duration,
    /// The group of each change, while it is in the gate.
    groups: BTreeMap<usize, Vec<usize>>,
}

impl Admission {
    pub(super) fn new(load: &Load) -> Self {
        match load.speculation {
            Speculation::Linear => Self::Linear,
            Speculation::Predicted => Self::Predicted { pool: Vec::new(), start: load.window },
            Speculation::Batch => Self::Batch(Batches {
                pool: Vec::new(),
                most: load.batch as usize,
                linger: load.duration,
                groups: BTreeMap::new(),
            }),
        }
    }

    /// Takes a change that somebody has approved.
    pub(super) fn take(&mut self, index: usize, world: &mut World<Rigs<'_>>) {
        match self {
            Self::Linear => approve(index, world),
            Self::Predicted { pool, .. } => pool.push(index),
            Self::Batch(batches) => batches.pool.push((index, world.now)),
        }
    }

    /// Lets in what may enter now.
    pub(super) fn admit(&mut self, changes: &[Truth], world: &mut World<Rigs<'_>>) {
        match self {
            Self::Linear => {}
            Self::Predicted { pool, start } => {
                let mut inside = world.facts.items().len();
                while !pool.is_empty() && inside < room(*start, &world.facts) {
                    let risk = |(_, index): &(usize, &usize)| (changes[**index].risk, **index);
                    let next = pool.iter().enumerate().min_by(|one, other| {
                        let ((one, first), (other, second)) = (risk(one), risk(other));
                        one.total_cmp(&other).then(first.cmp(&second))
                    });
                    let Some((at, _)) = next else { return };
                    approve(pool.remove(at), world);
                    inside += 1;
                }
            }
            Self::Batch(batches) => batches.admit(world),
        }
    }

    /// Returns when to look again though nothing has happened.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        match self {
            Self::Linear | Self::Predicted { .. } => None,
            Self::Batch(batches) => batches.pool.first().map(|(_, since)| since.after(batches.linger)),
        }
    }

    /// Takes note of a change that left the gate without landing; returns whether it is because of itself.
    ///
    /// `halved` are the changes whose groups were halved since somebody looked: what is said of them is said of those groups.
    pub(super) fn left(
        &mut self,
        index: usize,
        halved: &mut BTreeSet<usize>,
        world: &mut World<Rigs<'_>>,
    ) -> bool {
        match self {
            Self::Linear | Self::Predicted { .. } => true,
            Self::Batch(batches) => batches.left(index, halved, world),
        }
    }
}

impl Batches {
    fn admit(&mut self, world: &mut World<Rigs<'_>>) {
        while let Some((_, since)) = self.pool.first() {
            if self.pool.len() < self.most && world.now < since.after(self.linger) {
                return;
            }
            let group: Vec<usize> =
                self.pool.drain(..self.most.min(self.pool.len())).map(|(index, _)| index).collect();
            self.enter(&group, world);
        }
    }

    fn enter(&mut self, group: &[usize], world: &mut World<Rigs<'_>>) {
        for index in group {
            approve(*index, world);
        }
        let changes = group.iter().map(|index| change_id(*index)).collect();
        world.record(Fact::Entered { pipeline: Pipeline::Gate, changes });
        for index in group {
            self.groups.insert(*index, group.to_vec());
        }
    }

    /// The halves of a group that failed go to the front, as two groups.
    fn left(&mut self, index: usize, halved: &mut BTreeSet<usize>, world: &mut World<Rigs<'_>>) -> bool {
        if halved.contains(&index) {
            return false;
        }
        let Some(group) = self.groups.remove(&index).filter(|group| group.len() > 1) else { return true };
        halved.extend(&group);
        let (first, second) = group.split_at(group.len() / 2);
        let heads: Vec<ChangeId> = [first[0], second[0]].map(change_id).to_vec();
        self.enter(first, world);
        self.enter(second, world);
        world.record(Fact::Promoted(heads));
        false
    }
}

fn approve(index: usize, world: &mut World<Rigs<'_>>) {
    world.record(Fact::Approved { change: change_id(index), by: "its author".to_owned() });
}

fn room(start: u32, facts: &Facts) -> usize {
    match start {
        0 => usize::MAX,
        start => facts.windows().values().next().map_or(start, |size| *size) as usize,
    }
}
