//! The header that every object carries when it is serialised: its name and version.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An object of the API that crosses a process boundary.
pub trait Object {
    /// The object's name, unique in the API.
    const NAME: &'static str;
    /// The version that this crate writes.
    const VERSION: Version;
    /// What it is, in a sentence.
    const SUMMARY: &'static str = "";
    /// Its fields, without the header.
    const FIELDS: &'static [FieldDescription] = &[];
}

/// One field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its name in the source, which is its name on the wire unless serde is told otherwise.
    pub name: &'static str,
    /// Its type, as written.
    pub shape: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
    /// The version of the object that it came with; older writers leave it out.
    pub since: Version,
}

/// A version: readers ignore what a greater minor adds, and refuse another major.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Differs if a reader of the other would misunderstand.
    pub major: u16,
    /// Grows with every field.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The serialised `{ name, version }` of `T`; nothing in memory.
pub struct Header<T>(PhantomData<fn() -> T>);

impl<T> Default for Header<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for Header<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Header<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Header<T> {}

impl<T: Object> fmt::Debug for Header<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", T::NAME, T::VERSION)
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    version: String,
}

impl<T: Object> Serialize for Header<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { name: T::NAME.to_owned(), version: T::VERSION.to_string() }.serialize(serializer)
    }
}

impl<'de, T: Object> Deserialize<'de> for Header<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { name, version } = Written::deserialize(deserializer)?;
        let major = version.split_once('.').and_then(|(major, _)| major.parse::<u16>().ok());
        if name == T::NAME && major == Some(T::VERSION.major) {
            return Ok(Self::default());
        }
        let expected = format_args!("`{}` {}.x", T::NAME, T::VERSION.major);
        Err(D::Error::custom(format_args!("`{name}` {version} cannot be read: expected {expected}")))
    }
}
