//! Histories drawn at random, written as scenario files.

use std::fmt;
use std::fmt::Write as _;

use proptest::option;
use proptest::prelude::*;

use crate::workspace::{Shape, shapes};

/// What happens at one moment of a history that nobody should notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing.
    Waits,
    /// The process dies and comes back.
    Restarts,
}

/// A history.
#[derive(Clone)]
pub(crate) struct History {
    shape: Shape,
    changes: Vec<Drawn>,
    rules: Vec<Rule>,
    landings: Vec<(usize, usize, u32)>,
    events: Vec<(u32, usize, usize, u8)>,
    slots: u32,
    known: Option<(u32, u32)>,
    moment: u32,
    /// What else is tried with it.
    pub(crate) probe: u8,
}

/// A change.
#[derive(Debug, Clone)]
struct Drawn {
    is_there: bool,
    repo: usize,
    /// Of which branch it is: below 2 of another one than the default; 2 means that its repo is not managed.
    line: usize,
    /// How it changes the configuration.
    brings: Option<u8>,
    file: usize,
    /// How far before it the changes are that it depends on, stands on, and does not go together with.
    on: Option<i32>,
    also_on: Option<i32>,
    parent: Option<usize>,
    conflicts: Option<i32>,
    minute: u32,
    is_opened: bool,
    approved_after: Option<u32>,
}

/// What builds say.
#[derive(Debug, Clone)]
struct Rule {
    job: usize,
    driver: Option<usize>,
    of: usize,
    change: usize,
    purpose: usize,
    attempt: Option<u32>,
    result: usize,
    after: Option<u32>,
    looks: bool,
}

/// A repo that no workspace has.
const ELSEWHERE: &str = "elsewhere";

const FILES: [&str; 3] = ["src/lib.rs", "src/api.rs", "docs/guide.md"];

/// Returns a history of so many changes.
pub(crate) fn histories(changes: usize) -> impl Strategy<Value = History> {
    let events = prop::collection::vec((0..420_u32, 0..24_usize, 0..changes, any::<u8>()), 0..30);
    let landings = prop::collection::vec((0..changes, 0..4_usize, 0..7_u32), 0..4);
    let rules = prop::collection::vec(rule(changes), 0..10);
    let known = option::weighted(0.3, (0..120_u32, 0..30_u32));
    let scenes = (prop_oneof![Just(0_u32), 1..=8_u32], known, 0..420_u32, 0..12_u8);
    (shapes(), prop::collection::vec(change(), changes), rules, landings, events, scenes).prop_map(
        |(shape, changes, rules, landings, events, (slots, known, moment, probe))| History {
            shape,
            changes,
            rules,
            landings,
            events,
            slots,
            known,
            moment,
            probe,
        },
    )
}

fn change() -> impl Strategy<Value = Drawn> {
    let near = prop_oneof![6 => 1..=4_i32, 1 => -3..=-1_i32];
    let more = prop_oneof![6 => 1..=9_i32, 1 => -3..=0_i32];
    let links = (
        option::weighted(0.25, near),
        option::weighted(0.08, more),
        option::weighted(0.1, 1..=6_usize),
        option::weighted(0.12, 1..=5_i32),
    );
    let when = (0..360_u32, any::<bool>(), option::weighted(0.92, prop_oneof![Just(0_u32), 0..60_u32]));
    let what = (0..7_usize, 0..30_usize, option::weighted(0.03, any::<u8>()), 0..40_usize);
    (prop::bool::weighted(0.98), what, links, when).prop_map(|(is_there, what, links, when)| {
        let ((repo, line, brings, file), (on, also_on, parent, conflicts)) = (what, links);
        let (minute, is_opened, approved_after) = when;
        Drawn {
            is_there,
            repo,
            line,
            brings,
            file,
            on,
            also_on,
            parent,
            conflicts,
            minute,
            is_opened,
            approved_after,
        }
    })
}

fn rule(changes: usize) -> impl Strategy<Value = Rule> {
    let of = (0..4_usize, option::weighted(0.4, 0..4_usize), 0..8_usize, 0..changes);
    let which = (0..6_usize, option::weighted(0.3, 1..=3_u32));
    let says = (0..10_usize, option::weighted(0.4, 1..90_u32), any::<bool>());
    (of, which, says).prop_map(|((job, driver, of, change), (purpose, attempt), (result, after, looks))| {
        Rule { job, driver, of, change, purpose, attempt, result, after, looks }
    })
}

fn name(index: usize) -> String {
    format!("C{index:02}")
}

impl History {
    /// Returns the history without anything that goes wrong and anybody who interferes.
    pub(crate) fn at_peace(mut self) -> Self {
        (self.rules, self.landings, self.events, self.known) = (Vec::new(), Vec::new(), Vec::new(), None);
        self.shape = self.shape.at_peace();
        let mut minutes: Vec<u32> = self.changes.iter().map(|change| change.minute).collect();
        minutes.sort_unstable();
        for (change, minute) in self.changes.iter_mut().zip(minutes) {
            (change.minute, change.approved_after, change.also_on) = (minute, Some(0), None);
            (change.conflicts, change.is_opened) = (None, false);
            (change.line, change.brings) = (usize::MAX, None);
        }
        // What depends on a change of another queue enters its own only when that has landed.
        let stays = |index: usize| {
            let other = self.before(index, self.changes[index].on.filter(|on| *on > 0)?)?;
            (self.repo(other) == self.repo(index)).then_some(index - other)
        };
        let links: Vec<_> = (0..self.changes.len()).map(stays).collect();
        for (change, link) in self.changes.iter_mut().zip(links) {
            change.on = link.and_then(|distance| i32::try_from(distance).ok());
        }
        self
    }

    /// Returns the changes that are approved, in that order, of a history at peace.
    pub(crate) fn approved(&self) -> Vec<String> {
        let mut there: Vec<usize> = (0..self.changes.len()).filter(|index| self.is_there(*index)).collect();
        there.sort_by_key(|index| self.changes[*index].minute);
        there.into_iter().map(name).collect()
    }

    /// Returns sets of changes that share a queue.
    pub(crate) fn queues(&self) -> Vec<Vec<String>> {
        let of = |repos: &[String]| {
            let is_of = |index: &usize| self.is_there(*index) && repos.contains(&self.repo(*index));
            (0..self.changes.len()).filter(is_of).map(name).collect()
        };
        let apart = self.shape.driver_names().into_iter().map(|repo| of(&[repo]));
        apart.chain([of(&self.shape.surely_together())]).collect()
    }

    fn is_there(&self, index: usize) -> bool {
        self.changes[index].is_there
    }

    fn branch(&self, index: usize) -> Option<&'static str> {
        (self.changes[index].line < 2).then_some("stable")
    }

    fn repo(&self, index: usize) -> String {
        if self.changes[index].line == 2 {
            return ELSEWHERE.to_owned();
        }
        let repos = self.shape.repos();
        // Common repos come twice: what changes them is what the gate is for.
        let common = repos.iter().filter(|repo| !repo.starts_with("driver"));
        let twice: Vec<&String> = common.chain(&repos).collect();
        twice[self.changes[index].repo % twice.len()].clone()
    }

    /// Returns the change that is so far before another one, if there is one.
    fn before(&self, index: usize, distance: i32) -> Option<usize> {
        let other = usize::try_from(i32::try_from(index).ok()? - distance).ok()?;
        (other != index && other < self.changes.len() && self.is_there(other)).then_some(other)
    }

    fn change_text(&self, index: usize) -> String {
        let change = &self.changes[index];
        let repo = self.repo(index);
        let file = FILES[if change.file < 3 { change.file } else { 0 }];
        let mut keys = vec![format!("repo: {repo}"), format!("files: [{file}]")];
        keys.extend(self.branch(index).map(|branch| format!("branch: {branch}")));
        let on: Vec<String> = self.dependencies(index).into_iter().map(name).collect();
        if !on.is_empty() {
            keys.push(format!("depends_on: [{}]", on.join(", ")));
        }
        let is_below = |other: &usize| {
            self.is_there(*other) && self.repo(*other) == repo && self.branch(*other) == self.branch(index)
        };
        let parent = change.parent.and_then(|nth| (0..index).rev().filter(is_below).nth(nth - 1));
        keys.extend(parent.map(|parent| format!("parent: {}", name(parent))));
        let other = change.conflicts.and_then(|distance| self.before(index, distance));
        keys.extend(other.map(|other| format!("conflicts: [{}]", name(other))));
        match change.brings {
            Some(how) => {
                let (keys, workspace) = (keys.join("\n    "), self.shape.reconfigured(how).text(6));
                format!("{}:\n    {keys}\n    workspace:\n{workspace}", name(index))
            }
            None => format!("{}: {{ {} }}", name(index), keys.join(", ")),
        }
    }

    fn dependencies(&self, index: usize) -> Vec<usize> {
        let change = &self.changes[index];
        let links = [change.on, change.also_on].into_iter().flatten();
        let mut on: Vec<usize> = links.filter_map(|distance| self.before(index, distance)).collect();
        on.sort_unstable();
        on.dedup();
        on
    }

    fn rule_text(&self, rule: &Rule) -> String {
        let mut of = Vec::new();
        if rule.job > 0 {
            of.push(format!("job: {}", ["unit", "build", "lab"][rule.job - 1]));
        }
        let drivers = self.shape.driver_names();
        if let Some(driver) = rule.driver.filter(|_| rule.job > 1) {
            of.push(format!("driver: {}", drivers[driver % drivers.len()]));
        }
        if self.is_there(rule.change) {
            let change = name(rule.change);
            match rule.of {
                0..=3 => of.push(format!("with: [{change}]")),
                4..=5 => of.push(format!("change: {change}")),
                6 => of.push(format!("without: [{change}]")),
                _ => {}
            }
        }
        if let Some(purpose) = ["candidate", "baseline", "confirm"].get(rule.purpose) {
            of.push(format!("purpose: {purpose}"));
        }
        of.extend(rule.attempt.map(|attempt| format!("attempt: {attempt}")));
        let result =
            ["fail", "fail", "fail", "fail", "fail", "infra", "lost", "timeout", "cancelled", "pass"]
                [rule.result];
        of.push(format!("result: {result}"));
        of.extend(rule.after.map(|after| format!("after: {after}m")));
        if rule.looks {
            // What says early that it is going to fail may be wrong.
            let looks = if result == "fail" && rule.result > 0 { "signature: alike" } else { "early: 30s" };
            of.push(looks.to_owned());
        }
        format!("{{ {} }}", of.join(", "))
    }

    /// Returns what happens, each with its minute, in order.
    fn happenings(&self, moment: Moment) -> Vec<(u32, String)> {
        let mut all = Vec::new();
        for (index, change) in self.changes.iter().enumerate().filter(|(_, change)| change.is_there) {
            let id = name(index);
            if change.is_opened {
                all.push((change.minute, format!("do: open, change: {id}")));
            }
            if let Some(after) = change.approved_after {
                all.push((change.minute + after, format!("do: approve, change: {id}")));
            }
        }
        for (minute, kind, index, detail) in &self.events {
            self.interfere(*minute, *kind, *index, *detail, &mut all);
        }
        let moment = match moment {
            Moment::Waits => "do: wait",
            Moment::Restarts => "do: restart",
        };
        all.push((self.moment, moment.to_owned()));
        all.sort_by_key(|(minute, _)| *minute);
        all
    }

    fn interfere(&self, minute: u32, kind: usize, index: usize, detail: u8, all: &mut Vec<(u32, String)>) {
        if !self.is_there(index) {
            return;
        }
        let (id, repo, nth) = (name(index), self.repo(index), usize::from(detail));
        let what = match kind {
            0 => format!("do: push, change: {id}"),
            1 => format!("do: unapprove, change: {id}"),
            2 => format!("do: close, change: {id}"),
            3 => format!("do: reopen, change: {id}"),
            4 | 5 => {
                let on = self.before(index, i32::from(detail % 6) - 1).filter(|_| kind == 4).map(name);
                format!("do: edit, change: {id}, depends_on: [{}]", on.unwrap_or_default())
            }
            6..=8 => {
                let drivers = self.shape.driver_names();
                let waive = format!("/waive {} the rig moves", drivers[nth % drivers.len()]);
                let text = ["/check", "/approve", &waive][kind - 6];
                format!("do: comment, change: {id}, text: {text}")
            }
            9 => format!("do: promote, change: {id}"),
            10 => format!("do: dequeue, change: {id}"),
            11..=13 => {
                let repo = if repo == ELSEWHERE { "core" } else { &repo };
                let scope =
                    [format!(", change: {id}"), format!(", repo: {repo}"), String::new()][kind - 11].clone();
                // Somebody forgets one of eight.
                if !detail.is_multiple_of(8) {
                    all.push((minute + u32::from(detail), format!("do: resume{scope}")));
                }
                format!("do: hold{scope}")
            }
            14 => {
                let branch = self.branch(index).map(|branch| format!(", branch: {branch}"));
                format!("do: tip, repo: {repo}{}", branch.unwrap_or_default())
            }
            15 => format!("do: tip, change: {id}"),
            16 => {
                let workspace = self.shape.reconfigured(detail).text(6);
                format!("do: configure, workspace:\n{workspace}")
            }
            17 | 18 => "do: restart".to_owned(),
            19 | 20 => format!("do: approve, change: {id}"),
            _ => format!("do: open, change: {id}"),
        };
        all.push((minute, what));
    }

    /// Writes it as a scenario file.
    pub(crate) fn text(&self, moment: Moment) -> String {
        let mut text = format!("scenario: drawn\nworkspace:\n{}changes:\n", self.shape.text(2));
        for index in (0..self.changes.len()).filter(|index| self.is_there(*index)) {
            writeln!(text, "  {}", self.change_text(index)).unwrap();
        }
        writeln!(text, "durations: {{ default: 10m, unit: 5m, lab: 30m }}").unwrap();
        writeln!(text, "slots: {{ default: {} }}", self.slots).unwrap();
        if let Some((runs, flakes)) = self.known {
            let (driver, flakes) = (&self.shape.driver_names()[0], flakes.min(runs));
            writeln!(text, "history: [{{ driver: {driver}, job: lab, runs: {runs}, flakes: {flakes} }}]")
                .unwrap();
        }
        let rules: Vec<String> =
            self.rules.iter().map(|rule| format!("  - {}\n", self.rule_text(rule))).collect();
        if !rules.is_empty() {
            write!(text, "outcomes:\n{}", rules.concat()).unwrap();
        }
        let landings: Vec<String> =
            self.landings.iter().filter_map(|landing| self.landing_text(landing)).collect();
        if !landings.is_empty() {
            write!(text, "landings:\n{}", landings.concat()).unwrap();
        }
        writeln!(text, "timeline:").unwrap();
        for (minute, what) in self.happenings(moment) {
            match what.split_once('\n') {
                // A configuration has lines of its own.
                Some((what, rest)) => {
                    let what = what.replace(", ", "\n    ");
                    write!(text, "  - at: {minute}m\n    {what}\n{rest}").unwrap();
                }
                None => writeln!(text, "  - {{ at: {minute}m, {what} }}").unwrap(),
            }
        }
        text
    }

    fn landing_text(&self, (index, result, times): &(usize, usize, u32)) -> Option<String> {
        let result = ["refused", "rejected", "unheard", "differs"][*result];
        let id = self.is_there(*index).then(|| name(*index))?;
        Some(format!("  - {{ change: {id}, result: {result}, times: {times} }}\n"))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# probe {}\n{}", self.probe, self.text(Moment::Waits))
    }
}
