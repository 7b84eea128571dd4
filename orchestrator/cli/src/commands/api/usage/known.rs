//! What is known of the items of the API: of head, and of what the last cycle had and head has not.

use crossgate_core::suggest::nearest;
use nova_lifecycle::{ApiTree, Cycle, Facet, owner};
use serde::Serialize;

use crate::commands::api::core::ApiCrate;
use crate::error::{CliError, chain};

/// The API, with what has just left it.
#[derive(Debug)]
pub(super) struct Known {
    cycle: Cycle,
    head: Cycle,
}

/// What becomes of an item.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Life {
    /// The facet that it is of, such as `volumes v1`.
    pub(super) facet: Option<String>,
    /// The cycle that deprecated it.
    pub(super) deprecated_in: Option<u32>,
    /// The cycle that is without it at the earliest.
    pub(super) leaves_in: Option<u32>,
    /// Whether it is said to leave then, and not only free to.
    #[serde(skip)]
    pub(super) is_promised: bool,
    /// Whether head is without it.
    pub(super) gone: bool,
    /// What to do instead.
    pub(super) instead: Option<String>,
}

impl Known {
    /// Reads the source of the API and the file of its last cycle.
    ///
    /// # Errors
    /// A usage error that says what cannot be read.
    pub(super) fn of(api: &ApiCrate) -> Result<Self, CliError> {
        let head = ApiTree::offered(&api.dir, &api.version);
        let head = head.map_err(|error| {
            CliError::usage(chain(&error), "the source of the API must be whole before its uses can be found")
        })?;
        let mut cycle = head.clone();
        if head.cycle > 1 {
            let last = api.cycle(head.cycle - 1)?;
            for (item, entry) in last.items {
                cycle.items.entry(item).or_insert(entry);
            }
            let gone = last.facets.into_iter().filter(|facet| head.facet_of(&facet.trait_name).is_none());
            cycle.facets.extend(gone);
        }
        Ok(Self { cycle, head })
    }

    /// Returns everything that a driver may use.
    pub(super) fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// Returns what becomes of an item.
    pub(super) fn life(&self, item: &str) -> Life {
        let facet = self.cycle.facet_of(owner(item));
        let entry = self.cycle.items.get(item).filter(|entry| entry.deprecated_in.is_some());
        let deprecated_in = facet.and_then(|it| it.deprecated_in).or(entry.and_then(|it| it.deprecated_in));
        let promised = facet.and_then(|it| it.removed_in);
        let at_the_earliest = deprecated_in.map(|cycle| (cycle + 1).max(self.head.cycle));
        let instead =
            facet.and_then(|it| it.replacement.as_ref()).map(|other| format!("implement `{other}`"));
        Life {
            facet: facet.map(Facet::title),
            deprecated_in,
            leaves_in: promised.or(at_the_earliest),
            is_promised: promised.is_some(),
            gone: self.cycle.items.contains_key(item) && !self.head.items.contains_key(item),
            instead: instead.or_else(|| entry.and_then(|it| it.note.clone())),
        }
    }

    /// Returns whether somebody who asks for a name means an item.
    pub(super) fn is_meant(&self, item: &str, wanted: &str) -> bool {
        let of = owner(item);
        let facet = self.cycle.facet_of(of);
        item == wanted
            || of == wanted
            || facet.is_some_and(|facet| facet.name == wanted || facet.title() == wanted)
    }

    /// Checks that the API has what somebody asks for.
    ///
    /// # Errors
    /// A usage error with the nearest name.
    pub(super) fn expect(&self, wanted: &str) -> Result<(), CliError> {
        let made = |item: &str| item.split_once("! ").map(|(_, made)| made.to_owned());
        let facets = self.cycle.facets.iter().map(|facet| facet.name.clone());
        let of_macros = self.cycle.items.keys().filter_map(|item| made(item));
        let plain = self.cycle.items.keys().filter(|item| !item.contains(' ')).cloned();
        let names: Vec<String> = facets.chain(of_macros).chain(plain).collect();
        if names.iter().any(|name| name == wanted || self.is_meant(name, wanted)) {
            return Ok(());
        }
        let hint = match nearest(wanted, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "such as `NodeDesc`, `NodeDesc::new` or the name of a facet".to_owned(),
        };
        Err(CliError::usage(format!("the API has no item `{wanted}`"), hint))
    }
}
