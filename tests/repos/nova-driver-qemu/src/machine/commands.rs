//! QMP commands in the shapes that QEMU has had since 6.0: the generated types are of one version, and ask for
//! fields that older ones do not send.

use qapi::{Command, Empty};
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! command {
    ($(#[$doc:meta])* $name:ident($arguments:ty) = $wire:literal -> $answer:ty) => {
        $(#[$doc])*
        #[derive(Debug, Serialize)]
        pub(crate) struct $name(pub(crate) $arguments);

        impl Command for $name {
            type Ok = $answer;

            const NAME: &'static str = $wire;
            const ALLOW_OOB: bool = false;
        }
    };
}

/// No arguments.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Nothing {}

command! {
    /// Opens a disk.
    BlockdevAdd(Value) = "blockdev-add" -> Empty
}
command! {
    /// Opens a disk again, on something else.
    BlockdevReopen(Value) = "blockdev-reopen" -> Empty
}
command! {
    /// Plugs a device in.
    DeviceAdd(Value) = "device_add" -> Empty
}
command! {
    /// Begins to copy a disk.
    BlockdevBackup(Value) = "blockdev-backup" -> Empty
}
command! {
    /// Lists the open disks.
    QueryNamedBlockNodes(Nothing) = "query-named-block-nodes" -> Vec<BlockNode>
}
command! {
    /// Asks what has gone through the disks.
    QueryBlockstats(Nothing) = "query-blockstats" -> Vec<BlockStats>
}

/// An open disk.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockNode {
    #[serde(rename = "node-name")]
    pub(crate) node_name: String,
}

/// What has gone through a disk.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockStats {
    #[serde(rename = "node-name")]
    pub(crate) node_name: Option<String>,
    pub(crate) stats: BlockCounters,
}

/// The counters of a disk.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockCounters {
    pub(crate) rd_bytes: u64,
    pub(crate) wr_bytes: u64,
}
