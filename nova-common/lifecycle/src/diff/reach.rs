//! Which methods of drivers a type reaches: those that take or give it, or something that holds it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cycle::{Cycle, owner};
use crate::names::words;

/// What of the API holds what.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    /// The types that have a type in a field or a variant.
    holders: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The methods of facets, with the words of their signatures.
    methods: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Reach<'a> {
    /// Reads cycles.
    pub(super) fn of(cycles: [&'a Cycle; 2]) -> Self {
        let mut reach = Self { holders: BTreeMap::new(), methods: BTreeMap::new() };
        for cycle in cycles {
            for (item, entry) in cycle.items.iter().filter(|(item, _)| !item.contains(' ')) {
                reach.add(item, &entry.signature, cycle);
            }
        }
        reach
    }

    fn add(&mut self, item: &'a str, signature: &'a str, cycle: &'a Cycle) {
        let of = owner(item);
        if cycle.facet_of(of).is_some() {
            if of != item {
                self.methods.entry(item).or_default().extend(words(signature));
            }
        } else if !signature.contains("fn ") {
            for word in words(signature).filter(|word| *word != of) {
                self.holders.entry(word).or_default().insert(of);
            }
        }
    }

    /// Lists the methods that an item concerns.
    pub(super) fn methods(&self, item: &str) -> Vec<String> {
        if self.methods.contains_key(item) {
            return vec![item.to_owned()];
        }
        let name = item.rsplit_once(" for ").map_or(item, |(_, of)| of);
        let name = name.strip_prefix("object ").unwrap_or(name);
        let (mut reached, mut open) = (BTreeSet::from([owner(name)]), vec![owner(name)]);
        while let Some(next) = open.pop() {
            let holders = self.holders.get(next).into_iter().flatten();
            open.extend(holders.filter(|holder| reached.insert(**holder)));
        }
        let concerned = self.methods.iter().filter(|(_, words)| !words.is_disjoint(&reached));
        concerned.map(|(method, _)| (*method).to_owned()).collect()
    }

    /// Lists the methods that a driver offers a facet by: `fn volumes(&self) -> Option<&impl Volumes>`.
    pub(super) fn accessors(&self, trait_name: &str) -> Vec<String> {
        let naming =
            self.methods.iter().filter(|(_, words)| words.contains(trait_name) && words.contains("impl"));
        naming.filter(|(_, words)| words.contains("Option")).map(|(method, _)| (*method).to_owned()).collect()
    }
}
