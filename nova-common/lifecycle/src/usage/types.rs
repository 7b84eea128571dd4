//! The types that the API's signatures speak of: what a call gives, what a field is.

use std::collections::{BTreeMap, BTreeSet};

use crate::cycle::{Cycle, owner};
use crate::names::words;

/// What the API offers, as far as types can be followed through it.
#[derive(Debug)]
pub(super) struct Types<'a> {
    cycle: &'a Cycle,
    names: BTreeSet<&'a str>,
    /// The types and traits that have a method of a name.
    methods: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Types<'a> {
    /// Reads what a cycle offers.
    pub(super) fn of(cycle: &'a Cycle) -> Self {
        let mut names: BTreeSet<&str> = cycle.items.keys().map(|item| owner(item)).collect();
        // What a macro makes is known by its name: `name! HostName`.
        names.extend(cycle.items.keys().filter_map(|item| item.split_once("! ")).map(|(_, made)| made));
        names.extend(cycle.items.keys().filter_map(|item| item.strip_prefix("use ")));
        let mut methods: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (item, entry) in &cycle.items {
            if let Some((of, name)) = item.rsplit_once("::")
                && takes_self(&entry.signature)
            {
                methods.entry(name).or_default().push(owner(of));
            }
        }
        Self { cycle, names, methods }
    }

    /// Returns whether the API has a name: a type, or below one a variant.
    pub(super) fn has(&self, path: &[String], name: &str) -> bool {
        match path {
            [] => self.names.contains(name),
            [of] => {
                let signature = self.cycle.items.get(of).map(|entry| entry.signature.as_str());
                let member = self.cycle.items.contains_key(&format!("{of}::{name}"));
                member
                    || signature
                        .is_some_and(|it| !it.starts_with("trait") && words(it).any(|word| word == name))
            }
            _ => false,
        }
    }

    /// Returns whether a name is a trait of the API.
    pub(super) fn is_trait(&self, name: &str) -> bool {
        self.signature(name).is_some_and(|signature| signature.starts_with("trait"))
    }

    /// Returns the item that a path names: the longest that is known, such as `NodeDesc::new`.
    pub(super) fn item(&self, path: &[String]) -> Option<String> {
        let first = path.first()?;
        let member = path.get(1).map(|second| format!("{first}::{second}"));
        Some(member.filter(|member| self.signature(member).is_some()).unwrap_or_else(|| first.clone()))
    }

    /// Returns the item that a method of a type is.
    pub(super) fn method(&self, of: &str, name: &str) -> Option<String> {
        let owners = self.methods.get(name)?;
        owners.iter().find(|owner| **owner == of).map(|owner| format!("{owner}::{name}"))
    }

    /// Lists the items that a method of this name may be.
    pub(super) fn methods_named(&self, name: &str) -> Vec<String> {
        let owners = self.methods.get(name).into_iter().flatten();
        owners.map(|owner| format!("{owner}::{name}")).collect()
    }

    /// Returns the item that a field of a type is.
    pub(super) fn field(&self, of: &str, name: &str) -> Option<String> {
        Some(format!("{of}.{name}")).filter(|item| self.signature(item).is_some())
    }

    /// Returns the type of a field.
    pub(super) fn type_of_field(&self, item: &str) -> Option<String> {
        self.signature(item).and_then(|signature| self.plain(signature))
    }

    /// Returns what a function or method gives, as it is written: `Self` is its owner.
    pub(super) fn result_of(&self, item: &str) -> Option<String> {
        let (_, output) = self.signature(item)?.rsplit_once(" -> ")?;
        let of = owner(item);
        Some(replaced(output, "Self", of))
    }

    /// Returns the type of the API that a written type is: by itself or behind a reference.
    pub(super) fn plain(&self, written: &str) -> Option<String> {
        let bare = written.trim_start_matches(['&', ' ']).trim_start_matches("mut ");
        let known = self.names.contains(bare);
        known.then(|| bare.to_owned())
    }

    fn signature(&self, item: &str) -> Option<&'a str> {
        self.cycle.items.get(item).map(|entry| entry.signature.as_str())
    }
}

fn takes_self(signature: &str) -> bool {
    let arguments = signature.split_once('(').map_or("", |(_, arguments)| arguments);
    let first = arguments.split([',', ')', ':']).next().unwrap_or_default();
    signature.contains("fn ") && words(first).any(|word| word == "self")
}

/// Replaces a word of a signature.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let joins = |c: char| c.is_alphanumeric() || c == '_';
        let is_word = !before.ends_with(joins) && !after.starts_with(joins);
        out.push_str(before);
        out.push_str(if is_word { to } else { from });
        rest = after;
    }
    out + rest
}

/// Returns what is in a `Result` or an `Option`, as it is written.
pub(super) fn unwrapped(written: &str) -> Option<&str> {
    let inner = ["Result<", "Option<"].iter().find_map(|wrap| written.strip_prefix(wrap))?;
    let mut depth = 0_usize;
    for (at, sign) in inner.char_indices() {
        match sign {
            '<' | '(' | '[' => depth += 1,
            '>' | ',' if depth == 0 => return Some(&inner[..at]),
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Returns what a future gives, as it is written.
pub(super) fn awaited(written: &str) -> Option<&str> {
    let output = written.split_once("Output = ").map(|(_, output)| output)?;
    output.strip_suffix("> + Send").or_else(|| output.strip_suffix('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_futures_are_opened() {
        let future = "impl Future<Output = Result<Vec<NodeDesc>, NodesError>> + Send";
        assert_eq!(awaited(future), Some("Result<Vec<NodeDesc>, NodesError>"));
        assert_eq!(unwrapped(awaited(future).unwrap()), Some("Vec<NodeDesc>"));
        assert_eq!(unwrapped("Option<NodeDesc>"), Some("NodeDesc"));
        assert_eq!(unwrapped("NodeDesc"), None);
    }

    #[test]
    fn words_are_replaced_whole() {
        assert_eq!(replaced("Option<Self>, Selfish, self", "Self", "Node"), "Option<Node>, Selfish, self");
    }

    #[test]
    fn a_method_takes_itself() {
        assert!(takes_self("required fn f(&self, a: u8) -> u8"));
        assert!(takes_self("fn f(mut self) -> Self"));
        assert!(takes_self("fn f(self: Arc<Self>)"));
        assert!(!takes_self("fn f(name: NodeName) -> Self"));
        assert!(!takes_self("with 2 fields"));
    }
}
