//! What an instance is: the file that its directory is about.

use std::fs;
use std::path::Path;

use nova_api::{
    AttachedVolume, BackendError, CreateRequest, GiB, InstanceId, MiB, NodeName, OpId, Vcpus,
    Volume,
};
use serde::{Deserialize, Serialize};

use crate::durable::{self, if_there};
use crate::failure::OrFailed as _;
use crate::host::Size;

const FILE: &str = "spec.json";

/// How many snapshots an instance remembers, for operations that come again.
const SNAPSHOTS: usize = 64;

/// What an instance is, beside its disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) id: InstanceId,
    /// The operation that made it, or took it over.
    pub(crate) op_id: OpId,
    /// Whether all of it is there. What is not whole and that nobody is at work on is rubbish.
    pub(crate) whole: bool,
    pub(crate) vcpus: Vcpus,
    pub(crate) memory: MiB,
    pub(crate) disk: GiB,
    pub(crate) volumes: Vec<Attached>,
    pub(crate) snapshots: Vec<Snapshotted>,
    pub(crate) migration: Option<Migration>,
}

/// A volume and its place among the guest's disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attached {
    pub(crate) volume: Volume,
    /// The target on the guest's SCSI bus, from 1; 0 is the instance's own disk.
    pub(crate) slot: u8,
}

impl Attached {
    /// Says where the guest finds it: channel, target and unit of its one SCSI bus.
    pub(crate) fn report(&self) -> AttachedVolume {
        AttachedVolume::new(self.volume.id.clone()).device(format!("scsi 0:{}:0", self.slot))
    }
}

/// A snapshot, and the operation that made it or is at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshotted {
    pub(crate) op_id: OpId,
    pub(crate) path: String,
}

/// How far the last migration from this node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Migration {
    /// The instance is on its way.
    Out {
        /// Where it goes.
        to: NodeName,
        /// Whether it ran before.
        ran: bool,
    },
    /// It has come back.
    Reverted,
}

impl Spec {
    /// Describes the instance that a request asks for, before any of it is there.
    pub(crate) fn new(request: &CreateRequest, op_id: OpId) -> Self {
        Self {
            id: request.instance.id.clone(),
            op_id,
            whole: false,
            vcpus: request.vcpus,
            memory: request.memory,
            disk: request.disk,
            volumes: Vec::new(),
            snapshots: Vec::new(),
            migration: None,
        }
    }

    /// Reads the file in an instance's directory, if there is one.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, BackendError> {
        let path = dir.join(FILE);
        let unreadable = || format!("`{}` cannot be read", path.display());
        let Some(text) = if_there(fs::read(&path)).or_failed(unreadable)? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).or_failed(unreadable)
    }

    /// Replaces the file in an instance's directory.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), BackendError> {
        let path = dir.join(FILE);
        let text = serde_json::to_vec_pretty(self).expect("plain data with text for keys");
        durable::write(&path, &text).or_failed(|| format!("`{}` cannot be written", path.display()))
    }

    /// Returns what it takes of its node.
    pub(crate) fn size(&self) -> Size {
        Size { vcpus: self.vcpus, memory: self.memory, disk: self.disk }
    }

    /// Refuses if it is on its way to another node, which would not hear of a change any more.
    pub(crate) fn must_stay(&self) -> Result<(), BackendError> {
        match &self.migration {
            Some(Migration::Out { to, .. }) => Err(BackendError::new(format!(
                "instance `{}` is on its way to node `{to}`",
                self.id
            ))),
            Some(Migration::Reverted) | None => Ok(()),
        }
    }

    /// Returns the smallest slot that no volume has and that is not among `open`.
    pub(crate) fn free_slot(&self, open: &[u8]) -> Option<u8> {
        let is_free = |slot: &u8| self.volumes.iter().all(|one| one.slot != *slot);
        (1..=u8::MAX).find(|slot| is_free(slot) && !open.contains(slot))
    }

    /// Remembers a snapshot, and forgets the oldest if there are too many.
    pub(crate) fn remember(&mut self, snapshot: Snapshotted) {
        if self.snapshots.len() >= SNAPSHOTS {
            self.snapshots.remove(0);
        }
        self.snapshots.push(snapshot);
    }
}
