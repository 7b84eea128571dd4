//! A plan as text: what runs, what does not, and the chain of reasons below each.

use std::fmt::Write as _;

use crossgate_core::change::Change;
use crossgate_core::facts::Item;
use crossgate_core::plan::{Entry, Plan};

use crate::printer::{BOLD, DIM, GREEN, styled, tame};
use crate::render::{indented, table};

/// Returns the text of a plan. What every driver's chain begins with is said once, at the top.
pub(crate) fn text(change: &Change, plan: &Plan, only_selected: bool) -> String {
    let mut text = heading(change);
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
    let title = styled(BOLD, tame(&change.title));
    format!(
        "{} {title} {}\n",
        styled(BOLD, &change.id),
        styled(DIM, format!("({files}, onto {})", change.branch))
    )
}

/// Returns a plan in a line for each job, with the reason that decided.
pub(crate) fn brief(item: &Item) -> String {
    let mut text = heading(&item.change);
    for ahead in &item.ahead {
        writeln!(text, "  {} {}", styled(DIM, "with"), ahead.id).expect("a string takes all text");
    }
    let mut cells = table();
    for entry in &item.plan.entries {
        let word = if entry.runs() { styled(GREEN, "runs") } else { styled(DIM, "skips") };
        let reason = entry.decisive().map(ToString::to_string).unwrap_or_default();
        cells.add_row([word, label(entry), styled(DIM, reason)]);
    }
    text.push_str(&indented(&cells));
    text
}

fn section(text: &mut String, title: &str, entries: &[&Entry]) {
    if entries.is_empty() {
        return;
    }
    writeln!(text, "  {}", styled(DIM, title)).expect("a string takes all text");
    for entry in entries {
        let vote = entry.vote().map(|vote| format!("  {}", vote.word())).unwrap_or_default();
        let name = label(entry);
        let name = if entry.runs() { styled(GREEN, name) } else { name };
        writeln!(text, "    {name}{vote}").expect("a string takes all text");
        for reason in &entry.reasons {
            writeln!(text, "      {}", styled(DIM, reason)).expect("a string takes all text");
        }
    }
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
