//! Does one thing in many checkouts, a few at a time; one that fails stops no other.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use super::checkouts::Checkout;
use super::report::Failure;
use crate::error::CliError;
use crate::printer::{Printer, one_line};
use crate::signals;

/// Nobody wants to see a bar flash up.
const PATIENCE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(100);
/// Lines that wait to be printed; who says more waits.
const LINES: usize = 256;
/// Longest line of a bar, in characters.
const MAX_MENTION: usize = 500;
/// How long what was started may take to end after an interruption.
const ENDING: Duration = Duration::from_secs(20);

/// What a task says.
#[derive(Debug)]
enum Said {
    /// For the bar; the next one replaces it.
    Mention(String),
    /// For whoever hears.
    Line(String),
}

/// What a task may say while it runs, and heeds.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    index: usize,
    lines: mpsc::Sender<(usize, Said)>,
    stop: CancellationToken,
}

impl Voice {
    /// Says a line that must be heard.
    pub(super) async fn say(&self, line: String) {
        // Nobody listens any more only when the command is over.
        drop(self.lines.send((self.index, Said::Line(line))).await);
    }

    /// Says a line that the next one replaces.
    pub(super) fn mention(&self, line: &str) {
        drop(self.lines.try_send((self.index, Said::Mention(line.to_owned()))));
    }

    /// Ends when the task is to end.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Runs a future; one that is interrupted is dropped.
    pub(super) async fn until_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.stopped() => Err(Failure::interrupted()),
        }
    }
}

/// What is heard of a checkout.
pub(super) enum Heard<'a, T> {
    /// A line.
    Line(&'a str),
    /// The result.
    Ended(&'a Result<T, Failure>),
}

/// How tasks are run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// What is done, such as `cloning`.
    pub(super) doing: &'static str,
    /// How many at once.
    pub(super) jobs: usize,
}

/// Runs a task that blocks in each checkout. See [`each`].
pub(super) fn each_blocking<T: Send + 'static>(
    checkouts: &[Arc<Checkout>],
    pace: Pace,
    printer: &mut Printer,
    task: impl Fn(&Checkout) -> Result<T, Failure> + Send + Clone + 'static,
) -> Result<Vec<Result<T, Failure>>, CliError> {
    let blocking = |checkout: Arc<Checkout>, _voice| {
        let task = task.clone();
        async move {
            let done = tokio::task::spawn_blocking(move || task(&checkout)).await;
            done.unwrap_or_else(|error| Err(Failure::internal(&error)))
        }
    };
    each(checkouts, pace, printer, blocking, |_, _, _| Ok(()))
}

/// Runs a task in each checkout, and returns the results in the order of the checkouts. `hear` gets what tasks say, and each
/// result, as they come.
///
/// After an interruption, or when nobody reads any more what is printed, no task is started, and those that run are waited for: they end soon by themselves, or heed
/// [`Voice::stopped`].
///
/// # Errors
/// What `hear` fails with; it is not called again then.
pub(super) fn each<T, Work>(
    checkouts: &[Arc<Checkout>],
    pace: Pace,
    printer: &mut Printer,
    task: impl Fn(Arc<Checkout>, Voice) -> Work,
    hear: impl FnMut(&mut Printer, &Checkout, Heard<'_, T>) -> Result<(), CliError>,
) -> Result<Vec<Result<T, Failure>>, CliError>
where
    T: Send + 'static,
    Work: Future<Output = Result<T, Failure>> + Send + 'static,
{
    // One thread starts and reads; what blocks runs on threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::internal)?;
    let bar = Bar::new(pace.doing, checkouts.len(), printer.shows_progress());
    let audience = Audience { checkouts, printer, hear, bar, failed: None };
    let results = runtime.block_on(drive(checkouts, pace.jobs, task, audience));
    runtime.shutdown_timeout(ENDING);
    results
}

async fn drive<T, Work, Hear>(
    checkouts: &[Arc<Checkout>],
    jobs: usize,
    task: impl Fn(Arc<Checkout>, Voice) -> Work,
    mut audience: Audience<'_, Hear>,
) -> Result<Vec<Result<T, Failure>>, CliError>
where
    T: Send + 'static,
    Work: Future<Output = Result<T, Failure>> + Send + 'static,
    Hear: FnMut(&mut Printer, &Checkout, Heard<'_, T>) -> Result<(), CliError>,
{
    let (lines, mut said) = mpsc::channel(LINES);
    let stop = CancellationToken::new();
    let mut results: Vec<Result<T, Failure>> =
        checkouts.iter().map(|_| Err(Failure::interrupted())).collect();
    let mut waiting = checkouts.iter().cloned().enumerate();
    let mut running = JoinSet::new();
    let mut interrupted = pin!(signals::interrupted());
    let mut redraw = interval_at(Instant::now() + PATIENCE, REDRAW);
    loop {
        while running.len() < jobs
            && !stop.is_cancelled()
            && let Some((index, checkout)) = waiting.next()
        {
            let work = task(checkout, Voice { index, lines: lines.clone(), stop: stop.clone() });
            running.spawn(async move { (index, work.await) });
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some(ended) = running.join_next() => {
                // All that a task said is in the channel when it has ended.
                while let Ok((index, said)) = said.try_recv() {
                    audience.is_told(index, said);
                }
                let (index, result) = ended.map_err(CliError::internal)?;
                audience.hears(index, Heard::Ended(&result));
                results[index] = result;
            }
            Some((index, said)) = said.recv() => audience.is_told(index, said),
            () = &mut interrupted, if !stop.is_cancelled() => stop.cancel(),
            _ = redraw.tick(), if audience.bar.wanted => audience.bar.draw(),
        }
        if audience.failed.is_some() || audience.printer.reader_is_gone() {
            stop.cancel();
        }
    }
    audience.failed.map_or(Ok(results), Err)
}

/// Who hears of the tasks.
struct Audience<'a, Hear> {
    checkouts: &'a [Arc<Checkout>],
    printer: &'a mut Printer,
    hear: Hear,
    bar: Bar,
    failed: Option<CliError>,
}

impl<Hear> Audience<'_, Hear> {
    fn is_told<T>(&mut self, index: usize, said: Said)
    where
        Hear: FnMut(&mut Printer, &Checkout, Heard<'_, T>) -> Result<(), CliError>,
    {
        match said {
            Said::Mention(line) => {
                let name = &self.checkouts[index].name;
                self.bar.last = one_line(&format!("{name}: {line}"), MAX_MENTION);
            }
            Said::Line(line) => self.hears(index, Heard::Line(&line)),
        }
    }

    fn hears<T>(&mut self, index: usize, heard: Heard<'_, T>)
    where
        Hear: FnMut(&mut Printer, &Checkout, Heard<'_, T>) -> Result<(), CliError>,
    {
        let checkout = &self.checkouts[index];
        self.bar.done += u64::from(matches!(heard, Heard::Ended(_)));
        if self.failed.is_none() {
            let (printer, hear) = (&mut *self.printer, &mut self.hear);
            self.failed = self.bar.aside(|| hear(printer, checkout, heard)).err();
        }
    }
}

/// A bar on the terminal, if it takes long.
struct Bar {
    wanted: bool,
    doing: &'static str,
    len: usize,
    done: u64,
    last: String,
    shown: Option<ProgressBar>,
}

impl Bar {
    fn new(doing: &'static str, len: usize, wanted: bool) -> Self {
        Self { wanted, doing, len, done: 0, last: String::new(), shown: None }
    }

    fn draw(&mut self) {
        let bar = self.shown.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix} {pos}/{len} {bar:30} {elapsed} {wide_msg}");
            let target = ProgressDrawTarget::stderr();
            ProgressBar::with_draw_target(Some(self.len as u64), target)
                .with_style(style.expect("the template is one that indicatif knows"))
                .with_prefix(self.doing)
                .with_elapsed(PATIENCE)
        });
        bar.set_position(self.done);
        bar.set_message(self.last.clone());
    }

    /// Prints without the bar in the way.
    fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.shown {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
