//! What is going on while builds run: a line each on a terminal, a line at start and end elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossgate_core::build::BuildRequest;
use crossgate_core::decide::{Decision, Row, RowState, Wait};
use crossgate_core::facts::{BuildState, Facts};
use crossgate_core::ids::BuildId;
use crossgate_server::engine::Observer;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::printer::{DIM, GREEN, Printer, RED, one_line, styled, tame};
use crate::render::duration;

/// Longest part of a build's latest line that is shown.
const MAX_TAIL: usize = 60;

/// Longest line below the builds that run.
const MAX_TOTAL: usize = 200;

/// Shows builds as they run.
pub(crate) struct Progress<'a> {
    printer: &'a mut Printer,
    bars: MultiProgress,
    /// How many rows are how far, below the builds that run.
    total: ProgressBar,
    running: BTreeMap<BuildId, ProgressBar>,
    ended: BTreeSet<BuildId>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(printer: &'a mut Printer) -> Self {
        let bars = MultiProgress::new();
        let total = if printer.shows_progress() {
            bars.add(ProgressBar::new_spinner())
        } else {
            ProgressBar::hidden()
        };
        total.set_style(ProgressStyle::with_template("  {msg:.dim}").expect("the template is well formed"));
        Self { printer, bars, total, running: BTreeMap::new(), ended: BTreeSet::new() }
    }

    /// Takes the lines off the terminal.
    pub(crate) fn finish(self) {
        // The terminal may be gone; there is nothing left to show then.
        drop(self.bars.clear());
    }

    fn begins(&mut self, request: &BuildRequest) {
        let bar = if self.printer.shows_progress() {
            let bar = self.bars.insert_before(&self.total, ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("  {spinner} {prefix} {elapsed:>4} {wide_msg}");
            bar.set_style(style.expect("the template is well formed"));
            bar.set_prefix(tame(&label(request)));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        self.running.insert(request.id, bar);
    }

    fn ends(&mut self, request: &BuildRequest, word: &str, ms: u64) {
        if let Some(bar) = self.running.remove(&request.id) {
            bar.finish_and_clear();
        }
        let style = if word == "pass" { GREEN } else { RED };
        let time = styled(DIM, format!("{:>8}", duration(ms)));
        let line = format!("  {} {time}  {}", styled(style, format!("{word:<9}")), label(request));
        self.say(&line);
    }

    fn say(&mut self, line: &str) {
        // What is said here is talk; a terminal that is gone must not end the builds.
        if self.printer.is_quiet() {
            return;
        }
        let printer = &mut *self.printer;
        self.bars.suspend(|| drop(printer.note(line)));
    }
}

/// Returns how many jobs are how far, and what the first one that waits waits for.
fn tally(decision: &Decision) -> String {
    let rows: Vec<_> = decision.items.iter().flat_map(|item| &item.rows).collect();
    let waits =
        |row: &&&Row| matches!(&row.state, RowState::Waits { on } if !matches!(on, Wait::Build { .. }));
    let decided = rows.iter().filter(|row| matches!(row.state, RowState::Decided(_))).count();
    let mut text = format!("{decided} of {} decided", rows.len());
    if let Some(RowState::Waits { on }) = rows.iter().find(waits).map(|row| &row.state) {
        let count = rows.iter().filter(waits).count();
        text = format!("{text}; {count} to come: {on}");
    }
    text
}

/// Returns what names a build for people.
fn label(request: &BuildRequest) -> String {
    let job = match &request.driver {
        Some(driver) => format!("{driver}/{}", request.job),
        None => request.job.to_string(),
    };
    format!("{job} {}", styled(DIM, format!("{} {}", request.purpose.word(), request.id)))
}

impl Observer for Progress<'_> {
    fn decided(&mut self, facts: &Facts, decision: &Decision) {
        self.total.set_message(one_line(&tally(decision), MAX_TOTAL));
        for (id, build) in facts.builds() {
            match &build.state {
                BuildState::Running { .. } if !self.running.contains_key(id) => self.begins(&build.request),
                BuildState::Running { .. } => {}
                BuildState::Ended(ended) => {
                    if self.ended.insert(*id) {
                        let ms =
                            u64::try_from(ended.ended.since(ended.started).as_millis()).unwrap_or(u64::MAX);
                        self.ends(&build.request, ended.outcome.word(), ms);
                    }
                }
            }
        }
    }

    fn line(&mut self, build: &BuildRequest, line: &str) {
        if self.printer.is_verbose() {
            let name = build.driver.as_ref().map_or(build.repo.as_str(), |driver| driver.as_str());
            self.say(&format!("{} {}", styled(DIM, format!("{name} |")), line));
        } else if let Some(bar) = self.running.get(&build.id) {
            bar.set_message(one_line(line, MAX_TAIL));
        }
    }
}
