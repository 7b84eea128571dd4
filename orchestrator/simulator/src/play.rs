//! Plays a scenario: what happens in it becomes facts, and what comes of them is written down.

mod recorder;
mod script;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::change::{Change, Reference, dependencies};
use crossgate_core::command::{Command, Until, commands};
use crossgate_core::dependencies::promoted;
use crossgate_core::facts::{Configuration, Fact, Facts, Waiver};
use crossgate_core::ids::{BranchName, ChangeId, DriverName, Timestamp};
use crossgate_core::scenario::{Happening, Scenario, ScenarioChange, Scope};
use crossgate_core::suggest::nearest;
use crossgate_core::workspace::Workspace;

use crate::outcome::Outcome;
use crate::world::forge::commit_of;
use crate::world::{Stuck, World};
use recorder::Recorder;
use script::Scripted;

/// Who does what a scenario does not say by whom.
const SOMEBODY: &str = "a reviewer";

/// Most steps of one scenario for each of its changes and events: what happens in it, and ends of builds.
const MAX_STEPS: usize = 500;

/// Plays a scenario to its end, and checks after every step what must always hold.
///
/// # Errors
/// [`Stuck`], which is a bug of the loop.
pub fn play(scenario: &Scenario) -> Result<Outcome, Stuck> {
    let mortal = scenario.timeline.iter().any(|event| matches!(event.what, Happening::Restart));
    let play = played(scenario, mortal)?;
    Ok(play.recorder.outcome(scenario, &play.world.facts, &play.world.forge, play.world.elapsed()))
}

/// What came out of a scenario, and how.
#[derive(Debug)]
pub struct Record {
    /// What came out.
    pub outcome: Outcome,
    /// What was known before anything was recorded.
    pub first: Facts,
    /// Everything that was recorded, in order.
    pub log: Vec<(Timestamp, Fact)>,
}

/// Plays a scenario like [`play`], and returns also what was recorded.
///
/// # Errors
/// [`Stuck`], which is a bug of the loop.
pub fn record(scenario: &Scenario) -> Result<Record, Stuck> {
    let mut play = played(scenario, true)?;
    let (first, log) = play.world.take_log();
    let outcome = play.recorder.outcome(scenario, &play.world.facts, &play.world.forge, play.world.elapsed());
    Ok(Record { outcome, first, log })
}

fn played(scenario: &Scenario, mortal: bool) -> Result<Play<'_>, Stuck> {
    let mut play = Play::new(scenario, mortal);
    for event in &scenario.timeline {
        let at = play.start.after(event.at);
        play.until(Some(at))?;
        play.happens(&event.what, event.by.as_deref().unwrap_or(SOMEBODY))?;
    }
    play.until(None)?;
    play.recorder.guard.finished(&play.world.facts, play.world.now);
    play.unbroken()?;
    Ok(play)
}

struct Play<'a> {
    scenario: &'a Scenario,
    world: World<Scripted<'a>>,
    recorder: Recorder,
    start: Timestamp,
    /// When the loop is to turn though nothing happens.
    wake: Option<Timestamp>,
    steps: u64,
    revisions: BTreeMap<ChangeId, u32>,
    /// The latest files and dependencies of each change.
    texts: BTreeMap<ChangeId, ScenarioChange>,
    workspace: Arc<Workspace>,
}

impl<'a> Play<'a> {
    fn new(scenario: &'a Scenario, mortal: bool) -> Self {
        let ms = scenario
            .starts
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_or(0, |day| day.timestamp().as_millisecond());
        let start = Timestamp::from_millis(u64::try_from(ms).unwrap_or(0));
        let mut facts = Facts::new(scenario.slots.clone(), 1);
        for ((driver, job), history) in &scenario.history {
            facts.ledger.seed(driver.as_ref(), job, *history);
        }
        let world = World::new(facts, start, Scripted::new(scenario), mortal);
        let mut play = Self {
            scenario,
            world,
            recorder: Recorder::new(start),
            start,
            wake: None,
            steps: 0,
            revisions: BTreeMap::new(),
            texts: scenario.changes.clone(),
            workspace: scenario.workspace.clone(),
        };
        play.begin();
        play
    }

    /// Records what there is before anything happens.
    fn begin(&mut self) {
        self.world.record(Fact::Configured(Configuration::new(self.workspace.clone())));
        self.branches();
        for id in self.scenario.changes.keys() {
            self.propose(id);
        }
    }

    /// Makes every branch that there is none of yet: each repo's default, and those that a change or a push names.
    fn branches(&mut self) {
        let defaults = self.workspace.repos.iter().map(|(name, repo)| (name.clone(), repo.branch.clone()));
        let named = self
            .scenario
            .changes
            .values()
            .filter_map(|change| Some((change.repo.clone(), change.branch.clone()?)));
        let pushed = self.scenario.timeline.iter().filter_map(|event| match &event.what {
            Happening::Tip { repo, branch: Some(branch), .. } => Some((repo.clone(), branch.clone())),
            _ => None,
        });
        for (repo, branch) in defaults.chain(named).chain(pushed).collect::<Vec<_>>() {
            if !self.world.facts.tips().contains_key(&(repo.clone(), branch.clone())) {
                let commit = self.world.forge.branch(&repo, &branch);
                self.world.record(Fact::Tip { repo, branch, commit, change: None });
            }
        }
    }

    /// Lets time pass up to a moment, or to the end, and the loop turn whenever something happens.
    fn until(&mut self, to: Option<Timestamp>) -> Result<(), Stuck> {
        loop {
            let next = [self.world.next_event(), self.wake].into_iter().flatten().min();
            match (next, to) {
                (Some(next), to) if to.is_none_or(|to| next <= to) => {
                    self.world.advance(next.max(self.world.now), &mut self.recorder);
                    self.settle()?;
                }
                (_, Some(to)) => {
                    self.world.advance(to, &mut self.recorder);
                    return Ok(());
                }
                (_, None) => return Ok(()),
            }
        }
    }

    fn settle(&mut self) -> Result<(), Stuck> {
        self.steps += 1;
        let size = 10 + self.scenario.changes.len() + self.scenario.timeline.len();
        if self.steps > (size * MAX_STEPS) as u64 {
            return Err(Stuck::Endless { steps: self.steps });
        }
        self.wake = self.world.settle(&mut self.recorder)?.filter(|wake| *wake > self.world.now);
        self.unbroken()
    }

    /// Checks that everything held so far that must.
    fn unbroken(&mut self) -> Result<(), Stuck> {
        match self.recorder.guard.broken() {
            Some(what) => Err(Stuck::Broken { at: crate::in_words(self.world.elapsed()), what }),
            None => Ok(()),
        }
    }

    fn happens(&mut self, what: &Happening, by: &str) -> Result<(), Stuck> {
        let by = || by.to_owned();
        match what {
            Happening::Open(id) | Happening::Reopen(id) => self.world.record(Fact::Asked(id.clone())),
            Happening::Approve(id) => self.world.record(Fact::Approved { change: id.clone(), by: by() }),
            Happening::Unapprove(id) => self.world.record(Fact::Unapproved(id.clone())),
            Happening::Push { change, files } => {
                let text = self.texts.get_mut(change);
                if let (Some(text), Some(files)) = (text, files) {
                    text.files.clone_from(files);
                }
                *self.revisions.entry(change.clone()).or_insert(1) += 1;
                self.propose(change);
                self.world.record(Fact::Asked(change.clone()));
            }
            Happening::Close(id) => self.world.record(Fact::Closed(id.clone())),
            Happening::Edit { change, depends_on } => {
                if let Some(text) = self.texts.get_mut(change) {
                    text.depends_on.clone_from(depends_on);
                }
                self.propose(change);
            }
            Happening::Comment { change, text } => {
                for command in commands(text) {
                    if let Err(text) = command.and_then(|command| self.command(change, command, &by())) {
                        self.world.record(Fact::Answered { change: change.clone(), text });
                    }
                }
            }
            Happening::Promote(id) => self.promote(id),
            Happening::Dequeue(id) => self.world.record(Fact::Dequeued { change: id.clone(), by: by() }),
            Happening::Hold(scope) => self.world.record(Fact::Held { scope: scope.clone(), by: by() }),
            Happening::Resume(scope) => self.world.record(Fact::Resumed(scope.clone())),
            Happening::Tip { repo, branch, change } => self.tip(repo, branch.as_ref(), change.as_ref()),
            Happening::Configure(workspace) => {
                self.workspace = workspace.clone();
                self.world.record(Fact::Configured(Configuration::new(workspace.clone())));
                self.branches();
            }
            Happening::Restart => self.world.restart(),
            Happening::Wait => {}
        }
        self.settle()
    }

    fn promote(&mut self, id: &ChangeId) {
        let order = promoted(&self.world.facts, id);
        self.world.record(Fact::Promoted(order));
    }

    fn tip(
        &mut self,
        repo: &crossgate_core::ids::RepoName,
        branch: Option<&BranchName>,
        change: Option<&ChangeId>,
    ) {
        let branch = branch.cloned().unwrap_or_else(|| self.branch_of(repo, None));
        let commit = self.world.forge.commit(repo, &branch, change);
        self.world.record(Fact::Tip { repo: repo.clone(), branch, commit, change: change.cloned() });
    }

    fn branch_of(&self, repo: &crossgate_core::ids::RepoName, branch: Option<&BranchName>) -> BranchName {
        let default = self.workspace.repos.get(repo).map(|repo| repo.branch.clone());
        branch
            .cloned()
            .or(default)
            .unwrap_or_else(|| BranchName::parse("main").expect("`main` is a branch name"))
    }

    /// Does what a comment asks for, or says why it cannot be.
    fn command(&mut self, change: &ChangeId, command: Command, by: &str) -> Result<(), String> {
        let scope = || Some(Scope::Change(change.clone()));
        let (id, by) = (change.clone(), by.to_owned());
        match command {
            Command::Check => self.world.record(Fact::Asked(id)),
            Command::Approve => self.world.record(Fact::Approved { change: id, by }),
            Command::Unapprove => self.world.record(Fact::Unapproved(id)),
            Command::Waive { driver, job, until, reason } => {
                let drivers = &self.workspace.drivers;
                if !drivers.contains_key(&driver) {
                    let near = nearest(driver.as_str(), drivers.keys().map(DriverName::as_str));
                    let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                    return Err(format!("there is no driver `{driver}` to waive{hint}"));
                }
                let until = until.unwrap_or(Until::After(Waiver::TERM)).moment(self.world.now)?;
                self.world.record(Fact::Waived(Waiver { change: id, driver, job, by, reason, until }));
            }
            Command::Promote => self.promote(change),
            Command::Dequeue => self.world.record(Fact::Dequeued { change: id, by }),
            Command::Hold => self.world.record(Fact::Held { scope: scope(), by }),
            Command::Resume => self.world.record(Fact::Resumed(scope())),
        }
        Ok(())
    }

    /// Records a change as it is now.
    fn propose(&mut self, id: &ChangeId) {
        let Some(text) = self.texts.get(id) else { return };
        let revision = self.revisions.get(id).copied().unwrap_or(1);
        let (mut depends_on, mut errors) = (Vec::new(), Vec::new());
        for dependency in &text.depends_on {
            match self.dependency(dependency) {
                Ok(found) => depends_on.push(found),
                Err(error) => errors.push(error),
            }
        }
        depends_on.extend(text.parent.clone().filter(|parent| !depends_on.contains(parent)));
        let change = Change {
            id: id.clone(),
            repo: text.repo.clone(),
            branch: self.branch_of(&text.repo, text.branch.as_ref()),
            head: commit_of(&[id.as_str(), &revision.to_string()]),
            revision,
            title: id.to_string(),
            paths: text.files.clone(),
            depends_on,
        };
        let configuration = text.workspace.clone().map(Configuration::new);
        self.world.record(Fact::Proposed { change: Arc::new(change), errors, configuration });
    }

    /// Finds the change that a text names.
    fn dependency(&self, text: &str) -> Result<ChangeId, String> {
        if let Some((id, _)) = self.texts.get_key_value(text) {
            return Ok(id.clone());
        }
        // What a forge would make of the line says best what is wrong with it.
        match dependencies(&format!("Depends-On: {text}"), &self.workspace.repos) {
            Err(errors) if text.contains(['#', '@', '/', ' ']) => {
                Err(errors.first().map_or_else(String::new, |error| format!("{error}: {}", error.hint())))
            }
            Ok(references) if !references.is_empty() => {
                let names: Vec<String> = references.iter().map(Reference::to_string).collect();
                Err(format!("there is no change {}", names.join(", ")))
            }
            Ok(_) | Err(_) => {
                let near = nearest(text, self.texts.keys().map(ChangeId::as_str));
                let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                Err(format!("there is no change `{text}`{hint}"))
            }
        }
    }
}
