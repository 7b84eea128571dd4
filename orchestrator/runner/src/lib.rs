//! What executes builds: the local runner, with its sandbox, logs, artifacts and caches.
//!
//! [`LocalRunner`] runs one [`BuildRequest`](crossgate_core::build::BuildRequest) at a time per call, any number of calls at once,
//! also from several processes over one state directory. Whatever fails around a build is an outcome of it, never an error.

mod archive;
mod artifacts;
mod environment;
mod event;
mod local;
mod log;
mod overrides;
mod process;
mod sandbox;
mod settings;
mod supervise;
mod tidy;
mod workdir;
mod workdirs;

pub use archive::{Archive, ArchiveError, BuildRecord};
pub use event::Event;
pub use local::{LocalRunner, PlaceError, RunnerError};
pub use overrides::{OverrideError, cargo_overrides};
pub use sandbox::{NoSandbox, SandboxState};
pub use settings::{SandboxChoice, Settings};
pub use supervise::{SUPERVISE, supervise_main};
