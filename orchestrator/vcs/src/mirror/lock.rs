//! The lock of a mirror: shared by all who use it, exclusive for who makes or mends it.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::VcsError;

/// Making a mirror takes milliseconds; clearing one after a crash, seconds.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// A shared lock. The kernel drops it with the process, so there is no stale one.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock as one of many, after `make` has run under the exclusive lock if nobody else was there, or if
    /// `is_whole` says that what the others use lacks something.
    pub(crate) fn share(
        path: &Path,
        make: impl Fn() -> Result<(), VcsError>,
        is_whole: impl Fn() -> bool,
    ) -> Result<Self, VcsError> {
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(VcsError::io("opening", path))?;
        let deadline = Instant::now() + LIMIT;
        let try_lock = |operation| match flock(&file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
            Err(error) => Err(VcsError::io("locking", path)(error.into())),
        };
        while Instant::now() < deadline {
            if try_lock(FlockOperation::NonBlockingLockExclusive)? {
                make()?;
            }
            // Giving up the exclusive lock for the shared one is not one step: somebody else may have been there.
            if try_lock(FlockOperation::NonBlockingLockShared)? && is_whole() {
                return Ok(Self { _file: file });
            }
            try_lock(FlockOperation::Unlock)?;
            thread::sleep(PAUSE);
        }
        Err(VcsError::Locked { path: path.to_owned(), waited_s: LIMIT.as_secs() })
    }
}
