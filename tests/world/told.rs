//! What the program told, and how it ended.

use std::path::Path;
use std::process::{Child, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::eventually;

/// Longest that a command of a story may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a run of the program told, with `[nova]` in the place of the workspace's directory.
#[derive(Debug)]
pub struct Told {
    command: String,
    status: Option<i32>,
    out: String,
    err: String,
}

#[expect(clippy::return_self_not_must_use, reason = "an assertion has done its work when it returns")]
impl Told {
    pub(crate) fn new(args: &[&str], root: &Path, output: &Output) -> Self {
        let root = root.to_str().expect("temporary directories have plain names");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root, "[nova]");
        Self {
            command: format!("crossgate {}", args.join(" ")),
            status: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Asserts how it ended.
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }

    /// Asserts that it told something, as data or as talk.
    pub fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text) || self.err.contains(text), "expected `{text}` of {self}");
        self
    }

    /// Asserts that it did not tell something.
    pub fn is_silent_about(self, text: &str) -> Self {
        assert!(!self.out.contains(text) && !self.err.contains(text), "did not expect `{text}` of {self}");
        self
    }

    /// Returns what was asked for.
    pub fn out(&self) -> &str {
        &self.out
    }

    /// Returns the talk beside it.
    pub fn err(&self) -> &str {
        &self.err
    }

    /// Returns what was asked for, as programs read it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Returns the verdicts of the changes, such as `esx/conform regressed`, each as often as it was given.
    pub fn verdicts(&self) -> Vec<String> {
        let json = self.json();
        let items = json["items"].as_array().unwrap_or_else(|| panic!("no items in {self}"));
        let rows = items.iter().flat_map(|item| item["verdicts"].as_array().into_iter().flatten());
        rows.map(|row| format!("{} {}", label(row), word(&row["state"]))).collect()
    }

    /// Returns the builds that were run, such as `esx/conform baseline pass`; what was reused is left out.
    pub fn builds(&self) -> Vec<String> {
        let json = self.json();
        let items = json["items"].as_array().unwrap_or_else(|| panic!("no items in {self}"));
        let rows = items.iter().flat_map(|item| item["verdicts"].as_array().into_iter().flatten());
        let mut told = Vec::new();
        for row in rows {
            let builds = row["builds"].as_array().into_iter().flatten();
            for build in builds.filter(|build| build["reused"] == false) {
                told.push(format!("{} {} {}", label(row), word(&build["purpose"]), word(&build["outcome"])));
            }
        }
        told
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, status, out, err } = self;
        write!(f, "`{command}`, which exited with {status:?}\n--- stdout\n{out}\n--- stderr\n{err}")
    }
}

fn label(row: &Value) -> String {
    let job = row["job"].as_str().unwrap_or("?");
    row["driver"].as_str().map_or_else(|| job.to_owned(), |driver| format!("{driver}/{job}"))
}

fn word(value: &Value) -> &str {
    value.as_str().or_else(|| value["verdict"].as_str()).unwrap_or("?")
}

/// A run of the program that has not ended. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    args: Vec<String>,
    root: std::path::PathBuf,
}

impl Running {
    pub(crate) fn new(child: Child, args: &[&str], root: &Path) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self { child: Some(child), args, root: root.to_owned() }
    }

    /// Returns its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it has not been waited for"))
    }

    /// Sends it a signal.
    pub fn is_sent(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Waits for its end. What it prints must fit into a pipe.
    pub fn ends(mut self) -> Told {
        let mut child = self.child.take().expect("it is waited for once");
        eventually("the program ends", PATIENCE, || child.try_wait().expect("it is ours").is_some());
        let output = child.wait_with_output().expect("it has ended");
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Told::new(&args, &self.root, &output)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
