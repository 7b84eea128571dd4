//! File locks that are waited for no longer than the call is wanted. The kernel lets go of them when their
//! holder dies, however it dies.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nova_api::{BackendError, Call, MutationError};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::failure::OrFailed as _;

/// How long to wait before the next try.
const NAP: Duration = Duration::from_millis(2);

/// With whom a lock is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// With all others that share it.
    Shared,
    /// With nobody.
    Exclusive,
}

/// Takes a lock, or says that another has it. A lock of the same file that is held already is changed, and
/// is lost if that cannot be done.
pub(crate) fn try_lock(file: &File, share: Share) -> io::Result<bool> {
    let operation = match share {
        Share::Shared => FlockOperation::NonBlockingLockShared,
        Share::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes a lock as soon as others let go of it.
pub(crate) fn lock<E: MutationError>(file: &File, share: Share, call: &Call) -> Result<(), E> {
    while !try_lock(file, share).or_failed(|| "no file lock".to_owned())? {
        call.check()?;
        thread::sleep(NAP);
    }
    Ok(())
}

/// Opens the file of a lock; makes it if need be.
pub(crate) fn open(path: &Path) -> Result<File, BackendError> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    file.or_failed(|| format!("lock `{}` cannot be opened", path.display()))
}
