//! Names that cannot be mixed up, each with one door: `parse`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected 1 to 255 characters without white space")]
pub struct NameError {
    /// What was to be parsed, such as `node name`.
    pub what: &'static str,
    /// The text that was refused, cut to 120 characters.
    pub text: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a text of 1 to 255 characters without white space or control characters.
            ///
            /// # Errors
            /// [`NameError`] for any other text.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let valid = (1..=255).contains(&text.chars().count())
                    && !text.chars().any(|c| c.is_whitespace() || c.is_control());
                let refusal = || NameError { what: $what, text: text.chars().take(120).collect() };
                if valid { Ok(Self(text.to_owned())) } else { Err(refusal()) }
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name! {
    /// One instance, wherever it runs.
    InstanceId, "instance id"
}
name! {
    /// One node: what instances are placed on.
    ///
    /// ```compile_fail
    /// use nova_api::{HostName, NodeName};
    /// fn drains(_: &NodeName) {}
    /// drains(&HostName::parse("compute-1").unwrap());
    /// ```
    NodeName, "node name"
}
name! {
    /// The machine that an agent and its driver run on; not necessarily a node.
    HostName, "host name"
}
name! {
    /// A provider of resources, such as a node, a NUMA cell or a shared disk pool.
    ResourceName, "resource name"
}
name! {
    /// One volume, wherever it is attached.
    VolumeId, "volume id"
}
name! {
    /// One image that instances can be made of.
    ImageName, "image name"
}
name! {
    /// One operation, the same on every attempt: the key that makes a repetition harmless.
    OpId, "operation id"
}

/// Which holder of a node's lease speaks; a later holder has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// Takes a lease's number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the epoch of the next holder.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
