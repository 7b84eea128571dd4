//! What is said on a terminal while playing takes long.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::{Printer, one_line};

/// After what time something is said.
pub(super) const LONG: Duration = Duration::from_secs(1);

/// Longest name that is shown.
const MAX_NAME: usize = 80;

/// Says on a terminal how far it is, once it takes long.
pub(super) struct Patience {
    bar: ProgressBar,
    /// Ends the thread that waits for it to take long, by being dropped.
    watch: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Patience {
    /// Counts files.
    pub(super) fn new(files: usize, printer: &Printer) -> Self {
        let template =
            if files > 1 { "  {spinner} {pos}/{len} {msg}" } else { "  {spinner} {elapsed} {msg}" };
        Self::of(files as u64, template, printer)
    }

    /// Shows which share is done of something that comes in so many parts.
    pub(super) fn of_parts(parts: u64, printer: &Printer) -> Self {
        Self::of(parts, "  {spinner} {percent} %, {eta} to go: {msg}", printer)
    }

    fn of(length: u64, template: &str, printer: &Printer) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        let watch = printer.shows_progress().then(|| {
            let (done, wait) = channel();
            let bar = bar.clone();
            (done, thread::spawn(move || appear(&bar, &wait)))
        });
        Self { bar, watch }
    }

    /// Says which file is played.
    pub(super) fn about(&self, name: &str) {
        self.bar.set_message(one_line(name, MAX_NAME));
    }

    /// Counts a file.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// Counts parts.
    pub(super) fn advance(&self, parts: u64) {
        self.bar.inc(parts);
    }

    /// Returns how much is done, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
    pub(super) fn share(&self) -> f64 {
        self.bar.position() as f64 / self.bar.length().unwrap_or(0).max(1) as f64
    }

    /// Takes it off the terminal while something else is printed.
    pub(super) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes it off the terminal for good.
    pub(super) fn finish(self) {
        if let Some((done, thread)) = self.watch {
            drop(done);
            thread.join().expect("waiting does not panic");
        }
        self.bar.finish_and_clear();
    }
}

/// Shows the bar if it takes long.
fn appear(bar: &ProgressBar, done: &Receiver<()>) {
    if done.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(120));
    }
}
