//! The verdict matrix: every driver and job of a change with its verdict, and what it all comes to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::Style;
use crossgate_core::change::Change;
use crossgate_core::decide::{BuildRef, Conclusion, ItemState, Row, RowState};
use crossgate_core::facts::Item;
use crossgate_core::ids::Timestamp;
use crossgate_core::plan::{Entry, Vote};
use crossgate_core::verdict::Verdict;

use crate::printer::{BOLD, CYAN, DIM, GREEN, RED, YELLOW, styled};
use crate::render::plan::alike;
use crate::render::{duration, indented, plan, table};

/// Longest explanation in a cell, in characters.
const MAX_DETAIL: usize = 72;

/// Returns the matrix of one item. The rows of silent drivers are for their teams: one line for all, unless `whole`.
pub(crate) fn text(item: &Item, state: &ItemState, whole: bool) -> String {
    let mut text = plan::heading(item.change()) + &plan::with(&item.ahead);
    let mut cells = table();
    let (shown, silent): (Vec<_>, Vec<_>) =
        state.rows.iter().partition(|row| whole || row.vote != Vote::Silent);
    let (first, others): (Vec<_>, Vec<_>) = shown.into_iter().partition(|row| is_first(row));
    for row in first.into_iter().chain(others) {
        cells.add_row(cells_of(row));
    }
    for alike in alike(item.plan().entries.iter().filter(|entry| !entry.runs())) {
        cells.add_row(skipped_cells(&alike));
    }
    text.push_str(&indented(&cells));
    text.push_str(&folded(&silent));
    text
}

/// Returns the line that stands for the rows of silent drivers.
fn folded(rows: &[&Row]) -> String {
    let drivers: BTreeSet<_> = rows.iter().map(|row| &row.driver).collect();
    let line = match drivers.len() {
        0 => return String::new(),
        1 => "silent  1 driver, for its team only (-v shows it)".to_owned(),
        n => format!("silent  {n} drivers, for their teams only (-v shows them)"),
    };
    format!("  {}\n", styled(DIM, line))
}

/// What fails in another way than before blocks nothing, and would go unseen among what blocks.
fn is_first(row: &Row) -> bool {
    matches!(row.state, RowState::Decided(Verdict::BrokenDifferently { .. }))
}

fn cells_of(row: &Row) -> Vec<String> {
    let driver = row.driver.as_ref().map_or("–", |driver| driver.as_str());
    let (word, style, detail) = match &row.state {
        RowState::Waits { on } => ("waits", DIM, on.to_string()),
        RowState::Decided(verdict) => (verdict.word(), style_of(verdict, row.vote), detail_of(verdict)),
    };
    vec![
        driver.to_owned(),
        row.job.to_string(),
        row.vote.word().to_owned(),
        styled(style, word),
        styled(DIM, builds_of(row)),
        cut(&detail, MAX_DETAIL),
    ]
}

fn skipped_cells(alike: &[&Entry]) -> Vec<String> {
    let driver = alike[0].driver.as_ref().map_or("–", |driver| driver.as_str());
    let reason = alike[0].reasons.last().map(ToString::to_string).unwrap_or_default();
    let job = || alike[0].job_name().map(ToString::to_string).unwrap_or_default();
    vec![
        driver.to_owned(),
        if alike.len() == 1 { job() } else { format!("{} jobs", alike.len()) },
        String::new(),
        styled(DIM, "not-applicable"),
        String::new(),
        styled(DIM, cut(&reason, MAX_DETAIL)),
    ]
}

fn style_of(verdict: &Verdict, vote: Vote) -> Style {
    match verdict {
        Verdict::Passed => GREEN,
        Verdict::Fixed => GREEN.bold(),
        Verdict::Regressed { .. } if vote == Vote::Gating => RED.bold(),
        Verdict::Regressed { .. } | Verdict::BrokenDifferently { .. } => RED,
        Verdict::BrokenBefore { .. } | Verdict::Flaky { .. } | Verdict::Waived { .. } => YELLOW,
        Verdict::Infra { .. } | Verdict::Unknown { .. } | Verdict::Absent { .. } => CYAN,
        Verdict::NotApplicable { .. } => DIM,
    }
}

/// Returns what explains a verdict, in one line.
pub(crate) fn detail_of(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed | Verdict::Fixed => String::new(),
        Verdict::Regressed { failed, of, signature } => {
            format!("{failed} of {of}: {}", first(&signature.lines))
        }
        Verdict::BrokenBefore { signature } => {
            format!("fails the same without the change: {}", first(&signature.lines))
        }
        Verdict::BrokenDifferently { signature, before } => {
            let half = |lines| cut(first(lines), MAX_DETAIL / 2 - 12);
            format!("{}; without the change: {}", half(&signature.lines), half(&before.lines))
        }
        Verdict::Flaky { failed, of } => format!("{failed} of {of} runs on one tree fail"),
        Verdict::Infra { reason } | Verdict::NotApplicable { reason } | Verdict::Unknown { reason } => {
            reason.clone()
        }
        Verdict::Absent { after, blocks } => {
            let after = duration(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            let meaning = if *blocks { "blocks" } else { "does not block" };
            format!("no answer after {after}, which {meaning}")
        }
        Verdict::Waived { by, reason, until, verdict } => {
            let day = day(*until);
            format!("{verdict}, passed over by {by} until {day}: {reason}")
        }
    }
}

/// Returns the day of a moment, in UTC.
fn day(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let day = jiff::Timestamp::from_millisecond(ms).map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.map_or_else(|_| "further notice".to_owned(), |day| day.to_string())
}

fn first(lines: &[String]) -> &str {
    lines.first().map_or("no output", String::as_str)
}

/// What was run for a row, and for how long.
fn builds_of(row: &Row) -> String {
    let spent: u64 = row.builds.iter().filter_map(|build| build.duration_ms).sum();
    let reused = row.builds.iter().all(|build| build.reused);
    match row.builds.len() {
        0 => String::new(),
        _ if reused => "reused".to_owned(),
        // One that was given up has no time of its own.
        _ if row.builds.iter().all(|build| build.duration_ms.is_none()) => String::new(),
        1 => duration(spent),
        n => format!("{} in {n}", duration(spent)),
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

/// Returns what an item comes to: one line with the share that is not known, then one for each vote that blocks. Of a part of
/// the plan nothing can be concluded but what blocks.
pub(crate) fn conclusion(change: &Change, state: &ItemState, partial: bool) -> String {
    let mut text = String::new();
    let id = &change.id;
    match &state.conclusion {
        Some(Conclusion::MayLand) if partial && state.rows.is_empty() => {
            writeln!(text, "{} {id}: no job of that part runs for it", styled(BOLD, "nothing was run:"))
        }
        Some(Conclusion::MayLand) if partial => {
            writeln!(
                text,
                "{} {id}: {}",
                styled(BOLD, "nothing against it in the part that was run:"),
                tally(state)
            )
        }
        Some(Conclusion::MayLand) => {
            writeln!(text, "{} {id}: {}", styled(GREEN.bold(), "may land"), tally(state))
        }
        Some(Conclusion::MustNotLand { blockers }) => {
            let head = format!("{} {id}: {}", styled(RED.bold(), "must not land"), tally(state));
            let lines = blockers.iter().filter_map(|&index| state.rows.get(index)).map(blocker);
            writeln!(text, "{}", std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n"))
        }
        Some(Conclusion::Conflict(conflict)) => {
            let with = conflict
                .with
                .as_ref()
                .map_or_else(|| format!("{} of {}", change.branch, conflict.repo), ToString::to_string);
            let head = styled(RED.bold(), "must not land");
            writeln!(text, "{head} {id}: {} does not merge with {with}", conflict.change)
                .expect("a string takes all text");
            conflict.files.iter().try_for_each(|file| writeln!(text, "  {file}"))
        }
        Some(Conclusion::Failed { reason }) => {
            writeln!(text, "{} {id}: {reason}", styled(RED.bold(), "no verdict"))
        }
        None => writeln!(text, "{} {id}", styled(DIM, "undecided")),
    }
    .expect("a string takes all text");
    text
}

fn blocker(row: &Row) -> String {
    let who =
        row.driver.as_ref().map_or_else(|| row.job.to_string(), |driver| format!("{driver}/{}", row.job));
    let RowState::Decided(verdict) = &row.state else { return String::new() };
    // Of what could not be run there may be no record, and the reason is told.
    let is_red = |build: &&BuildRef| build.outcome.is_some_and(|word| !matches!(word, "pass" | "infra"));
    let log = row.builds.iter().rev().find(is_red);
    let log = log.map(|build| styled(DIM, format!(" (crossgate log {})", build.id))).unwrap_or_default();
    format!("  {} {} {}{log}", styled(BOLD, who), verdict.word(), detail_of(verdict))
}

/// Returns how many of the verdicts are which; what is not known is always said.
fn tally(state: &ItemState) -> String {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    let mut unknown = 0;
    for row in &state.rows {
        let word = match &row.state {
            RowState::Decided(verdict) => {
                unknown += u32::from(!verdict.is_known());
                verdict.word()
            }
            RowState::Waits { .. } => "undecided",
        };
        if matches!(word, "unknown" | "infra") {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let mut parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    parts.push(format!("{unknown} of {} unknown", state.rows.len()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn silence_and_waivers_are_explained() {
        let after = Duration::from_mins(90);
        let waived = Verdict::Waived {
            by: "ada".to_owned(),
            reason: "the rig moves".to_owned(),
            until: Timestamp::from_millis(1_800_000_000_000),
            verdict: "regressed",
        };
        let texts =
            [Verdict::Absent { after, blocks: true }, Verdict::Absent { after, blocks: false }, waived]
                .map(|verdict| detail_of(&verdict));
        assert_eq!(
            texts,
            [
                "no answer after 90 min 0 s, which blocks",
                "no answer after 90 min 0 s, which does not block",
                "regressed, passed over by ada until 2027-01-15: the rig moves",
            ]
        );
    }
}
