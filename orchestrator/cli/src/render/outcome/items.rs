//! The items that a scenario's reports tell of: who entered which pipeline when, and what became of it.

use std::collections::BTreeSet;

use crossgate_core::ids::ChangeId;
use crossgate_simulator::{GateWord, Outcome, PipelineWord, ReportLine, ReportWord, StateWord};

use crate::render::outcome::word;

/// A change in a pipeline, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemLine<'a> {
    pub(crate) change: &'a ChangeId,
    /// The pipeline; `None`: it was in none.
    pub(crate) pipeline: Option<PipelineWord>,
    /// When it entered; `None`: it did not.
    pub(crate) entered: Option<&'a str>,
    /// When it left; `None`: it is still there, or left and nobody was told.
    pub(crate) ended: Option<&'a str>,
    /// What became of it: a report's word, or `waiting`, `superseded`, `left`.
    pub(crate) result: String,
    /// Why.
    pub(crate) reason: &'a str,
}

/// Returns the items in the order in which they entered, then the changes that entered nothing.
pub(crate) fn items(outcome: &Outcome) -> Vec<ItemLine<'_>> {
    let mut items: Vec<ItemLine<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for report in &outcome.reports {
        let same = |item: &ItemLine<'_>| {
            item.change == &report.change && item.pipeline == Some(report.pipeline) && item.ended.is_none()
        };
        let index = open.iter().copied().find(|&index| same(&items[index]));
        match (report.state, index) {
            (ReportWord::Started, _) => {
                supersede(&mut items, &mut open, report);
                open.push(items.len());
                items.push(line(report, Some(&report.at), None));
            }
            (_, Some(index)) => {
                open.retain(|&other| other != index);
                let entered = items[index].entered;
                items[index] = line(report, entered, Some(&report.at));
            }
            (_, None) => items.push(line(report, None, Some(&report.at))),
        }
    }
    for index in open {
        stay(&mut items[index], outcome);
    }
    let told: BTreeSet<&ChangeId> = items.iter().map(|item| item.change).collect();
    let untold = outcome.changes.iter().filter(|(change, line)| {
        !told.contains(change) && (line.state != StateWord::Unopened || line.gate != GateWord::None)
    });
    let untold: Vec<_> = untold.map(|(change, _)| change).collect();
    items.extend(untold.into_iter().map(|change| unentered(change, outcome)));
    items
}

fn line<'a>(report: &'a ReportLine, entered: Option<&'a str>, ended: Option<&'a str>) -> ItemLine<'a> {
    ItemLine {
        change: &report.change,
        pipeline: Some(report.pipeline),
        entered,
        ended,
        result: word(report.state),
        reason: &report.text,
    }
}

/// Ends what a change is in without a report when it enters something else.
fn supersede<'a>(items: &mut [ItemLine<'a>], open: &mut Vec<usize>, by: &'a ReportLine) {
    open.retain(|&index| {
        let item = &mut items[index];
        if item.change != &by.change {
            return true;
        }
        item.ended = Some(&by.at);
        "superseded".clone_into(&mut item.result);
        item.reason = match by.pipeline {
            PipelineWord::Gate => "approved; went to the gate",
            PipelineWord::Check => "checked anew",
        };
        false
    });
}

/// Says how an item stands that no report ended.
fn stay<'a>(item: &mut ItemLine<'a>, outcome: &'a Outcome) {
    let change = outcome.changes.get(item.change);
    let is_there = change.is_some_and(|change| change.state == StateWord::Open);
    if is_there { "waiting" } else { "left" }.clone_into(&mut item.result);
    item.reason = change.map_or("", |change| &change.reason);
}

/// Tells of a change that was opened and entered no pipeline.
fn unentered<'a>(change: &'a ChangeId, outcome: &'a Outcome) -> ItemLine<'a> {
    let line = &outcome.changes[change];
    let landed = outcome.landed.iter().find(|landed| &landed.change == change);
    ItemLine {
        change,
        pipeline: None,
        entered: None,
        ended: landed.map(|landed| landed.at.as_str()),
        result: if line.gate == GateWord::None { word(line.state) } else { word(line.gate) },
        reason: &line.reason,
    }
}
