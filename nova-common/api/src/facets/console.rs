//! Consoles.

use nova_macros::{ApiError, ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{BackendError, Header, InstanceRef, UnknownInstance, WrongPower};

/// The facet of drivers that let one see and use a guest's first serial port.
#[driver_facet(name = "console", version = 1, since = 2)]
pub trait Console: Send + Sync {
    /// Returns the last that the guest has printed, at most `limit` bytes; also of an instance that is off.
    fn console_output(
        &self,
        instance: &InstanceRef,
        limit: u32,
    ) -> impl Future<Output = Result<ConsoleOutput, ConsoleOutputError>> + Send;

    /// Says where one client can read what the guest prints and type what it reads, while the instance runs.
    fn console_endpoint(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<ConsoleEndpoint, ConsoleEndpointError>> + Send;
}

/// What a guest has printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct ConsoleOutput {
    object: Header<Self>,
    /// The text; what is not UTF-8 is replaced by U+FFFD.
    pub text: String,
    /// Whether the guest has printed more than this, before it.
    pub cut: bool,
}

impl ConsoleOutput {
    /// Reports the last that a guest has printed, and whether there was more before it.
    pub fn new(text: impl Into<String>, cut: bool) -> Self {
        Self { object: Header::default(), text: text.into(), cut }
    }
}

/// Where a guest's serial port can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct ConsoleEndpoint {
    object: Header<Self>,
    /// The address, of use on the driver's host or from it.
    pub address: EndpointAddress,
}

impl ConsoleEndpoint {
    /// Reports an address.
    pub fn new(address: EndpointAddress) -> Self {
        Self { object: Header::default(), address }
    }
}

/// The address of a stream of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndpointAddress {
    /// A Unix socket on the driver's host.
    UnixSocket {
        /// Its path.
        path: String,
    },
    /// A TCP port.
    Tcp {
        /// The name or address of its host.
        host: String,
        /// Its number.
        port: u16,
    },
}

/// Why [`Console::console_output`] failed.
#[derive(Debug, ApiError)]
pub enum ConsoleOutputError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Console::console_endpoint`] failed.
#[derive(Debug, ApiError)]
pub enum ConsoleEndpointError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is off: nothing is at the other end.
    #[recovery(Reject)]
    WrongPower(WrongPower),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}
