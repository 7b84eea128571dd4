//! How long calls hold the thread that polls them.

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest single poll of each call, by its name.
#[derive(Debug, Default)]
pub(crate) struct Polls(Mutex<BTreeMap<&'static str, Duration>>);

impl Polls {
    /// Waits for a call and notes its longest poll.
    pub(crate) async fn of<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(|context| {
            let begun = Begun::now();
            let poll = call.as_mut().poll(context);
            self.note(name, begun.held());
            poll
        })
        .await
    }

    fn note(&self, name: &'static str, held: Duration) {
        let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = longest.entry(name).or_default();
        *longest = held.max(*longest);
    }

    /// Returns the calls that held their thread for longer than `bound`, with how long.
    pub(crate) fn beyond(&self, bound: Duration) -> BTreeMap<&'static str, Duration> {
        let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        longest.retain(|_, held| *held > bound);
        longest
    }
}

struct Begun {
    at: Instant,
    waited: Duration,
}

impl Begun {
    fn now() -> Self {
        Self { at: Instant::now(), waited: waited_for_a_processor() }
    }

    /// Returns the time since, without what the machine gave to others.
    fn held(&self) -> Duration {
        self.at.elapsed().saturating_sub(waited_for_a_processor().saturating_sub(self.waited))
    }
}

/// Returns how long this thread has been ready to run and did not; Linux tells, other systems do not.
fn waited_for_a_processor() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = told.split_whitespace().nth(1).and_then(|nanos| nanos.parse().ok());
    waited.map(Duration::from_nanos).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::block_on;

    #[test]
    fn only_what_blocks_is_beyond() {
        let (polls, bound) = (Polls::default(), Duration::from_millis(20));
        block_on(polls.of("quick", async {}));
        block_on(polls.of("blocks", async { thread::sleep(Duration::from_millis(30)) }));
        let beyond: Vec<_> = polls.beyond(bound).into_keys().collect();
        assert_eq!(beyond, ["blocks"]);
    }
}
