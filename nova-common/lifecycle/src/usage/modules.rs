//! The modules of a crate, and what the names in them mean.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use syn::visit::Visit;
use syn::{ImplItem, Item, ItemMod, ItemUse, Path, Type, UseTree};

use super::types::Types;

/// Most names that are looked up for one, where modules import each other.
const MAX_LOOKUPS: usize = 500;

/// A module: the crate's root (a library, a program, a test) and the names down to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Home {
    root: String,
    path: Vec<String>,
}

impl Home {
    /// Returns a module in this one.
    pub(super) fn child(&self, name: &str) -> Self {
        let path = self.path.iter().cloned().chain([name.to_owned()]).collect();
        Self { root: self.root.clone(), path }
    }

    fn parent(&self) -> Option<Self> {
        let (_, path) = self.path.split_last()?;
        Some(Self { root: self.root.clone(), path: path.to_vec() })
    }

    fn top(&self) -> Self {
        Self { root: self.root.clone(), path: Vec::new() }
    }
}

/// Returns the module that a file is, by cargo's layout of a package.
pub(super) fn home(path: &str) -> Home {
    let mut parts: Vec<&str> = path.strip_suffix(".rs").unwrap_or(path).split('/').collect();
    let is_target = matches!(parts.first(), Some(&("tests" | "examples" | "benches")));
    let depth = match &parts[..] {
        ["src", "bin", _, ..] => 3,
        [_, _, ..] if is_target => 2,
        ["src", ..] => 1,
        _ => parts.len(),
    };
    let mut rest = parts.split_off(depth);
    if matches!(rest.last(), Some(&("mod" | "lib" | "main"))) {
        rest.pop();
    }
    Home { root: parts.join("/"), path: rest.into_iter().map(str::to_owned).collect() }
}

/// What a name in a module means.
#[derive(Debug, Clone)]
enum Meaning {
    /// What is defined there.
    Own,
    /// What a path leads to.
    Path(Vec<String>),
}

#[derive(Debug, Default)]
struct Module {
    names: BTreeMap<String, Meaning>,
    globs: Vec<Vec<String>>,
}

/// The modules of a crate.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    all: BTreeMap<Home, Module>,
    api: &'a [String],
    types: &'a Types<'a>,
    lookups: RefCell<Lookups>,
}

/// The names that have been looked up, each in its module.
#[derive(Debug, Default)]
struct Lookups {
    known: HashMap<(Home, String), Led>,
    /// Those that are being looked up; one that leads back to itself leads nowhere.
    open: BTreeSet<(Home, String)>,
    /// Whether one has led back since the outermost began, so that what leads nowhere might lead somewhere from elsewhere.
    led_back: bool,
    /// How many since the outermost began.
    count: usize,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Led {
    /// Names in the API; none: the API itself.
    Api(Vec<String>),
    /// A module of the crate.
    Module(Home),
    /// Something of the crate's own.
    Own,
    /// Another crate, or nothing.
    Elsewhere,
}

/// A leaf of an import.
pub(super) struct Leaf<'a> {
    /// The path that is imported; for a glob, the one before it.
    pub(super) path: Vec<String>,
    /// The name in this module; `None`: all names.
    pub(super) name: Option<String>,
    /// Where it is.
    pub(super) tree: &'a UseTree,
}

/// Lists what an import imports.
pub(super) fn leaves(tree: &UseTree) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), tree)];
    while let Some((before, tree)) = open.pop() {
        let with = |name: &dyn ToString| {
            let mut path = before.clone();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(path) => open.push((with(&path.ident), &path.tree)),
            UseTree::Group(group) => open.extend(group.items.iter().map(|tree| (before.clone(), tree))),
            UseTree::Glob(_) => found.push(Leaf { path: before, name: None, tree }),
            UseTree::Name(name) if name.ident == "self" => {
                found.push(Leaf { name: before.last().cloned(), path: before, tree });
            }
            UseTree::Name(name) => {
                found.push(Leaf { path: with(&name.ident), name: Some(name.ident.to_string()), tree });
            }
            UseTree::Rename(rename) => {
                let path = if rename.ident == "self" { before } else { with(&rename.ident) };
                found.push(Leaf { path, name: Some(rename.rename.to_string()), tree });
            }
        }
    }
    found
}

/// Lists the methods that a crate defines itself, other than those of the API's traits.
pub(super) fn own_methods(items: &[Item], types: &Types<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Item> = items.iter().collect();
    while let Some(item) = open.pop() {
        match item {
            Item::Mod(it) => open.extend(it.content.iter().flat_map(|(_, items)| items)),
            Item::Trait(it) => found.extend(it.items.iter().filter_map(|item| match item {
                syn::TraitItem::Fn(method) => Some(method.sig.ident.to_string()),
                _ => None,
            })),
            Item::Impl(it) => {
                let last = it.trait_.as_ref().and_then(|(path, _)| path.segments.last());
                if last.is_some_and(|last| types.is_trait(&last.ident.to_string())) {
                    continue;
                }
                found.extend(it.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    found
}

/// Returns the names of a path.
pub(super) fn segments(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'a> Modules<'a> {
    /// Prepares for a crate that knows the API under these names.
    pub(super) fn new(api: &'a [String], types: &'a Types<'a>) -> Self {
        Self { all: BTreeMap::new(), api, types, lookups: RefCell::default() }
    }

    /// Adds the names of a module.
    pub(super) fn add(&mut self, home: &Home, items: &[Item]) {
        let mut module = self.all.remove(home).unwrap_or_default();
        for item in items {
            match item {
                Item::Use(it) => module.import(&it.tree),
                Item::ExternCrate(it) => {
                    let name = it.rename.as_ref().map_or(&it.ident, |(_, name)| name);
                    module.names.insert(name.to_string(), Meaning::Path(vec![it.ident.to_string()]));
                }
                Item::Type(it) => {
                    let meaning = match &*it.ty {
                        Type::Path(ty) if ty.qself.is_none() => Meaning::Path(segments(&ty.path)),
                        _ => Meaning::Own,
                    };
                    module.names.insert(it.ident.to_string(), meaning);
                }
                Item::Mod(it) => {
                    if let Some((_, items)) = &it.content {
                        self.add(&home.child(&it.ident.to_string()), items);
                    }
                }
                Item::Struct(it) => module.own(&it.ident),
                Item::Enum(it) => module.own(&it.ident),
                Item::Trait(it) => module.own(&it.ident),
                Item::Fn(it) => {
                    module.own(&it.sig.ident);
                    OfBlocks(&mut module).visit_item_fn(it);
                }
                Item::Impl(it) => OfBlocks(&mut module).visit_item_impl(it),
                Item::Const(it) => module.own(&it.ident),
                Item::Static(it) => module.own(&it.ident),
                _ => {}
            }
        }
        self.all.insert(home.clone(), module);
    }

    /// Returns the names in the API that a path leads to; none: the API itself.
    pub(super) fn api_path(&self, home: &Home, path: &[String]) -> Option<Vec<String>> {
        match self.follow(home, path) {
            Led::Api(names) => Some(names),
            Led::Module(_) | Led::Own | Led::Elsewhere => None,
        }
    }

    /// Returns whether a path leads out of the crate, to something that is not the standard library.
    pub(super) fn is_foreign(&self, home: &Home, path: &[String]) -> bool {
        let is_std = path.first().is_some_and(|first| matches!(first.as_str(), "std" | "core" | "alloc"));
        !is_std && self.follow(home, path) == Led::Elsewhere
    }

    fn follow(&self, home: &Home, path: &[String]) -> Led {
        let Some((first, rest)) = path.split_first() else { return Led::Elsewhere };
        let begun = match first.as_str() {
            "crate" => Led::Module(home.top()),
            "self" => Led::Module(home.clone()),
            _ => self.step(home, first),
        };
        rest.iter().fold(begun, |led, name| match led {
            Led::Api(mut names) => {
                names.push(name.clone());
                Led::Api(names)
            }
            Led::Module(home) => self.step(&home, name),
            Led::Own | Led::Elsewhere => led,
        })
    }

    fn step(&self, home: &Home, name: &str) -> Led {
        if name == "super" {
            return home.parent().map_or(Led::Elsewhere, Led::Module);
        }
        let key = (home.clone(), name.to_owned());
        {
            let mut lookups = self.lookups.borrow_mut();
            if let Some(led) = lookups.known.get(&key) {
                return led.clone();
            }
            lookups.count += 1;
            if lookups.count > MAX_LOOKUPS || !lookups.open.insert(key.clone()) {
                lookups.led_back = true;
                return Led::Elsewhere;
            }
        }
        let led = self.look_up(home, name);
        let mut lookups = self.lookups.borrow_mut();
        lookups.open.remove(&key);
        if lookups.open.is_empty() {
            lookups.count = 0;
            lookups.led_back = false;
        }
        if !lookups.led_back || led != Led::Elsewhere {
            lookups.known.insert(key, led.clone());
        }
        led
    }

    fn look_up(&self, home: &Home, name: &str) -> Led {
        let module = self.all.get(home);
        match module.and_then(|module| module.names.get(name)) {
            Some(Meaning::Own) => return Led::Own,
            // What is imported under its own name is a crate.
            Some(Meaning::Path(path)) if path.as_slice() != [name] => return self.follow(home, path),
            Some(Meaning::Path(_)) | None => {}
        }
        let child = home.child(name);
        if self.all.contains_key(&child) {
            return Led::Module(child);
        }
        if self.api.iter().any(|api| api == name) {
            return Led::Api(Vec::new());
        }
        for glob in module.iter().flat_map(|module| &module.globs) {
            let led = match self.follow(home, glob) {
                Led::Api(mut path) if self.types.has(&path, name) => {
                    path.push(name.to_owned());
                    Led::Api(path)
                }
                Led::Module(other) if other != *home => self.step(&other, name),
                Led::Api(_) | Led::Module(_) | Led::Own | Led::Elsewhere => Led::Elsewhere,
            };
            if led != Led::Elsewhere {
                return led;
            }
        }
        Led::Elsewhere
    }
}

/// Collects the imports of blocks: they are taken as their module's.
struct OfBlocks<'m>(&'m mut Module);

impl<'ast> Visit<'ast> for OfBlocks<'_> {
    fn visit_item_use(&mut self, it: &'ast ItemUse) {
        self.0.import(&it.tree);
    }

    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}
}

impl Module {
    fn own(&mut self, name: &syn::Ident) {
        self.names.insert(name.to_string(), Meaning::Own);
    }

    fn import(&mut self, tree: &UseTree) {
        for leaf in leaves(tree) {
            match leaf.name {
                Some(name) if name != "_" => {
                    self.names.insert(name, Meaning::Path(leaf.path));
                }
                Some(_) => {}
                None => self.globs.push(leaf.path),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_modules_as_cargo_has_them() {
        for (path, root, names) in [
            ("src/lib.rs", "src", vec![]),
            ("src/backend.rs", "src", vec!["backend"]),
            ("src/backend/memory.rs", "src", vec!["backend", "memory"]),
            ("src/backend/mod.rs", "src", vec!["backend"]),
            ("src/bin/tool.rs", "src/bin/tool", vec![]),
            ("tests/conformance.rs", "tests/conformance", vec![]),
            ("tests/zoo/main.rs", "tests/zoo", vec![]),
            ("tests/zoo/animal.rs", "tests/zoo", vec!["animal"]),
            ("build.rs", "build", vec![]),
        ] {
            let names = names.into_iter().map(str::to_owned).collect();
            assert_eq!(home(path), Home { root: root.to_owned(), path: names }, "{path}");
        }
    }
}
