//! What came out of a scenario, as text: its items, its builds, its verdicts, and what waited for what.

mod items;

use std::fmt::Write as _;

use anstyle::Style;
use crossgate_core::ids::{ChangeId, DriverName, JobName};
use crossgate_simulator::{BuildLine, Outcome, VerdictLine, Waiting};
use serde::Serialize;

pub(crate) use self::items::{ItemLine, items};
use crate::printer::{BOLD, CYAN, DIM, GREEN, RED, YELLOW, styled};
use crate::render::fitting;

/// What stands for nothing in a cell.
const NONE: &str = "–";

/// Returns all that came out, for a terminal of so many columns if there is one. Verdicts that say nothing new are left out,
/// unless `whole`.
pub(crate) fn text(outcome: &Outcome, whole: bool, columns: Option<usize>) -> String {
    let mut text = format!("{}: {}\n", styled(BOLD, flat(&outcome.scenario)), sum(outcome));
    for (repo, reason) in &outcome.frozen {
        writeln!(text, "{} {repo}: {}", styled(RED.bold(), "frozen"), flat(reason))
            .expect("a string takes all text");
    }
    let items = items(outcome);
    section(
        &mut text,
        ["change", "pipeline", "entered", "ended", "result", "reason"],
        items.iter().map(item_cells),
        (&[], columns),
    );
    section(
        &mut text,
        ["started", "ended", "job", "driver", "change", "purpose", "with", "outcome"],
        outcome.builds.iter().map(build_cells),
        (&["purpose", "driver"], columns),
    );
    verdicts(&mut text, outcome, whole, columns);
    section(
        &mut text,
        ["change", "what waits", "from", "until", "waits for"],
        outcome.waits.iter().map(wait_cells),
        (&[], columns),
    );
    text
}

fn verdicts(text: &mut String, outcome: &Outcome, whole: bool, columns: Option<usize>) {
    let telling = |line: &&VerdictLine| whole || !matches!(line.verdict, "passed" | "not-applicable");
    section(
        text,
        ["change", "pipeline", "judged", "vote", "verdict", "why"],
        outcome.verdicts.iter().filter(telling).map(verdict_cells),
        (&["pipeline"], columns),
    );
    let count = |word| outcome.verdicts.iter().filter(|line| line.verdict == word).count();
    let hidden = ["passed", "not-applicable"].map(|word| (count(word), word));
    let hidden = hidden.iter().filter(|(count, _)| *count > 0 && !whole);
    let hidden: Vec<String> = hidden.map(|(count, word)| format!("{count} {word}")).collect();
    if !hidden.is_empty() {
        let told = format!("verdicts not shown: {}; `-v` shows them", hidden.join(", "));
        writeln!(text, "\n  {}", styled(DIM, told)).expect("a string takes all text");
    }
}

/// Returns a line that sums up what came out.
pub(crate) fn line(outcome: &Outcome, fine: bool) -> String {
    let mark = if fine { styled(GREEN, "✓") } else { styled(RED.bold(), "✗") };
    let sum = format!("landed {}, ended {}", outcome.landed.len(), outcome.ended);
    format!("{mark} {}  {}\n", flat(&outcome.scenario), styled(DIM, sum))
}

/// Returns when it ended and what landed.
fn sum(outcome: &Outcome) -> String {
    let landed: Vec<&str> = outcome.landed.iter().map(|line| line.change.as_str()).collect();
    let landed = if landed.is_empty() { "nothing".to_owned() } else { landed.join(", ") };
    format!("ended {}, landed {landed}", outcome.ended)
}

/// Adds a table with titles, if it has rows; `(spare, columns)`: the titles of what is left out first where the terminal is not
/// wide enough.
fn section<const N: usize>(
    text: &mut String,
    titles: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    (spare, columns): (&[&str], Option<usize>),
) {
    let spare: Vec<usize> =
        spare.iter().filter_map(|spare| titles.iter().position(|title| title == spare)).collect();
    let mut cells = vec![titles.map(|title| styled(DIM, title)).to_vec()];
    cells.extend(rows.map(|row| row.to_vec()));
    if cells.len() > 1 {
        text.push('\n');
        text.push_str(&fitting(&cells, &spare, columns));
    }
}

fn item_cells(item: &ItemLine<'_>) -> [String; 6] {
    let result = item.result.as_str();
    let style = match result {
        "landed" | "passed" => GREEN,
        "failed" | "conflict" | "error" => RED,
        "dependency" | "removed" => YELLOW,
        "waiting" => CYAN,
        _ => DIM,
    };
    [
        item.change.to_string(),
        item.pipeline.map_or_else(|| NONE.to_owned(), word),
        item.entered.unwrap_or(NONE).to_owned(),
        item.ended.unwrap_or(NONE).to_owned(),
        styled(style, result),
        flat(item.reason),
    ]
}

fn build_cells(build: &BuildLine) -> [String; 8] {
    let outcome = build.outcome.unwrap_or("running");
    let with: Vec<&str> = build.with.iter().map(ChangeId::as_str).collect();
    let purpose = match build.attempt {
        1 => build.purpose.word().to_owned(),
        n => format!("{} {n}", build.purpose.word()),
    };
    [
        build.started.clone(),
        build.ended.clone().unwrap_or_else(|| NONE.to_owned()),
        build.job.to_string(),
        build.driver.as_ref().map_or_else(|| NONE.to_owned(), DriverName::to_string),
        match build.revision {
            1 => build.change.to_string(),
            n => format!("{} r{n}", build.change),
        },
        purpose,
        if with.is_empty() { NONE.to_owned() } else { with.join(" ") },
        styled(style_of(outcome), outcome),
    ]
}

/// Returns the style of a build's outcome.
fn style_of(outcome: &str) -> Style {
    match outcome {
        "pass" => GREEN,
        "fail" | "timeout" => RED,
        "infra" | "lost" => YELLOW,
        "running" => CYAN,
        _ => DIM,
    }
}

fn verdict_cells(line: &VerdictLine) -> [String; 6] {
    let style = match line.verdict {
        "passed" | "fixed" => GREEN,
        "regressed" | "broken-differently" => RED,
        "broken-before" | "flaky" | "absent" => YELLOW,
        "infra" | "unknown" | "waived" => CYAN,
        _ => DIM,
    };
    [
        line.change.to_string(),
        word(line.pipeline),
        name(line.driver.as_ref(), Some(&line.job)),
        line.vote.unwrap_or(NONE).to_owned(),
        styled(style, line.verdict),
        flat(line.detail.as_deref().unwrap_or_default()),
    ]
}

fn wait_cells(wait: &Waiting) -> [String; 5] {
    let what = match (&wait.job, wait.pipeline) {
        (Some(_), _) => name(wait.driver.as_ref(), wait.job.as_ref()),
        (None, Some(pipeline)) => format!("in {}", word(pipeline)),
        (None, None) => "to enter".to_owned(),
    };
    [
        wait.change.to_string(),
        what,
        wait.since.clone(),
        wait.until.clone().unwrap_or_else(|| NONE.to_owned()),
        flat(&wait.on),
    ]
}

/// Returns what names a job: `driver/job`, or what there is of it.
pub(crate) fn name(driver: Option<&DriverName>, job: Option<&JobName>) -> String {
    match (driver, job) {
        (Some(driver), Some(job)) => format!("{driver}/{job}"),
        (Some(driver), None) => driver.to_string(),
        (None, Some(job)) => job.to_string(),
        (None, None) => NONE.to_owned(),
    }
}

/// Returns a text in one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a value's one word, as programs read it.
pub(crate) fn word<T: Serialize>(value: T) -> String {
    let value = serde_json::to_value(value).expect("a word is plain data");
    value.as_str().expect("a word is a text").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn everything_is_told() {
        insta::assert_snapshot!(plain(&text(&fixture::outcome(), false, None)));
    }

    #[test]
    fn a_narrow_terminal_loses_no_outcome() {
        let text = plain(&text(&fixture::outcome(), false, Some(60)));
        assert!(text.lines().skip(2).all(|line| line.chars().count() <= 60), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_line_sums_it_up() {
        let outcome = fixture::outcome();
        let name = &outcome.scenario;
        assert_eq!(plain(&line(&outcome, true)), format!("✓ {name}  landed 2, ended 47m\n"));
        assert_eq!(plain(&line(&outcome, false)), format!("✗ {name}  landed 2, ended 47m\n"));
    }
}
