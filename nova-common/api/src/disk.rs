//! Where the bytes of disks are.

use serde::{Deserialize, Serialize};

/// Where the bytes of a volume or an image are, as seen from the driver's host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DiskSource {
    /// A file or a block device with the raw bytes.
    File {
        /// Its absolute path.
        path: String,
    },
}
