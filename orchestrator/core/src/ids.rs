//! Names and ids that cannot be mixed up: each has one door, `parse`.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid name or id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected {expected}")]
pub struct IdError {
    /// What was to be parsed, such as `repo name`.
    pub what: &'static str,
    /// The text that was refused, cut to 120 characters.
    pub text: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

impl IdError {
    fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        Self { what, text: text.chars().take(120).collect(), expected }
    }
}

/// Lets an id be made of a text by its door alone, whoever asks.
macro_rules! by_its_door {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a text.
            ///
            /// # Errors
            /// [`IdError`] if the text does not have the shape the type asks for.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(IdError::new($what, text, $expected)) }
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        by_its_door!($name);

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty()
        && text.len() <= 100
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn is_job_name(text: &str) -> bool {
    let Some((name, rest)) = text.split_once('[') else { return is_name(text) };
    let pair = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| is_name(key));
    let values = rest.strip_suffix(']').filter(|values| is_free_text(values));
    is_name(name) && values.is_some_and(|values| values.split(',').all(pair))
}

fn is_cache(text: &str) -> bool {
    text.strip_prefix("shared/").is_some_and(is_name) || text.strip_prefix("job/").is_some_and(is_job_name)
}

/// Git's rules for a branch name, as far as they keep a name from being taken for an option, a path
/// out of the ref store or a revision expression (git-check-ref-format(1)).
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "git compares `.lock` as it is")]
fn is_branch(text: &str) -> bool {
    let bad = |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    !text.is_empty()
        && text.len() <= 250
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("/.")
        && !text.contains("@{")
        && text.split('/').all(|part| !part.ends_with(".lock"))
        && !text.chars().any(bad)
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_free_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= 400 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

id! {
    /// The name of a repo, unique in its workspace.
    ///
    /// Names of different things cannot be swapped:
    ///
    /// ```compile_fail
    /// use crossgate_core::ids::{DriverName, RepoName};
    /// fn checks_out(_: &RepoName) {}
    /// checks_out(&DriverName::parse("vmware").unwrap());
    /// ```
    RepoName, "repo name", "1 to 100 letters, digits, `-`, `_` or `.`, the first a letter, digit or `_`", is_name
}
id! {
    /// The name of a driver: the unit of policy and of CI.
    DriverName, "driver name", "1 to 100 letters, digits, `-`, `_` or `.`, the first a letter, digit or `_`", is_name
}
id! {
    /// The name of a job, with its matrix values if it has some: `lab[platform=qemu-7]`.
    JobName, "job name", "a name, and optionally matrix values in brackets: `lab[platform=qemu-7]`", is_job_name
}
id! {
    /// The name of a cache that several jobs share.
    SharedCache, "cache name", "1 to 100 letters, digits, `-`, `_` or `.`, the first a letter, digit or `_`", is_name
}
id! {
    /// A cache that builds keep between them: `shared/NAME`, or a job's own, `job/NAME`. The two cannot be the same.
    CacheName, "cache", "`shared/` or `job/` and a name", is_cache
}
id! {
    /// The name of a semaphore that bounds how many builds run at once.
    SemaphoreName, "semaphore name", "1 to 100 letters, digits, `-`, `_` or `.`, the first a letter, digit or `_`", is_name
}
id! {
    /// The name of a branch, without `refs/heads/`.
    BranchName, "branch name", "a name that git accepts for a branch", is_branch
}
id! {
    /// A change: `repo#12` on a forge, `repo@branch` in a workspace, any word in a scenario.
    ChangeId, "change", "1 to 400 characters without white space", is_free_text
}
id! {
    /// The object id of a commit: 40 or 64 lowercase hexadecimal digits.
    ///
    /// A commit is not a tree:
    ///
    /// ```compile_fail
    /// use crossgate_core::ids::{CommitId, TreeId};
    /// fn checks_out(_: &CommitId) {}
    /// checks_out(&TreeId::parse(&"0".repeat(40)).unwrap());
    /// ```
    CommitId, "commit id", "40 or 64 lowercase hexadecimal digits", is_object_id
}
id! {
    /// The object id of a git tree: 40 or 64 lowercase hexadecimal digits.
    TreeId, "tree id", "40 or 64 lowercase hexadecimal digits", is_object_id
}
/// Lets an id of digits be printed and written as its text.
macro_rules! by_its_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{self}\"")
            }
        }

        by_its_door!($name);

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

/// One build: 12 lowercase hexadecimal digits. It is copied, not shared: there are very many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildId([u8; 12]);

impl BuildId {
    /// Parses a text.
    ///
    /// # Errors
    /// [`IdError`] if the text does not have the shape the type asks for.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let digits = text.as_bytes().try_into().ok();
        digits
            .filter(|digits: &[u8; 12]| digits.iter().all(|of| digit(*of).is_some()))
            .map(Self)
            .ok_or_else(|| IdError::new("build id", text, "12 lowercase hexadecimal digits"))
    }

    /// Takes the first digits of a digest.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let mut digits = [0; 12];
        to_digits(digest, &mut digits);
        Self(digits)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are text")
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

by_its_text!(BuildId);

/// What a build is a function of, as a digest of job, variables and the trees the job uses: 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildKey([u8; 32]);

impl BuildKey {
    /// Parses a text.
    ///
    /// # Errors
    /// [`IdError`] if the text does not have the shape the type asks for.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error = || IdError::new("build key", text, "64 lowercase hexadecimal digits");
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_wrong_length| error())?;
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(error)?;
            *byte = high << 4 | low;
        }
        Ok(Self(digest))
    }

    /// Takes a digest.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(*digest)
    }

    /// Returns its first 16 digits as a number: there is hardly another one with the same.
    pub(crate) fn start(&self) -> u64 {
        self.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl fmt::Display for BuildKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        to_digits(&self.0, &mut digits);
        f.pad(std::str::from_utf8(&digits).expect("hexadecimal digits are text"))
    }
}

by_its_text!(BuildKey);

/// Writes as many digits of a digest as there is room for.
fn to_digits(digest: &[u8; 32], digits: &mut [u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_mut(2).zip(digest) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
}

/// Returns what a lowercase hexadecimal digit stands for.
fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl JobName {
    /// Returns the name without matrix values.
    pub fn base(&self) -> &str {
        self.0.split_once('[').map_or(&*self.0, |(base, _)| base)
    }
}

impl From<&JobName> for CacheName {
    fn from(job: &JobName) -> Self {
        Self(format!("job/{job}").into())
    }
}

impl From<&SharedCache> for CacheName {
    fn from(cache: &SharedCache) -> Self {
        Self(format!("shared/{cache}").into())
    }
}

impl CommitId {
    /// Returns the first 10 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

/// A path inside a repo, as git stores it: bytes with `/` between the parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<[u8]>);

impl RepoPath {
    /// Takes the bytes of a path as git has them.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes as git has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for RepoPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Takes milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the moment that is so much later.
    #[must_use]
    pub fn after(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns how long before `self` the moment `earlier` was; zero if it was not before.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_accept_and_refuse() {
        for good in ["nova-common", "a", "_x", "v1.2", "9p"] {
            assert!(RepoName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", ".git", "a/b", "a b", "ü", &"x".repeat(101)] {
            assert!(RepoName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn job_names_know_their_base() {
        let job = JobName::parse("lab[platform=qemu-7,cpu=x86]").unwrap();
        assert_eq!(job.base(), "lab");
        for bad in ["lab[", "lab[]", "lab[x]", "lab[x=1", "[x=1]"] {
            assert!(JobName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn branches_follow_git() {
        for good in ["main", "stable/2026.1", "feature/a-b_c"] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in ["-f", "a..b", "a b", "x.lock", "a/x.lock", "a//b", "@{1}", "/a", "a/", ".a", "a/.b", "a^"]
        {
            assert!(BranchName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_are_printed_as_they_were_read() {
        let text = "0123456789abcdef".repeat(4);
        let key = BuildKey::parse(&text).unwrap();
        assert_eq!((key.to_string(), format!("{key:?}")), (text.clone(), format!("\"{text}\"")));
        assert_eq!(BuildKey::of_digest(&[0xfe; 32]).to_string(), "fe".repeat(32));
        assert_eq!(BuildId::of_digest(&[0xfe; 32]).as_str(), "fefefefefefe");
        let [short, long] = ["0".repeat(63), "0".repeat(65)];
        let [upper, other] = [text.replace('a', "A"), text.replace('f', "g")];
        for bad in ["", &short, &long, &upper, &other] {
            assert!(BuildKey::parse(bad).is_err(), "{bad}");
        }
        assert!(BuildId::parse("0123456789ag").is_err());
    }

    #[test]
    fn an_error_says_what_was_expected() {
        let error = CommitId::parse("HEAD").unwrap_err();
        insta::assert_snapshot!(error, @"`HEAD` is not a commit id: expected 40 or 64 lowercase hexadecimal digits");
    }

    #[test]
    fn a_path_that_is_not_utf8_is_kept() {
        let path = RepoPath::from_bytes(b"a/\xff.rs");
        assert_eq!(path.as_bytes(), b"a/\xff.rs");
        assert_eq!(path.to_string(), "a/\u{fffd}.rs");
    }
}
