//! What the API says of itself, as data: made by the macros, read by the core, the suite and the life cycle.

use serde::{Serialize, Serializer};

use crate::Recovery;

/// One facet in one version; [`Driver`](crate::Driver) is the facet that all drivers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// Its name over all versions, such as `volumes`.
    pub name: &'static str,
    /// Its version, from 1.
    pub version: u16,
    /// The trait that a driver implements.
    pub trait_name: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
    /// The cycle it came in.
    pub since: u32,
    /// When it leaves, if it does.
    #[serde(flatten)]
    pub leaving: Option<Leaving>,
    /// A digest of name, version and signatures; written as 16 hexadecimal digits.
    #[serde(serialize_with = "hexadecimal")]
    pub fingerprint: u64,
    /// Its calls, in the order of the source.
    pub methods: &'static [Method],
}

/// When a facet leaves and what comes instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Leaving {
    /// The cycle from which implementing it warns.
    pub deprecated_in: u32,
    /// The first cycle without it.
    pub removed_in: u32,
    /// The trait to implement instead.
    pub replacement: &'static str,
}

/// One call of a facet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Its signature, normalised to one line.
    pub signature: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What a repetition does, if it changes something.
    pub repeated: Option<&'static str>,
    /// Its error.
    pub error: ErrorDescription,
}

/// The closed error of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrorDescription {
    /// The name of the enum.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
    /// All that can be wrong.
    pub conditions: &'static [Condition],
}

/// One thing that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The variant.
    pub variant: &'static str,
    /// The type that it holds.
    pub payload: &'static str,
    /// When it comes, in a sentence.
    pub meaning: &'static str,
    /// What the caller does about it.
    pub recovery: Recovery,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn hexadecimal<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:016x}"))
}
