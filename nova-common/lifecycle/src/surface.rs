//! What a crate offers, read from its source: every public item with its signature.
//!
//! What macros make is not expanded. Their definitions and uses are recorded as they stand, and what the API's own
//! derives are known to make is recorded as if it were written out.

mod attributes;
mod items;
#[path = "../../macros/src/source.rs"]
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use syn::spanned::Spanned;
use syn::{File, Item};

use crate::cycle::{Cycle, Facet, Items};
use crate::deep;
use crate::source::{Place, Source, SourceError};

/// What a crate offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surface {
    /// Its items.
    pub items: Items,
    /// The traits that drivers implement, by name and version.
    pub facets: Vec<Facet>,
    places: BTreeMap<String, Place>,
}

/// Why a crate's source does not say what it offers.
#[derive(Debug, thiserror::Error)]
pub enum SurfaceError {
    /// It is not Rust, or says something that this reader does not understand.
    #[error("{at}: {what}")]
    Unclear {
        /// Where.
        at: Place,
        /// What, and what was expected.
        what: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The system has no thread for it.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
}

impl Surface {
    /// Reads the source files of a crate. Modules do not matter: items are known by the names that the crate exports
    /// them under, so no two may have the same.
    ///
    /// # Errors
    /// [`SurfaceError::Unclear`], [`SurfaceError::Thread`].
    pub fn read(sources: &[Source]) -> Result<Self, SurfaceError> {
        deep::with_room(|| read(sources))?
    }

    /// Returns where an item is.
    pub fn place(&self, item: &str) -> Option<&Place> {
        self.places.get(item)
    }

    /// Returns what is offered as a cycle.
    pub fn at(&self, cycle: u32, version: &str) -> Cycle {
        Cycle { cycle, version: version.to_owned(), facets: self.facets.clone(), items: self.items.clone() }
    }
}

fn read(sources: &[Source]) -> Result<Surface, SurfaceError> {
    let files = sources.iter().map(|source| {
        let at = |error: syn::Error| unclear(&source.path, &error);
        Ok((source.path.as_str(), deep::file(&source.text).map_err(at)?))
    });
    let mut files = files.collect::<Result<Vec<(&str, File)>, SurfaceError>>()?;
    let for_tests: BTreeSet<String> =
        files.iter().flat_map(|(path, file)| test_modules(path, file)).collect();
    files.retain(|(path, _)| !for_tests.contains(*path));
    let mut reader = items::Reader::new(files.iter().flat_map(|(_, file)| &file.items));
    for (path, file) in &files {
        reader.read_file(path, file)?;
    }
    Ok(reader.finish())
}

/// Lists the files of a file's modules that are for tests alone.
fn test_modules(path: &str, file: &File) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (parent, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let below = if matches!(name, "lib" | "main" | "mod") { parent } else { stem };
    let modules = file.items.iter().filter_map(|item| match item {
        Item::Mod(it) if it.content.is_none() && attributes::is_for_tests(&it.attrs) => Some(&it.ident),
        _ => None,
    });
    modules.map(|name| format!("{below}/{name}.rs")).collect()
}

fn unclear(path: &str, error: &syn::Error) -> SurfaceError {
    let at = Place { file: path.to_owned(), line: error.span().start().line };
    SurfaceError::Unclear { at, what: error.to_string() }
}

fn place(path: &str, of: &impl Spanned) -> Place {
    Place { file: path.to_owned(), line: of.span().start().line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::Entry;

    fn source(text: &str) -> Source {
        Source { path: "src/lib.rs".to_owned(), text: text.to_owned() }
    }

    fn lines(text: &str) -> Vec<String> {
        let told = |(item, entry): (String, Entry)| {
            let until = entry.deprecated_in.map(|cycle| format!(" [{cycle}]")).unwrap_or_default();
            format!("{item}: {}{until}", entry.signature)
        };
        Surface::read(&[source(text)]).unwrap().items.into_iter().map(told).collect()
    }

    #[test]
    fn an_error_of_the_api_gives_each_condition_with_its_recovery() {
        let text = r"
            #[derive(Debug, ApiError)]
            #[api_error(mutation)]
            pub enum StopError {
                /// Never there.
                #[recovery(Reject)]
                UnknownNode(UnknownNode),
                #[recovery(FenceLost)]
                StaleEpoch(StaleEpoch),
            }
        ";
        assert_eq!(
            lines(text),
            [
                "StopError: error UnknownNode, StaleEpoch",
                "StopError::StaleEpoch: (StaleEpoch) => FenceLost",
                "StopError::UnknownNode: (UnknownNode) => Reject",
                "StopError::recovery: fn recovery(&self) -> Recovery",
                "impl Debug for StopError: derived",
                "impl Error for StopError: derived",
                "impl MutationError for StopError: derived",
            ]
        );
    }

    #[test]
    fn a_facet_says_when_its_trait_leaves() {
        let text = r#"
            #[driver_facet(
                name = "volumes", version = 1, since = 1, deprecated_in = 3, removed_in = 4, replacement = "VolumesV2"
            )]
            pub trait Volumes: Send {
                #[repeated("succeeds")]
                fn attach(&self, call: &Call) -> impl Future<Output = Result<(), AttachError>> + Send;
            }
        "#;
        let surface = Surface::read(&[source(text)]).unwrap();
        let facet = &surface.facets[0];
        assert_eq!(
            (facet.title().as_str(), facet.deprecated_in, facet.removed_in),
            ("volumes v1", Some(3), Some(4))
        );
        assert_eq!(surface.items["Volumes"].deprecated_in, Some(3));
        assert_eq!(surface.items["Volumes"].note.as_deref(), Some("implement `VolumesV2` instead"));
        assert_eq!(surface.place("Volumes::attach").unwrap().to_string(), "src/lib.rs:7");
    }

    #[test]
    fn an_object_says_its_version_and_hidden_and_private_things_are_no_items() {
        let text = r#"
            #[derive(Clone, ApiObject)]
            #[api(version = "1.2")]
            #[non_exhaustive]
            pub struct Node { object: Header<Self>, pub size: u64 }
            #[doc(hidden)]
            pub struct Inner;
            struct Own;
            impl Own { pub fn go(&self) {} }
            impl Clone for Own { fn clone(&self) -> Self { Self } }
            pub(crate) fn near() {}
        "#;
        assert_eq!(
            lines(text),
            [
                "Node: struct non_exhaustive",
                "Node.size: u64",
                "impl Clone for Node: derived",
                "impl Object for Node: ",
                "object Node: 1.2",
            ]
        );
    }

    #[test]
    fn what_is_for_tests_alone_is_not_offered() {
        let lib = source("#[cfg(test)] mod tests; mod node; #[cfg(test)] mod inner { pub fn x() {} }");
        let of = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let files = [lib, of("src/tests.rs", "pub fn fake() {}"), of("src/node.rs", "pub fn real() {}")];
        assert_eq!(Surface::read(&files).unwrap().items.into_keys().collect::<Vec<_>>(), ["real"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, told) in [
            ("\n\npub fn (", "src/lib.rs:3: "),
            ("pub use crate::node::*;", "src/lib.rs:1: a glob hides what the API offers: name the items"),
            ("pub fn a() {}\npub fn a() {}", "src/lib.rs:2: `a` is there already: src/lib.rs:1"),
            ("pub mod inner { }", "src/lib.rs:1: items are exported at the top: make the module private"),
            ("#[deprecated] pub fn a() {}", "src/lib.rs:1: expected `#[deprecated(since = "),
        ] {
            let error = Surface::read(&[source(text)]).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
