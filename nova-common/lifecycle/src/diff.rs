//! What the author of a driver does to follow the API from one cycle to another, in their words.

mod reach;
mod wording;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cycle::{Cycle, Entry, Facet, owner};
use crate::names::words;
use reach::Reach;

/// What a change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// Drivers that use the item do not work until they follow.
    Now,
    /// Drivers work until the item leaves.
    Soon,
    /// Nothing.
    Nothing,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it asks for.
    pub asks: Asks,
    /// The item; of a facet, its trait.
    pub item: String,
    /// The facet that it concerns, such as `volumes v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facet: Option<String>,
    /// The cycle that is without the item at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_in: Option<u32>,
    /// The methods of drivers whose arguments or answers it concerns.
    pub methods: Vec<String>,
    /// What changes, and what to do.
    pub text: String,
}

/// Lists what changes from one cycle to another: what is to do at once first.
pub fn diff(old: &Cycle, new: &Cycle) -> Vec<Change> {
    let differ = Differ { old, new, reach: Reach::of([old, new]) };
    let mut changes = differ.facets();
    changes.extend(differ.items());
    changes.sort_by(|a, b| (a.asks, &a.item).cmp(&(b.asks, &b.item)));
    changes
}

struct Differ<'a> {
    old: &'a Cycle,
    new: &'a Cycle,
    reach: Reach<'a>,
}

impl Differ<'_> {
    fn facets(&self) -> Vec<Change> {
        let same = |a: &Facet, b: &Facet| (&a.name, a.version) == (&b.name, b.version);
        let mut changes = Vec::new();
        for is in &self.new.facets {
            let was = self.old.facets.iter().find(|was| same(was, is));
            let is_leaving = |facet: &Facet| facet.deprecated_in.is_some();
            match was {
                None => changes.push(self.facet(Asks::Nothing, is, self.offered(is))),
                Some(was) if is_leaving(is) && !is_leaving(was) => {
                    changes.push(self.facet(Asks::Soon, is, self.deprecated(is)));
                }
                Some(was) if is.removed_in != was.removed_in => {
                    let until =
                        is.removed_in.map_or("for good".to_owned(), |cycle| format!("until cycle {cycle}"));
                    let text = format!("`{}` ({}) stays {until}", is.trait_name, is.title());
                    changes.push(self.facet(Asks::Nothing, is, text));
                }
                Some(_) => {}
            }
        }
        let gone = self.old.facets.iter().filter(|was| !self.new.facets.iter().any(|is| same(was, is)));
        changes.extend(gone.map(|was| self.facet(Asks::Now, was, self.gone(was))));
        changes
    }

    fn facet(&self, asks: Asks, facet: &Facet, text: String) -> Change {
        Change {
            asks,
            item: facet.trait_name.clone(),
            facet: Some(facet.title()),
            leaves_in: facet.removed_in.filter(|_| asks == Asks::Soon),
            methods: self.reach.accessors(&facet.trait_name),
            text,
        }
    }

    fn offered(&self, is: &Facet) -> String {
        let older = self.new.facets.iter().find(|other| other.name == is.name && other.version < is.version);
        let name = &is.trait_name;
        match older {
            Some(older) => format!(
                "new: `{name}` ({}) beside `{}`: nothing to do at once; implement it instead",
                is.title(),
                older.trait_name
            ),
            None => format!("new: facet `{}`: nothing to do; implement `{name}` to offer it", is.name),
        }
    }

    /// Says what to implement instead of a facet.
    fn instead(&self, of: &Facet) -> String {
        let Some(other) = &of.replacement else { return "nothing takes its place".to_owned() };
        let title = self.new.facet_of(other).map(|facet| format!(" ({})", facet.title())).unwrap_or_default();
        let by = self.reach.accessors(other).into_iter().next();
        let by = by.map(|accessor| format!(" and return it from `{accessor}`")).unwrap_or_default();
        format!("implement `{other}`{title} instead{by}")
    }

    fn deprecated(&self, is: &Facet) -> String {
        let leaves = is.removed_in.map(|cycle| format!("; it leaves in cycle {cycle}")).unwrap_or_default();
        let adapted = self.new.facets.iter().any(|other| other.adapts.as_ref() == Some(&is.trait_name));
        let adapted = if adapted { ", and works through an adapter until then" } else { "" };
        format!("`{}` ({}) is deprecated: {}{leaves}{adapted}", is.trait_name, is.title(), self.instead(is))
    }

    fn gone(&self, was: &Facet) -> String {
        format!("`{}` ({}) is gone: {}", was.trait_name, was.title(), self.instead(was))
    }

    fn items(&self) -> Vec<Change> {
        let told = |item: &str| !item.starts_with("macro ") && !item.starts_with("use ");
        let names: BTreeSet<&String> = self.old.items.keys().chain(self.new.items.keys()).collect();
        let names = names.into_iter().filter(|item| told(item));
        names.filter_map(|item| self.item(item)).collect()
    }

    fn item(&self, item: &str) -> Option<Change> {
        let (asks, text) = match (self.old.items.get(item), self.new.items.get(item)) {
            (Some(was), None) => (Asks::Now, self.gone_item(item, was)?),
            (None, Some(is)) => self.new_item(item, is)?,
            (Some(was), Some(is)) => changed_item(item, was, is)?,
            (None, None) => return None,
        };
        let facet = [self.new, self.old].iter().find_map(|cycle| cycle.facet_of(owner(item)));
        // A facet tells of itself.
        if facet.is_some_and(|facet| facet.trait_name == item && !text.contains("trait")) {
            return None;
        }
        let is = self.new.items.get(item);
        let leaves_in =
            is.and_then(|is| is.deprecated_in).map(|cycle| cycle + 1).filter(|_| asks == Asks::Soon);
        let methods = self.reach.methods(item);
        Some(Change { asks, item: item.to_owned(), facet: facet.map(Facet::title), leaves_in, methods, text })
    }

    /// Returns whether what an item belongs to or names is told to have come or gone.
    fn is_part_of<'i>(item: &'i str, signature: &'i str, whole: &Cycle, lacking: &Cycle) -> bool {
        let one_sided =
            |word: &str| word != item && whole.items.contains_key(word) && !lacking.items.contains_key(word);
        let cannot_be_without = item.starts_with("impl ") || signature.contains("&impl ");
        words(item).any(one_sided) || (cannot_be_without && words(signature).any(one_sided))
    }

    fn gone_item(&self, item: &str, was: &Entry) -> Option<String> {
        if Self::is_part_of(item, &was.signature, self.old, self.new) {
            return None;
        }
        let note = was.note.clone().unwrap_or_else(|| "nothing is said to take its place".to_owned());
        Some(format!("`{item}` is gone: {note}"))
    }

    fn new_item(&self, item: &str, is: &Entry) -> Option<(Asks, String)> {
        if Self::is_part_of(item, &is.signature, self.new, self.old) {
            return None;
        }
        if is.signature.starts_with("required ") {
            return Some((Asks::Now, format!("`{item}` is new and has no default: implement it")));
        }
        let text = if is.signature.starts_with("provided ") {
            format!("new: `{item}` has a default: nothing to do")
        } else if let Some((what, of)) = item.strip_prefix("impl ").and_then(|it| it.split_once(" for ")) {
            format!("new: `{of}` is `{what}`: nothing to do")
        } else {
            format!("new: `{item}`: nothing to do")
        };
        Some((Asks::Nothing, text))
    }
}

fn changed_item(item: &str, was: &Entry, is: &Entry) -> Option<(Asks, String)> {
    if was.signature != is.signature {
        let (asks, text) = wording::changed(item, &was.signature, &is.signature);
        return Some((asks, text));
    }
    let since = is.deprecated_in.filter(|_| was.deprecated_in.is_none())?;
    let note = is.note.clone().unwrap_or_else(|| "nothing is said to take its place".to_owned());
    Some((Asks::Soon, format!("`{item}` is deprecated: {note}; it may leave in cycle {}", since + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, Surface};

    const OLD: &str = r#"
        #[driver_facet(name = "driver", version = 1, since = 1, base)]
        pub trait Driver: Send {
            fn create(&self, call: &Call, request: Request) -> impl Future<Output = Result<Created, CreateError>> + Send;
            fn nodes(&self) -> impl Future<Output = Result<Vec<Node>, NodesError>> + Send;
            fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }
        }
        #[driver_facet(name = "volumes", version = 1, since = 1)]
        pub trait Volumes: Send { fn attach(&self, call: &Call, volume: u32) -> impl Future<Output = Done> + Send; }
        #[non_exhaustive]
        pub struct Node { pub name: String, pub memory: MiB }
        impl Node { pub fn memory_mb(self, memory: u64) -> Self { self } }
        pub struct MiB(pub u64);
        #[non_exhaustive]
        pub struct Request { pub size: MiB }
        pub enum Power { On, Off }
        #[derive(ApiError)]
        pub enum CreateError { #[recovery(Reject)] Power(Power), #[recovery(RetrySameNode)] Backend(BackendError) }
    "#;

    fn cycle(text: &str, cycle: u32) -> Cycle {
        let source = Source { path: "src/lib.rs".to_owned(), text: text.to_owned() };
        Surface::read(&[source]).unwrap().at(cycle, "1.0.0")
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        let changes = diff(&cycle(old, 2), &cycle(new, 3));
        changes.iter().map(|it| format!("{:?}: {} [{}]", it.asks, it.text, it.methods.join(" "))).collect()
    }

    fn after(edits: &[(&str, &str)]) -> Vec<String> {
        let mut new = OLD.to_owned();
        for (from, to) in edits {
            assert_eq!(new.matches(from).count(), 1, "{from}");
            new = new.replace(from, to);
        }
        told(OLD, &new)
    }

    #[test]
    fn nothing_changes_where_nothing_does() {
        assert_eq!(told(OLD, OLD), [""; 0]);
    }

    #[test]
    fn a_facet_that_goes_on_as_another_is_told_with_all_that_is_to_do() {
        let v2 = r#"#[driver_facet(name = "volumes", version = 2, since = 3, adapts = "Volumes")]
            pub trait VolumesV2: Send { fn attach(&self, call: &Call, volume: VolumeId) -> impl Future<Output = Done> + Send; }
            impl<T: Volumes> VolumesV2 for T {}
            #[non_exhaustive]"#;
        let volumes = "name = \"volumes\", version = 1, since = 1";
        let leaving = format!("{volumes}, deprecated_in = 3, removed_in = 4, replacement = \"VolumesV2\"");
        let v2_too = "fn volumes_v2(&self) -> Option<&impl VolumesV2> { self.volumes() } fn volumes(";
        let edits = [
            ("#[non_exhaustive]\n        pub struct Node", &*format!("{v2} pub struct Node")),
            (volumes, &leaving),
            ("fn volumes(", v2_too),
        ];
        let both = after(&edits);
        assert_eq!(
            both,
            [
                "Soon: `Volumes` (volumes v1) is deprecated: implement `VolumesV2` (volumes v2) instead and return it from \
                 `Driver::volumes_v2`; it leaves in cycle 4, and works through an adapter until then [Driver::volumes]",
                "Nothing: new: `VolumesV2` (volumes v2) beside `Volumes`: nothing to do at once; implement it instead \
                 [Driver::volumes_v2]",
            ]
        );
        let mut with_both = OLD.to_owned();
        for (from, to) in edits {
            with_both = with_both.replace(from, to);
        }
        let (before, rest) = with_both.split_once("#[driver_facet(name = \"volumes\", version = 1").unwrap();
        let (_, rest) = rest.split_once("#[driver_facet(name = \"volumes\", version = 2").unwrap();
        let without = format!("{before}#[driver_facet(name = \"volumes\", version = 2{rest}");
        let without = without.replace("fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }", "");
        let without = without.replace("impl<T: Volumes> VolumesV2 for T {}", "");
        assert_eq!(
            told(&with_both, &without),
            [
                "Now: `Volumes` (volumes v1) is gone: implement `VolumesV2` (volumes v2) instead and return it from \
              `Driver::volumes_v2` [Driver::volumes]"
            ]
        );
    }

    #[test]
    fn each_change_is_told_with_what_to_do_and_the_methods_it_concerns() {
        let note = "#[deprecated(since = \"1.2.0\", note = \"use `memory(MiB(…))`\")] pub fn memory_mb";
        for (from, to, expected) in [
            (
                "pub fn memory_mb",
                note,
                "Soon: `Node::memory_mb` is deprecated: use `memory(MiB(…))`; it may leave in cycle 4 [Driver::nodes]",
            ),
            (
                "request: Request",
                "request: Wanted",
                "Now: `Driver::create` takes `Wanted` for `request` instead of `Request` [Driver::create]",
            ),
            (
                "request: Request",
                "request: Request, hard: bool",
                "Now: `Driver::create` takes 4 arguments instead of 3: `hard: bool` is new [Driver::create]",
            ),
            (
                "Vec<Node>",
                "Vec<NodeV2>",
                "Now: `Driver::nodes` gives `Result<Vec<NodeV2>, NodesError>` instead of `Result<Vec<Node>, NodesError>` [Driver::nodes]",
            ),
            (
                "NodesError>> + Send",
                "NodesError>>",
                "Now: `Driver::nodes` gives a future that is not `Send` [Driver::nodes]",
            ),
            (
                "pub memory: MiB",
                "pub memory: u64",
                "Now: `Node.memory` is `u64` instead of `MiB` [Driver::nodes]",
            ),
            (
                "On, Off",
                "On, Off, Paused",
                "Now: `Power` has the new variant `Paused`: add an arm where you match on it [Driver::create]",
            ),
            ("On, Off", "On", "Now: `Power` has no variant `Off` any more [Driver::create]"),
            (
                "#[recovery(Reject)]",
                "#[recovery(Reschedule)]",
                "Now: `CreateError::Power` is answered with `Reschedule` instead of `Reject`: see that you return it only where that is right [Driver::create]",
            ),
            (
                "pub name: String",
                "pub name: String, pub busy: bool",
                "Nothing: new: `Node.busy`: nothing to do [Driver::nodes]",
            ),
            (
                "fn nodes",
                "fn stop(&self); fn nodes",
                "Now: `Driver::stop` is new and has no default: implement it [Driver::stop]",
            ),
            (
                "fn nodes",
                "fn stop(&self) {} fn nodes",
                "Nothing: new: `Driver::stop` has a default: nothing to do [Driver::stop]",
            ),
            (
                "pub struct MiB",
                "#[derive(Clone)] pub struct MiB",
                "Nothing: new: `MiB` is `Clone`: nothing to do [Driver::create Driver::nodes]",
            ),
            (
                "trait Driver: Send",
                "trait Driver: Send + Sync",
                "Now: the trait `Driver` asks for `Send + Sync` instead of `Send` []",
            ),
        ] {
            assert_eq!(after(&[(from, to)]), [expected]);
        }
        let console = "#[driver_facet(name = \"console\", version = 1, since = 3)] pub trait Console { fn open(&self); } pub struct MiB";
        assert_eq!(
            after(&[("pub struct MiB", console)]),
            ["Nothing: new: facet `console`: nothing to do; implement `Console` to offer it []"]
        );
        let gone = "impl Node { pub fn memory_mb(self, memory: u64) -> Self { self } }";
        assert_eq!(
            after(&[(gone, "")]),
            ["Now: `Node::memory_mb` is gone: nothing is said to take its place [Driver::nodes]"]
        );
    }
}
