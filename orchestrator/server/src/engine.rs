//! One loop: what came in becomes facts, `decide` says what to do, and doing it brings new facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::build::{BuildRequest, Ended, Outcome};
use crossgate_core::decide::{Action, Chain, Decision, decide};
use crossgate_core::facts::{self, Earlier, Facts, TreeKey, TreeState};
use crossgate_core::ids::{BuildId, BuildKey, RepoName, Timestamp};
use crossgate_runner::{Archive, LocalRunner, PlaceError};
use crossgate_vcs::Mirror;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::trees;

/// How many facts and log lines may be on their way to the loop.
const INBOX: usize = 1_024;

/// Watches the loop.
pub trait Observer {
    /// Is told each decision, with the facts it was made from.
    fn decided(&mut self, facts: &Facts, decision: &Decision);
    /// Is told each line that a build prints.
    fn line(&mut self, build: &BuildRequest, line: &str);
}

/// What carries out the decisions of the loop.
#[derive(Debug, Clone)]
pub struct Engine {
    mirrors: BTreeMap<RepoName, Arc<Mirror>>,
    runner: LocalRunner,
}

/// Something that comes back from what was begun.
enum News {
    Tree(TreeKey, TreeState),
    Line(Arc<BuildRequest>, String),
    Ended(BuildId, Ended),
}

impl Engine {
    /// Makes an engine.
    pub fn new(mirrors: BTreeMap<RepoName, Arc<Mirror>>, runner: LocalRunner) -> Self {
        Self { mirrors, runner }
    }

    /// Runs the loop until every item is concluded.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once `cancel` is cancelled and every build has ended; [`Error::Internal`] if nothing is left to
    /// wait for and something is undecided.
    pub async fn run(
        &self,
        mut facts: Facts,
        observer: &mut dyn Observer,
        cancel: &CancellationToken,
    ) -> Result<(Facts, Decision), Error> {
        let (sender, inbox) = mpsc::channel(INBOX);
        let mut work = Work { inbox, tasks: JoinSet::new(), running: BTreeMap::new() };
        loop {
            let now = now();
            let decision = decide(&facts, now);
            observer.decided(&facts, &decision);
            if decision.is_final() {
                work.end().await;
                return Ok((facts, decision));
            }
            if decision.actions.is_empty() && work.tasks.is_empty() && decision.wake.is_none() {
                return Err(Error::Internal("nothing is running and something is undecided".to_owned()));
            }
            for action in decision.actions {
                self.start(action, now, &mut facts, &mut work, &sender, cancel)?;
            }
            let wake = decision.wake.map(|at| tokio::time::Instant::now() + at.since(now));
            tokio::select! {
                () = sleep_until(wake) => {}
                () = cancel.cancelled() => {
                    work.finish().await;
                    return Err(Error::Interrupted);
                }
                learned = work.learn(&mut facts, observer) => learned?,
            }
        }
    }

    /// Writes an action down as begun, and begins it.
    fn start(
        &self,
        action: Action,
        now: Timestamp,
        facts: &mut Facts,
        work: &mut Work,
        sender: &mpsc::Sender<News>,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let sender = sender.clone();
        match action {
            Action::Prepare(chain) => {
                facts.record(facts::Fact::Preparing(chain.keys()), now);
                let (mirrors, known) = (self.mirrors.clone(), known_trees(facts, &chain));
                work.tasks.spawn_blocking(move || {
                    trees::prepare(&mirrors, &chain, known, |key, state| {
                        // The loop has ended if nobody takes it.
                        drop(sender.blocking_send(News::Tree(key, state)));
                    });
                });
            }
            Action::Start(build) => {
                let request = Arc::new(build.request.clone());
                facts.record(facts::Fact::Started(build), now);
                let (engine, cancel) = (self.clone(), cancel.child_token());
                work.running.insert(request.id, cancel.clone());
                work.tasks.spawn(async move { engine.build(request, sender, cancel).await });
            }
            Action::Cancel(id) => {
                if let Some(token) = work.running.get(&id) {
                    token.cancel();
                }
                facts.record(facts::Fact::Cancelling(id), now);
            }
            Action::Enter { .. }
            | Action::Refuse { .. }
            | Action::Leave(_)
            | Action::Land { .. }
            | Action::Announce(_)
            | Action::TellFrozen(..)
            | Action::Report(_) => {
                let text = "the loop wants to do what only a service does".to_owned();
                return Err(Error::Internal(text));
            }
        }
        Ok(())
    }

    async fn build(&self, request: Arc<BuildRequest>, sender: mpsc::Sender<News>, cancel: CancellationToken) {
        let (mirrors, tree) = (self.mirrors.clone(), request.tree.clone());
        let place = move |src: &std::path::Path| trees::place(&mirrors, &tree, src).map_err(PlaceError::from);
        let (lines, about) = (sender.clone(), request.clone());
        let sink = move |event| {
            if let crossgate_runner::Event::Line(line) = event {
                // Lines are for watching; the log has them all. A full inbox must not hold a build up.
                drop(lines.try_send(News::Line(about.clone(), line)));
            }
        };
        let ended = self.runner.run(&request, place, cancel, sink).await;
        drop(sender.send(News::Ended(request.id, ended)).await);
    }
}

/// Waits until a moment; without one, for ever.
async fn sleep_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What is under way, and what comes back from it.
struct Work {
    inbox: mpsc::Receiver<News>,
    tasks: JoinSet<()>,
    /// What ends each build that runs.
    running: BTreeMap<BuildId, CancellationToken>,
}

impl Work {
    /// Waits until there is something to decide anew.
    async fn learn(&mut self, facts: &mut Facts, observer: &mut dyn Observer) -> Result<(), Error> {
        let mut changed = false;
        while !changed {
            tokio::select! {
                Some(fact) = self.inbox.recv() => changed = self.record(facts, fact, observer),
                // A task that panics never sends what the loop waits for.
                Some(ended) = self.tasks.join_next() => {
                    ended.map_err(|error| Error::Internal(format!("a task of the loop ended badly: {error}")))?;
                }
            }
            while let Ok(fact) = self.inbox.try_recv() {
                changed |= self.record(facts, fact, observer);
            }
        }
        Ok(())
    }

    /// Records what came back; returns whether there is something to decide anew.
    fn record(&mut self, facts: &mut Facts, news: News, observer: &mut dyn Observer) -> bool {
        match news {
            News::Tree(key, state) => facts.record(facts::Fact::Prepared(key, state), now()),
            News::Line(request, line) => {
                observer.line(&request, &line);
                return false;
            }
            News::Ended(id, ended) => {
                self.running.remove(&id);
                facts.record(facts::Fact::Ended(id, ended), now());
            }
        }
        true
    }

    /// Ends the builds that nobody waits for any more, such as those of a driver that is absent.
    async fn end(&mut self) {
        for token in self.running.values() {
            token.cancel();
        }
        self.finish().await;
    }

    /// Waits until every build has ended itself and cleaned up.
    async fn finish(&mut self) {
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => if ended.is_none() { return },
                _ = self.inbox.recv() => {}
            }
        }
    }
}

/// Returns how the trees are that a chain of others stands on and does not make itself.
fn known_trees(facts: &Facts, chain: &Chain) -> BTreeMap<TreeKey, TreeState> {
    let below = chain.merges.iter().map(|(_, onto, _)| onto);
    below.filter_map(|onto| Some((*onto, facts.trees().get(onto)?.clone()))).collect()
}

/// Returns the latest conclusive outcome of each key in the archive, of builds with or of those without a sandbox.
pub fn earlier(archive: &Archive, sandboxed: bool) -> BTreeMap<BuildKey, Earlier> {
    let mut known = BTreeMap::new();
    for record in archive.records().into_iter().filter(|record| record.sandboxed == sandboxed) {
        if matches!(record.ended.outcome, Outcome::Pass | Outcome::Fail(_)) {
            let (id, ended, outcome) = (record.request.id, record.ended.ended, record.ended.outcome);
            known.entry(record.request.key).or_insert(Earlier { id, ended, outcome, landed: false });
        }
    }
    known
}

/// Returns the time, in milliseconds since 1970.
pub fn now() -> Timestamp {
    let ms = jiff::Timestamp::now().as_millisecond();
    Timestamp::from_millis(u64::try_from(ms).unwrap_or(0))
}
