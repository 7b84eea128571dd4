//! The QEMU driver: each instance is one QEMU process on this host, spoken to over QMP.
//!
//! The node's state directory is the truth, and QEMU itself; the driver's process remembers nothing. So any
//! number of drivers may come and go, or be there at once: what they do to one node, they do under the locks
//! of its state directory, with the epoch compared and the act done in one step.

mod config;
mod driver;
mod durable;
mod events;
mod failure;
mod host;
mod lock;
mod machine;
mod names;
mod node;
mod offload;
mod spec;

pub use crate::config::Config;
pub use crate::driver::QemuDriver;
