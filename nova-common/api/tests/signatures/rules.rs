//! What may change from one cycle to the next.

use crate::dump::{Entry, Signatures};

/// Lists, in words for the author, what of `last` no longer works in `head`.
pub(crate) fn broken(last: &Signatures, head: &Signatures, head_cycle: u32) -> Vec<String> {
    let kept = last.0.iter().filter(|(item, _)| !item.starts_with("macro "));
    let mut broken: Vec<_> =
        kept.filter_map(|(item, was)| broken_item(item, was, head.0.get(item), head_cycle)).collect();
    for (item, is) in &head.0 {
        let owner = item.split_once("::").map(|(owner, _)| owner);
        let of_old_trait =
            owner.and_then(|owner| last.0.get(owner)).is_some_and(|it| it.signature.starts_with("trait"));
        if of_old_trait && is.signature.starts_with("required ") && !last.0.contains_key(item) {
            broken.push(format!("  `{item}` is new and required: give it a default, or make it a facet"));
        }
    }
    broken
}

fn broken_item(item: &str, was: &Entry, is: Option<&Entry>, head_cycle: u32) -> Option<String> {
    let next = head_cycle + 1;
    let Some(is) = is else {
        let too_early = format!(
            "  `{item}` is gone without a cycle of deprecation: bring it back as deprecated since \
             1.{}.0, offer the new call beside it, and remove it in cycle {next}",
            head_cycle - 1,
        );
        return was.deprecated_in.is_none().then_some(too_early);
    };
    if is.signature != was.signature {
        let (was, is) = (&was.signature, &is.signature);
        return Some(format!(
            "  `{item}` has changed: offer the new form under a new name beside it\n    was: {was}\n    is:  {is}"
        ));
    }
    let backdated = was.deprecated_in.is_none() && is.deprecated_in.is_some_and(|cycle| cycle != head_cycle);
    backdated.then(|| format!("  `{item}` is deprecated only now: say since 1.{}.0", head_cycle - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: &str = r#"
        pub trait Driver: Send {
            fn start(&self, id: u32) -> impl Future<Output = u8> + Send;
            #[deprecated(since = "1.0.0", note = "use start")]
            fn boot(&self) {}
        }
        #[non_exhaustive]
        pub struct Node { pub size: u64 }
        pub struct Pair { pub left: u8 }
        pub enum Power { On, Off }
        pub fn plain() {}
        closed! { StartError { Backend(BackendError) => RetrySameNode, } }
    "#;

    fn after(from: &str, to: &str) -> Vec<String> {
        assert_eq!(LAST.matches(from).count(), 1, "{from}");
        broken(&Signatures::of_source(LAST), &Signatures::of_source(&LAST.replace(from, to)), 2)
    }

    #[test]
    fn signatures_that_stay_or_grow_are_fine() {
        let deprecated = "#[deprecated(since = \"1.1.0\", note = \"use start\")] pub fn plain() {}";
        for (from, to) in [
            ("pub fn plain() {}", "pub fn plain() {} pub fn more() {}"),
            ("pub fn plain() {}", "/// Documented.\npub fn plain() { work(); }"),
            ("pub fn plain() {}", deprecated),
            ("pub size: u64", "pub size: u64, pub shape: u8"),
            ("fn boot(&self) {}", "fn boot(&self) {} fn stop(&self) {}"),
            ("#[deprecated(since = \"1.0.0\", note = \"use start\")]\n            fn boot(&self) {}", ""),
        ] {
            assert_eq!(after(from, to), Vec::<String>::new(), "{to}");
        }
    }

    #[test]
    fn signatures_that_break_a_driver_are_named() {
        let backdated = "#[deprecated(since = \"1.0.0\", note = \"\")] pub fn plain() {}";
        for (what, from, to, item) in [
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
                "`Driver::stop` is new",
            ),
            ("arity", "id: u32", "id: u32, hard: bool", "`Driver::start` has changed"),
            ("parameter type", "id: u32", "id: u64", "`Driver::start` has changed"),
            ("return type", "Output = u8", "Output = u16", "`Driver::start` has changed"),
            ("dropped Send", "<Output = u8> + Send", "<Output = u8>", "`Driver::start` has changed"),
            ("new supertrait", "trait Driver: Send", "trait Driver: Send + Sync", "`Driver` has changed"),
            ("field type", "pub size: u64", "pub size: u32", "`Node.size` has changed"),
            ("field of a literal", "pub left: u8", "pub left: u8, pub right: u8", "`Pair` has changed"),
            ("variant of a closed enum", "On, Off", "On, Paused, Off", "`Power` has changed"),
            (
                "variant of a closed error",
                "=> RetrySameNode,",
                "=> RetrySameNode, Late(Late) => Reject,",
                "`closed! StartError` has changed",
            ),
            ("shortened deprecation", "pub fn plain() {}", backdated, "`plain` is deprecated only now"),
        ] {
            let broken = after(from, to);
            assert!(matches!(&broken[..], [one] if one.contains(item)), "{what}: {broken:?}");
        }
    }
}
