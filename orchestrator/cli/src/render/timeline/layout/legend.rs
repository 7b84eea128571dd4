//! The legend: what the colours, patterns and lines mean.

use serde::Serialize;

use crate::render::timeline::layout::{CHARACTER, Group};

/// What a colour or a pattern means.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    x: u64,
    /// What is drawn: a build, a restart or the time in a pipeline.
    kind: &'static str,
    class: String,
    label: &'static str,
}

/// Returns what the colours, patterns and signs mean that are there.
pub(super) fn legend(groups: &[Group], left: u64) -> Vec<Entry> {
    let bars = || groups.iter().flat_map(|group| &group.bars);
    let spans = || groups.iter().flat_map(|group| &group.spans);
    let outcomes = ["pass", "fail", "timeout", "infra", "lost", "cancelled", "running"];
    let outcomes = outcomes.into_iter().filter(|word| bars().any(|bar| bar.outcome == *word));
    let purposes = ["confirm", "baseline"].into_iter().filter(|word| bars().any(|bar| bar.purpose == *word));
    let pipelines = ["check", "gate"].into_iter().filter(|word| spans().any(|span| span.pipeline == *word));
    let restarts = bars().any(|bar| bar.restarted).then_some("started anew");
    let build = outcomes.map(|word| ("build", format!("candidate {word}"), word));
    let build = build.chain(purposes.map(|word| ("build", format!("{word} any"), word)));
    let entries = build
        .chain(restarts.map(|label| ("restart", String::new(), label)))
        .chain(pipelines.map(|word| ("span", word.to_owned(), word)));
    let mut x = left;
    let place = |(kind, class, label): (&'static str, String, &'static str)| {
        let entry = Entry { x, kind, class, label };
        x += label.chars().count() as u64 * CHARACTER + 40;
        entry
    };
    entries.map(place).collect()
}
