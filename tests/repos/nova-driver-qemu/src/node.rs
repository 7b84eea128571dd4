//! A node: the directory that holds its instances, and who may do what in it when.
//!
//! ```text
//! STATE/NODE/epoch          the greatest epoch the node has seen
//!            fence.lock     held over each act, see [`Fence`]
//!            room.lock      held while room or volumes are being promised
//!            locks/ID       held while an instance is being changed
//!            guests/ID/     an instance, see [`Machine`]
//!            left/ID        says that an instance has migrated from here
//!            rubbish/ID/    what is coming or going
//! ```

mod fence;
mod left;
mod life;
mod migration;
mod volumes;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nova_api::{
    BackendError, Call, InstanceError, InstanceId, InstanceRef, Interrupted, MutationError,
    NodeName, UnknownInstance,
};

use crate::config::Config;
use crate::durable::if_there;
use crate::failure::OrFailed as _;
use crate::host::{self, Size};
use crate::lock::{self, Share, lock, try_lock};
use crate::machine::Machine;
use crate::names::file_name;
use crate::offload::is_abandoned;

pub(crate) use crate::node::fence::Fence;

const GUESTS: &str = "guests";
const LEFT: &str = "left";
const LOCKS: &str = "locks";
const ROOM: &str = "room.lock";
const RUBBISH: &str = "rubbish";

/// One node of this host.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) config: Config,
    dir: PathBuf,
}

/// The right to change one instance, until it is dropped.
#[derive(Debug)]
pub(crate) struct Alone {
    path: PathBuf,
    _exclusive: File,
}

impl Alone {
    /// Removes the lock itself: the instance is gone.
    pub(crate) fn forget(self) -> Result<(), BackendError> {
        let removed = if_there(fs::remove_file(&self.path));
        removed.map(drop).or_failed(|| format!("`{}` cannot be removed", self.path.display()))
    }
}

/// The right to promise room and volumes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _exclusive: File,
}

impl Node {
    /// Opens the directory of a node; makes it if need be.
    pub(crate) fn open(config: Config, name: NodeName) -> Result<Self, BackendError> {
        let dir = config.state.join(file_name(name.as_str()));
        for part in [GUESTS, LEFT, LOCKS, RUBBISH] {
            let path = dir.join(part);
            // Guests' disks and consoles are nobody else's business.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.or_failed(|| format!("`{}` cannot be made", path.display()))?;
        }
        // QEMU is started in another directory, and paths go into migrations.
        let dir =
            dir.canonicalize().or_failed(|| format!("`{}` cannot be found", dir.display()))?;
        Ok(Self { name, config, dir })
    }

    /// Returns all that the node has.
    pub(crate) fn size(&self) -> Result<Size, BackendError> {
        host::measure(&self.dir, self.config.vcpus_per_cpu)
    }

    /// Returns what instances have taken, also those that are being made.
    pub(crate) fn taken(&self) -> Result<Size, BackendError> {
        Ok(self.all()?.iter().fold(Size::default(), |sum, machine| sum.plus(machine.spec.size())))
    }

    /// Lists the instances that are whole.
    pub(crate) fn machines(&self) -> Result<Vec<Machine>, BackendError> {
        let mut machines = self.all()?;
        machines.retain(|machine| machine.spec.whole);
        Ok(machines)
    }

    /// Returns one instance, if it is there and whole.
    pub(crate) fn machine(&self, id: &InstanceId) -> Result<Option<Machine>, BackendError> {
        let machine = Machine::read(self.guest(id))?;
        Ok(machine.filter(|machine| machine.spec.whole && machine.spec.id == *id))
    }

    /// Returns one instance that must be there.
    pub(crate) fn known(&self, instance: &InstanceRef) -> Result<Machine, Unknown> {
        let found = if instance.node == self.name { self.machine(&instance.id)? } else { None };
        found.ok_or_else(|| Unknown::Instance(UnknownInstance(instance.id.clone())))
    }

    /// Does something to one instance, fenced and alone.
    pub(crate) fn act<T, E: InstanceError>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        act: impl FnOnce(Machine) -> Result<T, E>,
    ) -> Result<T, E> {
        // The lease of another node is no lease of this one, and its epoch says nothing here.
        if instance.node != self.name {
            return Err(UnknownInstance(instance.id.clone()).into());
        }
        let _fence = self.enter::<E>(call)?;
        // Locks are made only for instances that there are, and what is there may go until one has the lock.
        self.known(instance).map_err(Unknown::into_error::<E>)?;
        let _alone = self.alone::<E>(call, &instance.id)?;
        act(self.known(instance).map_err(Unknown::into_error::<E>)?)
    }

    /// Lets a call act on the node.
    pub(crate) fn enter<E: MutationError>(&self, call: &Call) -> Result<Fence, E> {
        Fence::enter(&self.dir, call)
    }

    /// Waits until nobody else changes an instance, which need not exist.
    pub(crate) fn alone<E: MutationError>(&self, call: &Call, id: &InstanceId) -> Result<Alone, E> {
        let path = self.lock_of(id);
        loop {
            let file = lock::open(&path)?;
            lock::<E>(&file, Share::Exclusive, call)?;
            // Somebody else may have done, and undone, what this call was for.
            if is_abandoned() {
                return Err(Interrupted::Cancelled.into());
            }
            if is_still(&file, &path).or_failed(|| format!("no lock `{}`", path.display()))? {
                return Ok(Alone { path, _exclusive: file });
            }
        }
    }

    /// Waits until nobody else promises room or volumes.
    pub(crate) fn room<E: MutationError>(&self, call: &Call) -> Result<Room, E> {
        let file = lock::open(&self.dir.join(ROOM))?;
        lock::<E>(&file, Share::Exclusive, call)?;
        Ok(Room { _exclusive: file })
    }

    /// Returns the directory of an instance.
    pub(crate) fn guest(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(GUESTS).join(file_name(id.as_str()))
    }

    /// Removes what a driver that died has left half made or half removed.
    pub(crate) fn reap(&self) -> Result<(), BackendError> {
        for machine in self.all()?.into_iter().filter(|machine| !machine.spec.whole) {
            let path = self.lock_of(&machine.spec.id);
            let Some(exclusive) = claim(&path)? else { continue };
            // It may have been finished, or have gone, just before.
            let read = Machine::read(machine.dir().to_owned())?;
            if let Some(machine) = read.filter(|machine| !machine.spec.whole) {
                self.remove(&machine)?;
            }
            Alone { path, _exclusive: exclusive }.forget()?;
        }
        // What is coming has the room's lock; what is going may be removed by many.
        let Some(_room) = claim(&self.dir.join(ROOM))? else { return Ok(()) };
        let dir = self.rubbish_dir();
        let failed = || format!("`{}` cannot be emptied", dir.display());
        for entry in fs::read_dir(&dir).or_failed(failed)? {
            if_there(fs::remove_dir_all(entry.or_failed(failed)?.path())).or_failed(failed)?;
        }
        Ok(())
    }

    fn rubbish_dir(&self) -> PathBuf {
        self.dir.join(RUBBISH)
    }

    fn lock_of(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(LOCKS).join(file_name(id.as_str()))
    }

    fn all(&self) -> Result<Vec<Machine>, BackendError> {
        let dir = self.dir.join(GUESTS);
        let unreadable = || format!("`{}` cannot be read", dir.display());
        let mut machines = Vec::new();
        for entry in fs::read_dir(&dir).or_failed(unreadable)? {
            let path = entry.or_failed(unreadable)?.path();
            machines.extend(Machine::read(path)?);
        }
        machines.sort_by(|one, other| one.spec.id.cmp(&other.spec.id));
        Ok(machines)
    }
}

/// Takes the lock of a file if nobody has it.
fn claim(path: &Path) -> Result<Option<File>, BackendError> {
    let file = lock::open(path)?;
    let free =
        try_lock(&file, Share::Exclusive).and_then(|free| Ok(free && is_still(&file, path)?));
    let free = free.or_failed(|| format!("no lock `{}`", path.display()))?;
    Ok(free.then_some(file))
}

/// Returns whether a path still leads to a file that was opened through it.
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    let there = if_there(fs::metadata(path))?;
    Ok(there.is_some_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())))
}

/// Why an instance cannot be read.
#[derive(Debug)]
pub(crate) enum Unknown {
    Instance(UnknownInstance),
    Backend(BackendError),
}

impl Unknown {
    /// Makes it the error of a call.
    pub(crate) fn into_error<E: From<UnknownInstance> + From<BackendError>>(self) -> E {
        match self {
            Self::Instance(error) => error.into(),
            Self::Backend(error) => error.into(),
        }
    }
}

impl From<BackendError> for Unknown {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nova_api::{DestroyError, Epoch, OpId, PowerOffError};

    use super::*;

    #[test]
    fn the_lease_of_another_node_raises_no_epoch() {
        let dir = tempfile::tempdir().unwrap();
        let name = |name: &str| NodeName::parse(name).unwrap();
        let node = Node::open(Config::new(dir.path()), name("here")).unwrap();
        let call = |epoch| {
            Call::new(OpId::parse("op").unwrap(), Epoch::new(epoch), Duration::from_secs(20))
        };
        let astray = InstanceRef { id: InstanceId::parse("i-1").unwrap(), node: name("there") };
        let refused = node.act::<(), PowerOffError>(&call(9), &astray, |_| Ok(())).unwrap_err();
        assert!(matches!(refused, PowerOffError::UnknownInstance(_)), "{refused:?}");
        node.enter::<DestroyError>(&call(1)).expect("nobody has acted on this node");
    }
}
