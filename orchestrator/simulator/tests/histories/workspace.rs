//! Workspaces drawn at random, small ones with every setting that the gate looks at.

use std::fmt::Write as _;

use proptest::option;
use proptest::prelude::*;

/// A workspace, as far as it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    second_core: bool,
    library: bool,
    drivers: Vec<DriverShape>,
    window: Option<(u32, u32)>,
    confirm: usize,
    /// What the lab needs: nothing, the build, or the build in any case.
    needs: usize,
    attempts: u32,
    semaphore: Option<u32>,
    holds_followers: bool,
    is_voting: bool,
    cycles: bool,
    fails_fast: bool,
    passes_over: (bool, bool),
    is_earned: bool,
}

#[derive(Debug, Clone)]
struct DriverShape {
    mode: usize,
    deadline: Option<u32>,
    blocks_when_absent: bool,
    slots: Option<u32>,
    runner: usize,
    sees_all: bool,
}

/// Returns a workspace.
pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let repos = (any::<bool>(), any::<bool>(), prop::collection::vec(driver(), 1..=4));
    let gate = (option::weighted(0.4, (1..=6_u32, 0..=8_u32)), 0..3_usize, any::<bool>(), any::<bool>());
    let lab = (0..3_usize, 1..=3_u32, option::weighted(0.3, 1..=3_u32), prop::bool::weighted(0.2));
    let policy = (prop::bool::weighted(0.8), any::<(bool, bool)>(), prop::bool::weighted(0.2));
    (repos, gate, lab, policy).prop_map(|(repos, gate, lab, policy)| Shape {
        second_core: repos.0,
        library: repos.1,
        drivers: repos.2,
        window: gate.0,
        confirm: gate.1,
        cycles: gate.2,
        fails_fast: gate.3,
        needs: lab.0,
        attempts: lab.1,
        semaphore: lab.2,
        holds_followers: lab.3,
        is_voting: policy.0,
        passes_over: policy.1,
        is_earned: policy.2,
    })
}

fn driver() -> impl Strategy<Value = DriverShape> {
    let deadline = option::weighted(0.3, 10..=70_u32);
    let ci = (option::weighted(0.2, 1..=3_u32), 0..3_usize);
    (0..4_usize, deadline, any::<bool>(), ci, any::<bool>()).prop_map(
        |(mode, deadline, blocks_when_absent, (slots, runner), sees_all)| DriverShape {
            mode,
            deadline,
            blocks_when_absent,
            slots,
            runner,
            sees_all,
        },
    )
}

impl Shape {
    /// Returns the names of the repos, common ones first.
    pub(crate) fn repos(&self) -> Vec<String> {
        let first = [Some("core"), self.second_core.then_some("base"), self.library.then_some("sdk")];
        first.into_iter().flatten().map(str::to_owned).chain(self.driver_names()).collect()
    }

    /// Returns the names of the drivers, which are those of their repos.
    pub(crate) fn driver_names(&self) -> Vec<String> {
        (1..=self.drivers.len()).map(|number| format!("driver{number}")).collect()
    }

    /// Returns the sets of repos that surely share a queue: those that the sanity driver gates.
    pub(crate) fn surely_together(&self) -> Vec<String> {
        let mut repos = self.repos();
        repos.retain(|repo| !repo.starts_with("driver") || repo == "driver1");
        repos
    }

    /// Returns the workspace with nothing in it that could keep a change that passes from landing.
    pub(crate) fn at_peace(mut self) -> Self {
        for driver in &mut self.drivers {
            driver.deadline = None;
        }
        self
    }

    /// Returns the workspace with something else about it.
    pub(crate) fn reconfigured(&self, how: u8) -> Self {
        let mut other = self.clone();
        match how % 4 {
            0 if other.drivers.len() > 1 => drop(other.drivers.pop()),
            1 => other.window = if other.window.is_some() { None } else { Some((2, 3)) },
            2 => other.confirm = (other.confirm + 1) % 3,
            _ => other.drivers.push(self.drivers[0].clone()),
        }
        other
    }

    /// Writes it as a configuration, on lines that are indented so far.
    pub(crate) fn text(&self, indent: usize) -> String {
        let mut lines = vec!["version: 1".to_owned(), "workspace: drawn".to_owned(), self.repos_text()];
        lines.push(self.common_text());
        lines.push(self.drivers_text());
        let needs = ["", "needs: [build], ", "needs: [\"soft:build\"], "][self.needs];
        let semaphore = if self.semaphore.is_some() { "semaphore: rack, " } else { "" };
        let (attempts, holds, voting) = (self.attempts, self.holds_followers, self.is_voting);
        lines.push(format!(
            "jobs: {{ unit: {{}}, build: {{ voting: {voting} }}, lab: {{ {needs}{semaphore}attempts: {attempts}, \
             holds_followers: {holds} }} }}"
        ));
        if let Some(of) = self.semaphore {
            lines.push(format!("semaphores: {{ rack: {of} }}"));
        }
        let window = self.window.map_or_else(
            || "start: 0".to_owned(),
            |(start, more)| {
                let ceiling = if more == 0 { 0 } else { start + more };
                format!("start: {start}, floor: 1, ceiling: {ceiling}, grow: 1, shrink: 2")
            },
        );
        let cycles = if self.cycles { "allow" } else { "deny" };
        let fails_fast = self.fails_fast;
        lines.push(format!(
            "pipelines: {{ gate: {{ window: {{ {window} }}, fail_fast: {fails_fast}, cycles: {cycles} }} }}"
        ));
        let word = |passes| if passes { "waive" } else { "block" };
        let (infra, unknown) = (word(self.passes_over.0), word(self.passes_over.1));
        let confirm = ["auto", "off", "always"][self.confirm];
        let earned = if self.is_earned { ", gating_requires: { runs: 5, false_failures: 20% }" } else { "" };
        lines.push(format!("policy: {{ confirm: {confirm}, infra: {infra}, unknown: {unknown}{earned} }}"));
        lines.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{:indent$}{line}", "").unwrap();
            text
        })
    }

    fn repos_text(&self) -> String {
        let mut repos = vec!["core: { role: common }".to_owned()];
        if self.second_core {
            repos.push("base: { role: common }".to_owned());
        }
        if self.library {
            repos.push("sdk: { role: library, depends_on: [core] }".to_owned());
        }
        for (index, (name, driver)) in self.driver_names().iter().zip(&self.drivers).enumerate() {
            let mut on = vec![if self.library { "sdk" } else { "core" }];
            if self.second_core && (index == 0 || driver.sees_all) {
                on.push("base");
            }
            repos.push(format!("{name}: {{ role: driver, depends_on: [{}] }}", on.join(", ")));
        }
        format!("repos: {{ {} }}", repos.join(", "))
    }

    fn common_text(&self) -> String {
        let mut common = vec!["core: { own_changes: [unit], sanity: [driver1] }".to_owned()];
        if self.second_core {
            common.push("base: { own_changes: [unit], sanity: [driver1] }".to_owned());
        }
        if self.library {
            common.push("sdk: { own_changes: [unit], sanity: [driver1] }".to_owned());
        }
        format!("common: {{ {} }}", common.join(", "))
    }

    fn drivers_text(&self) -> String {
        let one = |(name, driver): (String, &DriverShape)| {
            let mode = ["gating", "advisory", "silent", "off"][driver.mode];
            let jobs = if self.needs == 0 { "lab" } else { "build, lab" };
            let absent = if driver.blocks_when_absent { "block" } else { "waive" };
            let deadline =
                driver.deadline.map(|of| format!(", deadline: {of}m, absent: {absent}")).unwrap_or_default();
            let slots = driver.slots.map(|of| format!(", slots: {of}")).unwrap_or_default();
            let runner = ["local", "agent", "report, context: rig"][driver.runner];
            format!(
                "{name}: {{ repo: {name}, own_changes: [build, lab], common_changes: {{ mode: {mode}, jobs: [{jobs}]{deadline} }}, \
                 ci: {{ runner: {runner}{slots} }} }}"
            )
        };
        let drivers: Vec<String> = self.driver_names().into_iter().zip(&self.drivers).map(one).collect();
        format!("drivers: {{ {} }}", drivers.join(", "))
    }
}
