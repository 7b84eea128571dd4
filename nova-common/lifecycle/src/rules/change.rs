//! What drivers of the last cycle use stays as it is.

use std::collections::BTreeSet;

use super::{Breach, Rule};
use crate::cycle::{Cycle, Entry, owner};
use crate::names::words;

/// Lists what of the last cycle is gone too early or has another shape.
pub(super) fn changed(last: &Cycle, head: &Cycle) -> Vec<Breach> {
    let leaving = Leaving::of(last, head.cycle);
    let kept = last.items.iter().filter(|(item, _)| !item.starts_with("macro "));
    let mut broken: Vec<_> = kept
        .filter_map(|(item, was)| match head.items.get(item) {
            None if leaving.lets_go(item, was) => None,
            None => Some(gone(item, head.cycle)),
            Some(is) => differs(item, was, is).or_else(|| {
                // A facet's life stands in its own line.
                let is_facet = head.facet_of(item).is_some();
                if is_facet { None } else { moved(item, was, is, head.cycle) }
            }),
        })
        .collect();
    broken.extend(unannounced(last, head));
    for (item, is) in &head.items {
        let of_old_trait =
            last.items.get(owner(item)).is_some_and(|owner| owner.signature.starts_with("trait"));
        if of_old_trait && is.signature.starts_with("required ") && !last.items.contains_key(item) {
            let text = format!("`{item}` is new and required: give it a default, or make it a facet");
            broken.push(Breach::new(Rule::Unchanged, item, text));
        }
    }
    broken
}

/// Lists new fields of objects that have no new version: whoever reads it with an older writer's version fails.
fn unannounced(last: &Cycle, head: &Cycle) -> Vec<Breach> {
    let fields = head.items.iter().filter(|(item, _)| item.contains('.') && !last.items.contains_key(*item));
    let told = fields.filter_map(|(item, is)| {
        let object = format!("object {}", owner(item));
        let (was, now) = (&last.items.get(&object)?.signature, &head.items.get(&object)?.signature);
        let has_default = is.terms.as_ref().is_some_and(|terms| terms.contains("serde(default"));
        if was != now && has_default {
            return None;
        }
        let text = format!(
            "`{item}` is new in an object of version {was}, whose writers leave it out: give it `#[serde(default)]` and \
             the object a greater minor version, and say `#[api(since = …)]`"
        );
        Some(Breach::new(Rule::Unchanged, item, text))
    });
    told.collect()
}

/// What may be gone: what was deprecated, what belongs to it, and what cannot be said without it.
struct Leaving<'a>(BTreeSet<&'a str>, &'a Cycle);

impl<'a> Leaving<'a> {
    fn of(last: &'a Cycle, head: u32) -> Self {
        let promised = |item: &str| {
            let facet = last.facet_of(item);
            facet.and_then(|facet| facet.removed_in).is_some_and(|removed_in| removed_in > head)
        };
        let deprecated = last.items.iter().filter(|(_, entry)| entry.deprecated_in.is_some());
        let items = deprecated.map(|(item, _)| item.as_str()).filter(|item| !promised(item));
        Self(items.collect(), last)
    }

    fn lets_go(&self, item: &str, was: &Entry) -> bool {
        let is_type = |word: &str| self.0.contains(word) && self.1.items.contains_key(word);
        // A member called like what leaves, as a variant may be, is not of it.
        let (of, member) = item.split_once("::").filter(|_| !item.starts_with("impl ")).unwrap_or((item, ""));
        let says = was.signature.strip_prefix(member).unwrap_or(&was.signature);
        self.0.contains(item) || words(of).chain(words(says)).any(is_type)
    }
}

fn gone(item: &str, head: u32) -> Breach {
    let text = format!(
        "`{item}` is gone without a full cycle of deprecation: bring it back as deprecated since 1.{}.0, offer \
         the new call beside it, and remove it in cycle {}",
        head - 1,
        head + 1,
    );
    Breach::new(Rule::FullCycle, item, text)
}

fn differs(item: &str, was: &Entry, is: &Entry) -> Option<Breach> {
    if item.starts_with("object ") {
        return (!grows(&was.signature, &is.signature)).then(|| {
            let (was, is) = (&was.signature, &is.signature);
            let text = format!(
                "`{item}` has version {is} after {was}: readers of the last cycle take a greater minor, and nothing else"
            );
            Breach::new(Rule::Unchanged, item, text)
        });
    }
    let with_default = was.signature.strip_prefix("required ").zip(is.signature.strip_prefix("provided "));
    if is.signature != was.signature && with_default.is_none_or(|(was, is)| was != is) {
        let (was, is) = (&was.signature, &is.signature);
        let text = format!(
            "`{item}` has changed: offer the new form under a new name beside it\n  was: {was}\n  is:  {is}"
        );
        return Some(Breach::new(Rule::Unchanged, item, text));
    }
    if was.terms != is.terms {
        let told = |terms: &Option<String>| terms.clone().unwrap_or_else(|| "nothing".to_owned());
        let text = format!(
            "`{item}` has changed beside its signature: leave that as it is\n  was: {}\n  is:  {}",
            told(&was.terms),
            told(&is.terms)
        );
        return Some(Breach::new(Rule::Unchanged, item, text));
    }
    None
}

/// Says what is wrong with the cycle that an item is said to be deprecated since.
fn moved(item: &str, was: &Entry, is: &Entry, head: u32) -> Option<Breach> {
    let since = is.deprecated_in?;
    match was.deprecated_in {
        None if since != head => {
            let text = format!("`{item}` is deprecated only now: say since 1.{}.0", head - 1);
            Some(Breach::new(Rule::FullCycle, item, text))
        }
        Some(was) if since != was => {
            let text = format!("`{item}` has been deprecated since 1.{}.0: leave that as it is", was - 1);
            Some(Breach::new(Rule::FullCycle, item, text))
        }
        None | Some(_) => None,
    }
}

/// Returns whether readers of one version of an object take the other.
fn grows(was: &str, is: &str) -> bool {
    let parse = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    parse(was).zip(parse(is)).is_some_and(|(was, is)| was.0 == is.0 && was.1 <= is.1)
}

#[cfg(test)]
mod tests {
    use crate::rules::between;
    use crate::surface::Surface;
    use crate::{Cycle, Source};

    const LAST: &str = r#"
        #[driver_facet(name = "driver", version = 1, since = 1, base)]
        pub trait Driver: Send {
            fn start(&self, id: u32) -> impl Future<Output = u8> + Send;
            #[deprecated(since = "1.0.0", note = "use start")]
            fn boot(&self) {}
            fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }
        }
        #[driver_facet(
            name = "volumes", version = 1, since = 1, deprecated_in = 2, removed_in = 3, replacement = "VolumesV2"
        )]
        pub trait Volumes: Send {
            fn attach(&self, call: &Call);
        }
        #[derive(ApiObject)]
        #[api(version = "1.1")]
        #[non_exhaustive]
        pub struct Node { object: Header<Self>, pub size: u64 }
        pub struct Pair { pub left: u8 }
        pub enum Power { On, Off }
        pub fn plain() {}
        pub const MOST: usize = 5;
        pub struct Holder<T>(T);
        impl<T> Holder<T> { pub fn new(it: T) -> Self { Self(it) } }
        impl<T> Iterator for Holder<T> { type Item = T; }
        macro_rules! name {
            ($(#[$doc:meta])* $name:ident, $what:literal) => {
                $(#[$doc])*
                #[derive(Clone, Debug)]
                pub struct $name(String);
                impl $name { pub fn as_str(&self) -> &str { concat!($what) } }
                impl From<$name> for String { fn from(it: $name) -> Self { it.0 } }
            };
        }
        name! { Id, "id" }
        #[derive(ApiError)]
        pub enum StartError { #[recovery(RetrySameNode)] Backend(BackendError) }
    "#;

    fn cycle(text: &str, cycle: u32) -> Cycle {
        let source = Source { path: "src/lib.rs".to_owned(), text: text.to_owned() };
        Surface::read(&[source]).unwrap().at(cycle, "1.0.0")
    }

    fn after(from: &str, to: &str) -> Vec<String> {
        assert_eq!(LAST.matches(from).count(), 1, "{from}");
        let broken = between(&cycle(LAST, 2), &cycle(&LAST.replace(from, to), 3));
        broken.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_stays_or_grows_is_fine() {
        let deprecated = "#[deprecated(since = \"1.2.0\", note = \"use start\")] pub fn plain() {}";
        for (from, to) in [
            ("pub fn plain() {}", "pub fn plain() {} pub fn more() {}"),
            ("pub fn plain() {}", "/// Documented.\npub fn plain() { work(); }"),
            ("pub fn plain() {}", deprecated),
            ("\"1.1\"", "\"1.2\""),
            (
                "\"1.1\")]\n        #[non_exhaustive]\n        pub struct Node { object: Header<Self>,",
                "\"1.2\")]\n        #[non_exhaustive]\n        pub struct Node { object: Header<Self>, #[serde(default)] pub shape: u8,",
            ),
            ("fn boot(&self) {}", "fn boot(&self) {} fn stop(&self) {}"),
            (
                "id: u32) -> impl Future<Output = u8> + Send;",
                "id: u32) -> impl Future<Output = u8> + Send { go() }",
            ),
            ("#[deprecated(since = \"1.0.0\", note = \"use start\")]\n            fn boot(&self) {}", ""),
        ] {
            assert_eq!(after(from, to), Vec::<String>::new(), "{to}");
        }
    }

    #[test]
    fn a_deprecated_facet_leaves_with_all_that_names_it() {
        let (before, rest) = LAST.split_once("#[driver_facet(\n").unwrap();
        let after = rest.split_once("#[derive(ApiObject)]").unwrap().1;
        let without = format!("{before}#[derive(ApiObject)]{after}");
        let without = without.replace("fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }", "");
        assert_eq!(between(&cycle(LAST, 2), &cycle(&without, 3)), []);
        let kept = "#[non_exhaustive] pub enum Capability { Pause, Volumes }";
        let lost = without.clone() + &kept.replace(", Volumes", "");
        let told: Vec<_> = between(&cycle(&(LAST.to_owned() + kept), 2), &cycle(&lost, 3))
            .into_iter()
            .map(|it| it.item)
            .collect();
        assert_eq!(told, ["Capability::Volumes"], "a variant stays that is only called like it");
        let longer = LAST.replace("removed_in = 3", "removed_in = 4");
        let early: Vec<_> =
            between(&cycle(&longer, 2), &cycle(&without, 3)).into_iter().map(|it| it.item).collect();
        assert_eq!(early, ["Driver::volumes", "Volumes", "Volumes::attach", "impl Volumes for Absent"]);
    }

    const BACKDATED: &str = "#[deprecated(since = \"1.0.0\", note = \"\")] pub fn plain() {}";

    /// What breaks, a text, what takes its place, and what is said of it.
    const BREAKS: &[(&str, &str, &str, &str)] = &[
        ("function removed", "pub fn plain() {}", "", "`plain` is gone"),
        (
            "method removed",
            "fn start(&self, id: u32) -> impl Future<Output = u8> + Send;",
            "",
            "`Driver::start` is gone",
        ),
        (
            "added without default",
            "fn boot(&self) {}",
            "fn boot(&self) {} fn stop(&self);",
            "`Driver::stop` is new and required",
        ),
        ("arity", "id: u32", "id: u32, hard: bool", "`Driver::start` has changed"),
        ("parameter type", "id: u32", "id: u64", "`Driver::start` has changed"),
        ("return type", "Output = u8", "Output = u16", "`Driver::start` has changed"),
        ("dropped Send", "<Output = u8> + Send", "<Output = u8>", "`Driver::start` has changed"),
        ("new supertrait", "trait Driver: Send", "trait Driver: Send + Sync", "`Driver` has changed"),
        ("field type", "pub size: u64", "pub size: u32", "`Node.size` has changed"),
        (
            "field of an object of the same version",
            "pub size: u64",
            "pub size: u64, pub shape: u8",
            "`Node.shape` is new",
        ),
        (
            "name on the wire",
            "pub size: u64",
            "#[serde(rename = \"bytes\")] pub size: u64",
            "`Node.size` has changed",
        ),
        ("way of writing", "pub enum Power", "#[serde(untagged)] pub enum Power", "`Power` has changed"),
        ("number of a variant", "On, Off", "On, Off = 7", "`Power` has changed"),
        ("variant that may grow", "On, Off", "On, #[non_exhaustive] Off", "`Power` has changed"),
        ("layout", "pub enum Power", "#[repr(u8)] pub enum Power", "`Power` has changed"),
        ("condition", "pub fn plain", "#[cfg(feature = \"more\")] pub fn plain", "`plain` has changed"),
        (
            "demand of a trait",
            "trait Driver: Send {",
            "trait Driver: Send where Self: Clone {",
            "`Driver` has changed",
        ),
        ("unsafe trait", "pub trait Driver", "pub unsafe trait Driver", "`Driver` has changed"),
        (
            "demand of an impl",
            "impl<T> Holder<T>",
            "impl<T: Clone> Holder<T>",
            "`Holder<T>::new` has changed",
        ),
        (
            "demand of a trait's impl",
            "for Holder<T> {",
            "for Holder<T> where T: Clone {",
            "`impl Iterator for Holder<T>` has changed",
        ),
        (
            "type of a trait's impl",
            "type Item = T",
            "type Item = u8",
            "`impl Iterator for Holder<T>` has changed",
        ),
        ("value", "usize = 5", "usize = 6", "`MOST` has changed"),
        ("method that a macro makes", "pub fn as_str", "fn as_str", "`made by name: name::as_str` is gone"),
        (
            "trait that a macro implements",
            "derive(Clone, Debug)",
            "derive(Debug)",
            "`made by name: impl Clone for name` is gone",
        ),
        ("field of a literal", "pub left: u8", "pub left: u8, pub right: u8", "`Pair` has changed"),
        ("variant of a closed enum", "On, Off", "On, Paused, Off", "`Power` has changed"),
        (
            "variant of a closed error",
            "Backend(BackendError) }",
            "Backend(BackendError), #[recovery(Reject)] Late(Late) }",
            "`StartError` has changed",
        ),
        ("recovery", "RetrySameNode", "Reject", "`StartError::Backend` has changed"),
        ("object's major", "\"1.1\"", "\"2.0\"", "`object Node` has version 2.0 after 1.1"),
        ("object's minor", "\"1.1\"", "\"1.0\"", "`object Node` has version 1.0 after 1.1"),
        ("backdated deprecation", "pub fn plain() {}", BACKDATED, "`plain` is deprecated only now"),
        (
            "another deprecation",
            "since = \"1.0.0\", note = \"use",
            "since = \"1.1.0\", note = \"use",
            "`Driver::boot` has been deprecated since 1.0.0",
        ),
        ("shortened deprecation", "removed_in = 3", "removed_in = 2", "`Volumes` was to stay until cycle 3"),
    ];

    #[test]
    fn what_breaks_a_driver_is_named() {
        for (what, from, to, item) in BREAKS {
            let broken = after(from, to);
            assert!(matches!(&broken[..], [one] if one.starts_with(item)), "{what}: {broken:?}");
        }
    }
}
