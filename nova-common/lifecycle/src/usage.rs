//! Which items of the API a crate uses, read from its source.
//!
//! Seen are paths, imports under other names, aliases of types, globs, implementations of the API's traits, and calls and
//! fields of values whose type can be followed from where they are made. Not seen is what a compiler would have to be
//! asked: what macros make of their arguments, what other crates export anew, and the types of all other values.
//! [`Unseen`] counts how much of that there is.

mod modules;
#[cfg(test)]
mod tests;
mod types;
mod visit;

use std::io;

use serde::Serialize;

use crate::cycle::Cycle;
use crate::deep;
use crate::source::{Place, Source};

/// A crate to look into.
#[derive(Debug, Clone, Copy)]
pub struct Crate<'a> {
    /// Its source files.
    pub sources: &'a [Source],
    /// How the paths of its files begin, such as `xen/`; empty for a crate at the top.
    pub below: &'a str,
    /// The names under which it knows the API, such as `nova_api`.
    pub api: &'a [String],
}

/// How an item is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is imported.
    Imports,
    /// It is named where it is used.
    Names,
    /// A trait, or a method of it, is implemented.
    Implements,
    /// A method is called, or a field used, of a value whose type is known.
    Calls,
    /// A method of this name is called of a value whose type is not known.
    ByName,
}

/// A use of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Use {
    /// The item, such as `NodeDesc::memory_mb`.
    pub item: String,
    /// How it is used.
    pub how: How,
    /// Where.
    pub at: Place,
}

/// What was met and could not be seen through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// Calls of macros whose arguments are no expressions.
    pub macro_calls: usize,
    /// Macros that are defined.
    pub macro_definitions: usize,
    /// Calls of methods that are named like one of the API, of values whose type is not known.
    pub unknown_receivers: usize,
    /// Items of the API that the crate exports anew: who uses them there is not followed.
    pub exports: usize,
    /// Glob imports from crates that may export items of the API anew.
    pub foreign_globs: usize,
}

impl Unseen {
    /// Adds what another crate has.
    pub fn add(&mut self, other: Self) {
        self.macro_calls += other.macro_calls;
        self.macro_definitions += other.macro_definitions;
        self.unknown_receivers += other.unknown_receivers;
        self.exports += other.exports;
        self.foreign_globs += other.foreign_globs;
    }
}

/// A file that is not Rust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub what: String,
}

/// What a crate uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Each use, by item and place.
    pub uses: Vec<Use>,
    /// What could not be seen through.
    pub unseen: Unseen,
    /// The files that were left out.
    pub broken: Vec<Broken>,
}

impl Usage {
    /// Returns the usage, if no file was left out.
    ///
    /// # Errors
    /// [`UsageError::Broken`] with the first that was.
    pub fn whole(mut self) -> Result<Self, UsageError> {
        if self.broken.is_empty() { Ok(self) } else { Err(UsageError::Broken(self.broken.remove(0))) }
    }
}

/// Why a crate was not looked into.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The system has no thread for it.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
    /// A file is not Rust, where all must be.
    #[error("{}: {}", .0.at, .0.what)]
    Broken(Broken),
}

/// Looks into a crate; `offered` is what the API offers, by which globs and calls are resolved.
///
/// # Errors
/// [`UsageError::Thread`]. A file that is not Rust is left out and told.
pub fn of_crate(krate: Crate<'_>, offered: &Cycle) -> Result<Usage, UsageError> {
    Ok(deep::with_room(|| look(krate, offered))?)
}

fn look(krate: Crate<'_>, offered: &Cycle) -> Usage {
    let mut usage = Usage::default();
    let mut files = Vec::new();
    for source in krate.sources {
        match deep::file(&source.text) {
            Ok(file) => files.push((source.path.as_str(), file)),
            Err(error) => {
                let at = Place { file: source.path.clone(), line: error.span().start().line };
                usage.broken.push(Broken { at, what: error.to_string() });
            }
        }
    }
    let types = types::Types::of(offered);
    let mut modules = modules::Modules::new(krate.api, &types);
    for (path, file) in &files {
        modules.add(&modules::home(path.strip_prefix(krate.below).unwrap_or(path)), &file.items);
    }
    let own_methods = files.iter().flat_map(|(_, file)| modules::own_methods(&file.items, &types)).collect();
    let known = visit::Known { modules: &modules, types: &types, own_methods: &own_methods };
    for (path, file) in &files {
        let home = modules::home(path.strip_prefix(krate.below).unwrap_or(path));
        visit::file(file, path, home, known, &mut usage);
    }
    usage.uses.sort();
    usage.uses.dedup();
    usage
}
