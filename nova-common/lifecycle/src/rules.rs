//! What may become of the API: what holds between what it offers, what is committed and what is released.

mod change;
mod life;

use std::fmt;

use serde::Serialize;

use crate::cycle::{Cycle, Entry, Items};
use crate::source::Place;
use crate::tree::ApiTree;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The committed file of the cycle in the making says what the source says.
    Committed,
    /// The files of released cycles never change.
    Released,
    /// What drivers of the last cycle use stays as it is.
    Unchanged,
    /// Nothing leaves, or is bound to leave, before a full cycle of deprecation.
    FullCycle,
    /// What was to leave has left.
    Overdue,
    /// What is deprecated is used by a frozen driver, so that it is known to work until it leaves.
    Frozen,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// The item, the facet's trait or the file that breaks it.
    pub item: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// What is wrong and what to do, as a text of one or several lines.
    pub text: String,
}

impl Breach {
    fn new(rule: Rule, item: &str, text: impl Into<String>) -> Self {
        Self { rule, item: item.to_owned(), at: None, text: text.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{at}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Checks every rule, and lists what breaks one by rule and item.
pub fn check(tree: &ApiTree) -> Vec<Breach> {
    let head = tree.head_cycle();
    let mut broken = committed(tree, &head);
    broken.extend(released(tree));
    if let Some(last) = tree.files.get(&tree.cycle.saturating_sub(1)) {
        broken.extend(between(&last.cycle, &head));
    }
    broken.extend(life::overdue(&head));
    broken.extend(life::unfrozen(&head, &tree.frozen));
    for breach in &mut broken {
        breach.at = tree.head.place(&breach.item).cloned();
    }
    broken.sort_by(|a, b| (a.rule, &a.item, &a.text).cmp(&(b.rule, &b.item, &b.text)));
    broken
}

/// Lists what of one cycle no longer holds in the next.
pub fn between(last: &Cycle, head: &Cycle) -> Vec<Breach> {
    let mut broken = change::changed(last, head);
    broken.extend(life::shortened(last, head));
    broken
}

fn committed(tree: &ApiTree, head: &Cycle) -> Vec<Breach> {
    let Some(file) = tree.files.get(&tree.cycle) else {
        let text = format!("`cycles/{}.json` is missing: write it from the source", tree.cycle);
        return vec![Breach::new(Rule::Committed, &format!("cycles/{}.json", tree.cycle), text)];
    };
    let (told, is) = (&file.cycle, head);
    let mut broken = differences(&told.items, &is.items, tree.cycle);
    let differs = |what: &str| {
        let text = format!("`cycles/{}.json` has other {what} than the source: write it anew", tree.cycle);
        Breach::new(Rule::Committed, &format!("cycles/{}.json", tree.cycle), text)
    };
    broken.extend((told.facets != is.facets).then(|| differs("facets")));
    broken.extend(((told.cycle, &told.version) != (is.cycle, &is.version)).then(|| differs("numbers")));
    broken
}

fn differences(told: &Items, is: &Items, cycle: u32) -> Vec<Breach> {
    let one = |item: &String, says: String| {
        let text = format!("`{item}` {says}; if the change is meant, write `cycles/{cycle}.json` anew");
        Breach::new(Rule::Committed, item, text)
    };
    let words = |entry: &Entry| {
        let since = entry.deprecated_in.map(|since| format!(", deprecated in cycle {since}"));
        format!("`{}`{}", entry.signature, since.unwrap_or_default())
    };
    let gone = told.iter().filter(|(item, _)| !is.contains_key(*item));
    let gone = gone.map(|(item, _)| one(item, "is committed and not in the source".to_owned()));
    let new = is.iter().filter(|(item, _)| !told.contains_key(*item));
    let new = new.map(|(item, _)| one(item, "is in the source and not committed".to_owned()));
    let both = is.iter().filter_map(|(item, is)| Some((item, told.get(item)?, is)));
    let other = both
        .filter(|(_, told, is)| told != is)
        .map(|(item, told, is)| one(item, format!("is committed as {} and is {}", words(told), words(is))));
    gone.chain(new).chain(other).collect()
}

fn released(tree: &ApiTree) -> Vec<Breach> {
    let breach =
        |cycle: u32, text: String| Breach::new(Rule::Released, &format!("cycles/{cycle}.json"), text);
    let mut broken = Vec::new();
    for cycle in 1..tree.cycle {
        if let Some(file) = tree.files.get(&cycle).filter(|_| !tree.released.0.contains_key(&cycle)) {
            let line = format!("{cycle} {}", file.digest);
            let text = format!("cycle {cycle} is released: add the line `{line}` to `cycles/RELEASED`");
            broken.push(breach(cycle, text));
        } else if !tree.files.contains_key(&cycle) {
            broken.push(breach(cycle, format!("`cycles/{cycle}.json` is released and gone: restore it")));
        }
    }
    for (&cycle, expected) in &tree.released.0 {
        if cycle >= tree.cycle {
            let text = format!("`cycles/RELEASED` lists cycle {cycle}, which is not released yet");
            broken.push(breach(cycle, text));
            continue;
        }
        match tree.files.get(&cycle) {
            Some(file) if file.digest != *expected => {
                let text = format!(
                    "`cycles/{cycle}.json` is released and has changed: restore it (its digest is {}, and was {expected})",
                    file.digest
                );
                broken.push(breach(cycle, text));
            }
            Some(_) | None => {}
        }
    }
    broken
}
