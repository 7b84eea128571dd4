//! A plan as text: what runs, what does not, and the chain of reasons below each.

use std::fmt::Write as _;
use std::sync::Arc;

use crossgate_core::change::Change;
use crossgate_core::facts::Item;
use crossgate_core::plan::{Entry, Plan};

use crate::printer::{BOLD, DIM, GREEN, styled};
use crate::render::{indented, table};

/// Returns the text of a plan. What every driver's chain begins with is said once, at the top.
pub(crate) fn text(change: &Change, ahead: &[Arc<Change>], plan: &Plan, only_selected: bool) -> String {
    let mut text = heading(change) + &with(ahead);
    let (runs, skipped): (Vec<_>, Vec<_>) = plan.entries.iter().partition(|entry| entry.runs());
    section(&mut text, "runs", &runs);
    if !only_selected {
        section(&mut text, "does not run", &skipped);
    }
    text.push('\n');
    text
}

/// Returns the line that names a change.
pub(crate) fn heading(change: &Change) -> String {
    let files = match change.paths.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let title = styled(BOLD, &change.title);
    format!(
        "{} {title} {}\n",
        styled(BOLD, &change.id),
        styled(DIM, format!("({files}, onto {})", change.branch))
    )
}

/// Returns a line for each change that comes along.
pub(crate) fn with(ahead: &[Arc<Change>]) -> String {
    ahead.iter().map(|ahead| format!("  {} {}\n", styled(DIM, "with"), ahead.id)).collect::<Vec<_>>().concat()
}

/// Returns a plan in a line for each job, with the reason that decided.
pub(crate) fn brief(item: &Item) -> String {
    let mut text = heading(item.change()) + &with(&item.ahead);
    let mut cells = table();
    for alike in alike(&item.plan().entries) {
        let word = if alike[0].runs() { styled(GREEN, "runs") } else { styled(DIM, "skips") };
        let reason = alike[0].decisive().map(ToString::to_string).unwrap_or_default();
        cells.add_row([word, short_label(&alike), styled(DIM, reason)]);
    }
    text.push_str(&indented(&cells));
    text
}

fn section(text: &mut String, title: &str, entries: &[&Entry]) {
    if entries.is_empty() {
        return;
    }
    writeln!(text, "  {}", styled(DIM, title)).expect("a string takes all text");
    for alike in alike(entries.iter().copied()) {
        let entry = alike[0];
        let vote = entry.vote().map(|vote| format!("  {}", vote.word())).unwrap_or_default();
        let name = labels(&alike);
        let name = if entry.runs() { styled(GREEN, name) } else { name };
        writeln!(text, "    {name}{vote}").expect("a string takes all text");
        for reason in &entry.reasons {
            writeln!(text, "      {}", styled(DIM, reason)).expect("a string takes all text");
        }
    }
}

/// Groups entries that follow each other and are told in the same words: jobs of one driver that do not run for one reason.
pub(crate) fn alike<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Vec<&'a Entry>> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        let same = |first: &Entry| {
            !entry.runs() && !first.runs() && first.driver == entry.driver && first.reasons == entry.reasons
        };
        match groups.last_mut().filter(|group| same(group[0])) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups
}

/// Returns what names entries that are alike, in a few words.
fn short_label(alike: &[&Entry]) -> String {
    let of = alike[0].driver.as_ref().map_or(alike[0].repo.as_str(), |driver| driver.as_str());
    if alike.len() == 1 { label(alike[0]) } else { format!("{of}: {} jobs", alike.len()) }
}

/// Returns what names entries that are alike, each of them.
fn labels(alike: &[&Entry]) -> String {
    alike.iter().map(|entry| label(entry)).collect::<Vec<_>>().join(", ")
}

/// Returns what names an entry: `driver/job`, or the one of both that there is.
pub(crate) fn label(entry: &Entry) -> String {
    match (&entry.driver, entry.job_name()) {
        (Some(driver), Some(job)) => format!("{driver}/{job}"),
        (Some(driver), None) => driver.to_string(),
        (None, Some(job)) => job.to_string(),
        (None, None) => format!("{} (no job of its own)", entry.repo),
    }
}
