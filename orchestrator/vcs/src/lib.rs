//! Git: mirrors, speculative merges, checkouts, the network and the workspace tool.
//!
//! Objects and refs are read in this process by `git2`. What git has the better machinery for (merges, check-outs of
//! files, the network) is done by the `git` program, 2.39 or later.

mod error;
mod git;
mod head;
mod mirror;
mod network;
mod workspace;

pub use error::{ErrorKind, Retry, VcsError};
pub use head::Head;
pub use mirror::Mirror;
pub use mirror::checkout::remove_checkout;
pub use mirror::merge::{ConflictFile, ConflictKind, Merged};
pub use mirror::read::CommitText;
pub use network::{Fetched, clone, fetch};
pub use workspace::status::{InProgress, Status, status};
pub use workspace::{FastForward, create_branch, fast_forward, switch};
