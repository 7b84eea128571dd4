//! Where everything of the chart is: a group for each change, in it a lane for each job, in it a bar for each build.

mod bar;
mod lane;
mod legend;

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::ids::ChangeId;
use crossgate_simulator::{BuildLine, ChangeLine, Outcome};
use serde::Serialize;

use self::bar::{Bar, bar};
use self::lane::{Row, rows};
use self::legend::{Entry, legend};
use crate::render::outcome::{ItemLine, items, word};
use crate::render::timeline::axis::{Axis, Tick};

/// Width of the part that has a time axis.
const CHART: u64 = 1_000;
/// Room at the right, for the last tick's name.
const MARGIN: u64 = 48;
/// Height of a lane.
const LANE: u64 = 20;
/// Height of a change's own line.
const HEAD: u64 = 24;
/// Room below a group.
const GAP: u64 = 6;
/// Room above the first group: title, landings, axis.
const TOP: u64 = 104;
/// Room below the last: axis, legend.
const BOTTOM: u64 = 64;
/// Width of a character, at most, in most fonts at the size of the labels.
const CHARACTER: u64 = 7;
/// Most landings that are drawn.
const MAX_LANDINGS: usize = 500;
/// Longest title, in characters.
const MAX_TITLE: usize = 100;
/// Longest label, in characters.
const MAX_LABEL: usize = 36;

/// Everything that is drawn, in pixels.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    title: String,
    subtitle: String,
    width: u64,
    height: u64,
    left: u64,
    right: u64,
    top: u64,
    bottom: u64,
    ticks: Vec<Tick>,
    landings: Vec<Landing>,
    groups: Vec<Group>,
    legend: Vec<Entry>,
    legend_y: u64,
}

/// A change's part of the chart.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    about: String,
    y: u64,
    height: u64,
    spans: Vec<Span>,
    lanes: Vec<Lane>,
    bars: Vec<Bar>,
}

/// The builds of one job.
#[derive(Debug, Serialize)]
struct Lane {
    y: u64,
    label: String,
    title: String,
}

/// The time that a change was in a pipeline.
#[derive(Debug, Serialize)]
struct Span {
    x: u64,
    end: u64,
    pipeline: String,
    result: String,
    /// The sign at its end, if it has ended.
    sign: Option<&'static str>,
    title: String,
}

/// Changes that landed at a time.
#[derive(Debug, Serialize)]
struct Landing {
    x: u64,
    /// Their names, if there is room.
    label: Option<String>,
    /// The middle of their names.
    label_x: u64,
    title: String,
}

impl Picture {
    /// Lays an outcome out, the first builds and changes of it.
    pub(super) fn of(outcome: &Outcome, max_bars: usize, max_groups: usize) -> Self {
        let shown = &outcome.builds[..outcome.builds.len().min(max_bars)];
        let items = items(outcome);
        let order = order(shown, &items);
        let drawn = &order[..order.len().min(max_groups)];
        let mut builds: BTreeMap<&ChangeId, Vec<&BuildLine>> = BTreeMap::new();
        for build in shown {
            builds.entry(&build.change).or_default().push(build);
        }
        let rows: Vec<Vec<Row<'_>>> =
            drawn.iter().map(|change| rows(builds.get(change).map_or(&[][..], Vec::as_slice))).collect();
        let labels = rows.iter().flatten().map(|row| row.name.chars().count() + 2);
        let names = drawn.iter().map(|change| change.as_str().chars().count() + 1);
        let longest = labels.chain(names).max().unwrap_or_default().min(MAX_LABEL + 2);
        let left = (longest as u64 * CHARACTER + 24).max(110);
        let axis = Axis::new(left, CHART, times(outcome));
        let mut groups = Vec::new();
        let mut y = TOP;
        for (change, rows) in drawn.iter().zip(&rows) {
            let items = items.iter().filter(|item| item.change == *change);
            let spans = items.filter_map(|item| span(item, &axis)).collect();
            let group = group(change, outcome.changes.get(*change), rows, spans, y, &axis);
            y += group.height;
            groups.push(group);
        }
        let drawn_bars = groups.iter().map(|group| group.bars.len()).sum();
        Self {
            title: cut(&outcome.scenario, MAX_TITLE),
            subtitle: subtitle(outcome, drawn_bars, order.len() - drawn.len()),
            width: axis.right() + MARGIN,
            height: y + BOTTOM,
            left,
            right: axis.right(),
            top: TOP,
            bottom: y,
            ticks: axis.ticks(),
            landings: landings(outcome, &axis),
            legend: legend(&groups, left),
            legend_y: y + BOTTOM - 22,
            groups,
        }
    }
}

/// Returns the changes that have something to show, in the order in which they entered.
fn order<'a>(builds: &'a [BuildLine], items: &[ItemLine<'a>]) -> Vec<&'a ChangeId> {
    let entered = items.iter().filter(|item| item.entered.or(item.ended).is_some()).map(|item| item.change);
    let mut known = BTreeSet::new();
    let built = builds.iter().map(|build| &build.change);
    entered.chain(built).filter(|change| known.insert(*change)).collect()
}

/// Returns all times that are drawn.
fn times(outcome: &Outcome) -> impl Iterator<Item = &str> {
    let builds = outcome.builds.iter();
    let builds = builds.flat_map(|build| [Some(build.started.as_str()), build.ended.as_deref()]).flatten();
    let reports = outcome.reports.iter().map(|report| report.at.as_str());
    let landed = outcome.landed.iter().map(|landed| landed.at.as_str());
    [outcome.ended.as_str()].into_iter().chain(builds).chain(reports).chain(landed)
}

fn subtitle(outcome: &Outcome, bars: usize, more_changes: usize) -> String {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut text = format!(
        "ended {}, {} landed, {}",
        outcome.ended,
        outcome.landed.len(),
        count(outcome.builds.len(), "build")
    );
    let more_builds = outcome.builds.len() - bars;
    if more_builds > 0 {
        text = format!("{text}; {} left out", count(more_builds, "later build"));
    }
    if more_changes > 0 {
        text = format!("{text}; {} left out", count(more_changes, "later change"));
    }
    text
}

fn group(
    change: &ChangeId,
    line: Option<&ChangeLine>,
    rows: &[Row<'_>],
    spans: Vec<Span>,
    y: u64,
    axis: &Axis,
) -> Group {
    let (mut lanes, mut bars, mut below) = (Vec::new(), Vec::new(), y + HEAD);
    for row in rows {
        let title = plain(&row.name);
        lanes.push(Lane { y: below, label: cut(&title, MAX_LABEL), title });
        bars.extend(row.places.iter().map(|place| bar(place, row, below + place.depth * LANE, axis)));
        below += row.depth * LANE;
    }
    let about = line.map_or_else(String::new, |line| {
        format!("{change} is {}; gate: {}\n{}", word(line.state), word(line.gate), line.reason)
    });
    Group {
        name: cut(change.as_str(), MAX_LABEL),
        about: plain(&about),
        y,
        height: below - y + GAP,
        spans,
        lanes,
        bars,
    }
}

/// Returns the time that a change was in a pipeline, if it was.
fn span(item: &ItemLine<'_>, axis: &Axis) -> Option<Span> {
    let from = item.entered.or(item.ended)?;
    let pipeline = word(item.pipeline?);
    let sign = match item.result.as_str() {
        "landed" => Some("◆"),
        "passed" => Some("✓"),
        "failed" | "conflict" | "error" => Some("✕"),
        "dependency" | "removed" => Some("○"),
        _ => None,
    };
    let until = item.ended.map_or_else(String::new, |ended| format!(" to {ended}"));
    let title = format!("{} in {pipeline}, {from}{until}: {}\n{}", item.change, item.result, item.reason);
    Some(Span {
        x: axis.x(from),
        end: item.ended.map_or(axis.right(), |ended| axis.x(ended)),
        pipeline,
        result: item.result.clone(),
        sign,
        title: plain(title.trim_end()),
    })
}

/// Returns when something landed, with names where there is room for them.
fn landings(outcome: &Outcome, axis: &Axis) -> Vec<Landing> {
    let mut times: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in &outcome.landed {
        match times.last_mut().filter(|(at, _)| *at == line.at) {
            Some((_, changes)) => changes.push(line.change.as_str()),
            None => times.push((&line.at, vec![line.change.as_str()])),
        }
    }
    let mut free = 0;
    let landing = |(at, changes): (&str, Vec<&str>)| {
        let (x, text) = (axis.x(at), cut(&changes.join(" "), MAX_LABEL));
        let half = (text.chars().count() as u64 * CHARACTER) / 2 + 4;
        let label_x = x.clamp(half, axis.right() + MARGIN - half);
        let fits = label_x >= free + half;
        if fits {
            free = label_x + half;
        }
        Landing {
            x,
            label_x,
            label: fits.then_some(text),
            title: plain(&format!("{at}: {} landed", changes.join(", "))),
        }
    };
    times.into_iter().take(MAX_LANDINGS).map(landing).collect()
}

/// Returns a text without what no XML document may hold.
fn plain(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}') || *c == '\n';
    text.chars().filter(allowed).collect()
}

/// Returns the start of a plain text.
fn cut(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}
