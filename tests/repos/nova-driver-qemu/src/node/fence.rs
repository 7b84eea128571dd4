//! The fence: an epoch is compared, and raised, under the lock that is held until the act is over.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::path::Path;

use nova_api::{BackendError, Call, Epoch, MutationError, StaleEpoch};

use crate::durable::{self, if_there};
use crate::failure::OrFailed as _;
use crate::lock::{self, Share, lock};

const EPOCH: &str = "epoch";
const LOCK: &str = "fence.lock";

/// The right to act on a node, until it is dropped.
#[derive(Debug)]
pub(crate) struct Fence {
    _shared: File,
}

impl Fence {
    /// Lets a call act, unless a later holder of the node's lease has acted.
    ///
    /// Acts of one epoch share the lock. Who comes with a later one waits until all of them are over and
    /// raises the epoch alone; from then on, nobody gets in with the former. A process that is frozen in
    /// the middle of an act keeps its successor waiting, and cannot act after it.
    pub(crate) fn enter<E: MutationError>(node: &Path, call: &Call) -> Result<Self, E> {
        call.check()?;
        let file = lock::open(&node.join(LOCK))?;
        loop {
            lock::<E>(&file, Share::Shared, call)?;
            let latest = latest(node)?;
            match latest.map(|latest| call.epoch.cmp(&latest)) {
                Some(Ordering::Equal) => return Ok(Self { _shared: file }),
                Some(Ordering::Less) => {
                    return Err(StaleEpoch {
                        given: call.epoch,
                        latest: latest.unwrap_or(call.epoch),
                    }
                    .into());
                }
                Some(Ordering::Greater) | None => {
                    // The shared lock is let go of for a moment, so the epoch is compared again.
                    lock::<E>(&file, Share::Exclusive, call)?;
                    raise(node, call.epoch)?;
                }
            }
        }
    }
}

fn raise(node: &Path, epoch: Epoch) -> Result<(), BackendError> {
    if latest(node)?.is_none_or(|latest| latest < epoch) {
        let path = node.join(EPOCH);
        durable::write(&path, epoch.to_string().as_bytes())
            .or_failed(|| format!("`{}` cannot be written", path.display()))?;
    }
    Ok(())
}

/// Returns the greatest epoch that the node has seen, if any.
fn latest(node: &Path) -> Result<Option<Epoch>, BackendError> {
    let path = node.join(EPOCH);
    let unreadable = || format!("`{}` cannot be read", path.display());
    let Some(text) = if_there(fs::read_to_string(&path)).or_failed(unreadable)? else {
        return Ok(None);
    };
    text.trim().parse().map(Epoch::new).map(Some).or_failed(unreadable)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use nova_api::{Canceller, DestroyError, Interrupted, OpId};

    use super::*;

    fn call(epoch: u64) -> Call {
        Call::new(OpId::parse("op").unwrap(), Epoch::new(epoch), Duration::from_secs(20))
    }

    #[test]
    fn acts_of_one_epoch_share_the_node_and_earlier_ones_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let acts =
            [2, 2].map(|epoch| Fence::enter::<DestroyError>(dir.path(), &call(epoch)).unwrap());
        let stale = Fence::enter::<DestroyError>(dir.path(), &call(1)).unwrap_err();
        assert!(matches!(stale, DestroyError::StaleEpoch(StaleEpoch { .. })), "{stale:?}");
        drop(acts);
        Fence::enter::<DestroyError>(dir.path(), &call(3)).unwrap();
        let text = fs::read_to_string(dir.path().join(EPOCH)).unwrap();
        assert_eq!(text, "3");
    }

    #[test]
    fn a_later_epoch_waits_until_the_acts_of_the_former_are_over() {
        let dir = tempfile::tempdir().unwrap();
        let act = Fence::enter::<DestroyError>(dir.path(), &call(1)).unwrap();
        let (tell, told) = mpsc::channel();
        let path = dir.path().to_owned();
        let successor = thread::spawn(move || {
            let entered = Fence::enter::<DestroyError>(&path, &call(2));
            tell.send(()).unwrap();
            entered.unwrap();
        });
        told.recv_timeout(Duration::from_millis(50)).unwrap_err();
        drop(act);
        told.recv_timeout(Duration::from_secs(20)).unwrap();
        successor.join().unwrap();
    }

    #[test]
    fn waiting_ends_with_the_call() {
        let dir = tempfile::tempdir().unwrap();
        let _act = Fence::enter::<DestroyError>(dir.path(), &call(1)).unwrap();
        let canceller = Canceller::default();
        let cancelled = call(2).cancel(canceller.token());
        let waiting = thread::spawn({
            let path = dir.path().to_owned();
            move || Fence::enter::<DestroyError>(&path, &cancelled).unwrap_err()
        });
        canceller.cancel();
        let error = waiting.join().unwrap();
        assert!(matches!(error, DestroyError::Interrupted(Interrupted::Cancelled)), "{error:?}");
    }
}
