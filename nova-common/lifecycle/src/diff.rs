//! What the author of a driver does to follow the API from one cycle to another, in their words.

mod reach;
#[cfg(test)]
mod tests;
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
                // What came and is leaving already is nothing to begin with.
                None if is_leaving(is) => {}
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
        let older = self.old.facets.iter().find(|other| other.name == is.name && other.version < is.version);
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
            (Some(was), Some(is)) => self.changed_item(item, was, is)?,
            (None, None) => return None,
        };
        let facet = [self.new, self.old].iter().find_map(|cycle| cycle.facet_of(owner(item)));
        let (was, is) = (self.old.items.get(item), self.new.items.get(item));
        // Facets have told when they come and go.
        let has_changed = was.zip(is).is_some_and(|(was, is)| was.signature != is.signature);
        if !has_changed && facet.is_some_and(|facet| facet.trait_name == item) {
            return None;
        }
        let leaves_in = is.and_then(|is| is.deprecated_in).filter(|_| asks == Asks::Soon);
        let leaves_in = leaves_in.map(|cycle| (cycle + 1).max(self.new.cycle));
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
        // What a macro makes of its own names asks nothing: its uses are told.
        if item.starts_with("made by ") || Self::is_part_of(item, &is.signature, self.new, self.old) {
            return None;
        }
        if is.signature.starts_with("required ") {
            return Some((Asks::Now, format!("`{item}` is new and has no default: implement it")));
        }
        // What a macro makes is known by its name: `name! VolumeId`. Of what is there already, it makes nothing new.
        let made = item.split_once("! ").map(|(_, made)| made);
        if made.is_some_and(|made| self.new.items.contains_key(made)) {
            return None;
        }
        let item = made.unwrap_or(item);
        let text = if is.signature.starts_with("provided ") {
            format!("new: `{item}` has a default: nothing to do")
        } else if let Some((what, of)) = item.strip_prefix("impl ").and_then(|it| it.split_once(" for ")) {
            format!("new: `{of}` is `{what}`: nothing to do")
        } else {
            format!("new: `{item}`: nothing to do")
        };
        Some((Asks::Nothing, text))
    }

    fn changed_item(&self, item: &str, was: &Entry, is: &Entry) -> Option<(Asks, String)> {
        if was.signature != is.signature {
            return Some(wording::changed(item, &was.signature, &is.signature));
        }
        // The files of cycles in which nothing of this was recorded say nothing of it.
        if let Some((was, is)) = was.terms.as_ref().zip(is.terms.as_ref()).filter(|(was, is)| was != is) {
            return Some((
                Asks::Now,
                format!("`{item}` was with `{was}` and is with `{is}`: check each use"),
            ));
        }
        let since = is.deprecated_in?;
        // An accessor goes with its facet, which is told.
        let leads_to = is.signature.split_once("&impl ").map_or("", |(_, name)| name.trim_end_matches('>'));
        if self.new.facet_of(leads_to).is_some_and(|facet| facet.deprecated_in.is_some()) {
            return None;
        }
        let note = is.note.clone().unwrap_or_else(|| "nothing is said to take its place".to_owned());
        let leaves = (since + 1).max(self.new.cycle);
        let since = if was.deprecated_in.is_some() { format!(" since cycle {since}") } else { String::new() };
        Some((Asks::Soon, format!("`{item}` is deprecated{since}: {note}; it may leave in cycle {leaves}")))
    }
}
