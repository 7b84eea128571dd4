//! Processes that a story watches: those below one, and those that carry a mark.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often something awaited is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until something is so; panics if it is not after `limit`.
pub fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < until, "not after {limit:?}: {what}");
        sleep(POLL);
    }
}

/// A number of seconds that no other process on this machine sleeps for, by which a job's process is known.
#[derive(Debug)]
pub struct Marker(String);

impl Marker {
    /// Makes one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("9000.{:09}{number:03}", std::process::id()))
    }

    /// Returns the command that sleeps and carries the mark.
    pub fn sleeps(&self) -> String {
        format!("sleep {}", self.0)
    }

    /// Counts the processes that sleep under the mark.
    pub fn count(&self) -> usize {
        self.sleepers().count()
    }

    /// Ends the processes that sleep under the mark.
    pub fn end(&self) {
        for pid in self.sleepers().filter_map(Pid::from_raw) {
            kill_process(pid, Signal::TERM).expect("it sleeps, and it is ours");
        }
    }

    fn sleepers(&self) -> impl Iterator<Item = i32> {
        let command = format!("sleep\0{}\0", self.0);
        all().filter(move |pid| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == command.as_bytes())
        })
    }
}

impl Default for Marker {
    fn default() -> Self {
        Self::new()
    }
}

/// Lists the processes below one, each with when it was started, so that a number used again is not taken for it.
pub fn below(root: Pid) -> Vec<(i32, u64)> {
    let known: Vec<_> = all().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut found = vec![root.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(known.iter().filter(|(_, (of, _))| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    let started =
        |pid: &i32| known.iter().find(|(known, _)| known == pid).map(|(_, (_, start))| (*pid, *start));
    found.iter().skip(1).filter_map(started).collect()
}

/// Whether a process that [`below`] listed still runs; one that is dead and not yet buried does not.
pub fn lives((pid, start): (i32, u64)) -> bool {
    stat(pid).is_some_and(|(_, now)| now == start)
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").expect("processes are listed in /proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns the parent and the start time of a process that is not dead.
fn stat(pid: i32) -> Option<(i32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold blanks.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    (*fields.first()? != "Z").then_some(())?;
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}
