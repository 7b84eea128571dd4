//! The life of facets: deprecated for a full cycle, with a driver that shows that they still work, and gone in time.

use super::{Breach, Rule};
use crate::cycle::{Cycle, Facet};
use crate::tree::Frozen;

/// Lists facets that were to be gone by now.
pub(super) fn overdue(head: &Cycle) -> Vec<Breach> {
    let late = head.facets.iter().filter(|facet| facet.removed_in.is_some_and(|cycle| cycle <= head.cycle));
    let told = late.map(|facet| {
        let (name, cycle) = (&facet.trait_name, facet.removed_in.unwrap_or_default());
        let text =
            format!("`{name}` was to leave in cycle {cycle}, and this is cycle {}: remove it", head.cycle);
        Breach::new(Rule::Overdue, name, text)
    });
    told.collect()
}

/// Lists facets whose life differs from what the last cycle said of it.
pub(super) fn shortened(last: &Cycle, head: &Cycle) -> Vec<Breach> {
    let told = head.facets.iter().filter_map(|is| {
        let was = last.facets.iter().find(|was| (&was.name, was.version) == (&is.name, is.version));
        let text = was.map_or_else(|| born(is, head.cycle), |was| goes_on(was, is, head.cycle))?;
        Some(Breach::new(Rule::FullCycle, &is.trait_name, format!("`{}` {text}", is.trait_name)))
    });
    let gone = last.facets.iter().filter(|was| {
        let same = |is: &&Facet| (&was.name, was.version) == (&is.name, is.version);
        head.items.contains_key(&was.trait_name) && !head.facets.iter().any(|is| same(&is))
    });
    let gone = gone.map(|was| {
        let text =
            format!("`{}` was the facet {}: say `#[driver_facet(…)]` as it did", was.trait_name, was.title());
        Breach::new(Rule::Unchanged, &was.trait_name, text)
    });
    told.chain(gone).collect()
}

fn born(is: &Facet, head: u32) -> Option<String> {
    if is.since != head {
        return Some(format!("is new: say `since = {head}`"));
    }
    is.deprecated_in.map(|_| "is new and deprecated: drivers cannot have it yet".to_owned())
}

fn goes_on(was: &Facet, is: &Facet, head: u32) -> Option<String> {
    if was.since != is.since {
        return Some(format!("has been there since cycle {}: leave that as it is", was.since));
    }
    match (was.deprecated_in, is.deprecated_in) {
        (None, Some(cycle)) if cycle != head => {
            Some(format!("is deprecated only now: say `deprecated_in = {head}`"))
        }
        (None, Some(_)) if is.removed_in.is_none_or(|cycle| cycle <= head) => {
            Some(format!("leaves without a full cycle of deprecation: say `removed_in = {}`", head + 1))
        }
        (Some(was), Some(is)) if was != is => {
            Some(format!("has been deprecated since cycle {was}: leave that as it is"))
        }
        (Some(_), Some(_)) if is.removed_in < was.removed_in => {
            let cycle = was.removed_in.unwrap_or_default();
            Some(format!("was to stay until cycle {cycle}: drivers rely on that, so leave it as it is"))
        }
        (_, None | Some(_)) => None,
    }
}

/// Lists deprecated facets that no frozen driver of an earlier cycle uses.
pub(super) fn unfrozen(head: &Cycle, frozen: &[Frozen]) -> Vec<Breach> {
    let deprecated = head.facets.iter().filter_map(|facet| Some((facet, facet.deprecated_in?)));
    let is_used = |facet: &Facet, since: u32| {
        frozen.iter().any(|driver| driver.cycle < since && driver.implements.contains(&facet.trait_name))
    };
    let unused = deprecated.filter(|(facet, since)| !is_used(facet, *since));
    let told = unused.map(|(facet, since)| {
        let name = &facet.trait_name;
        let text = format!(
            "`{name}` is deprecated, and the frozen driver does not implement it: let it do so, as a driver of cycle {}",
            since.saturating_sub(1)
        );
        Breach::new(Rule::Frozen, name, text)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn volumes() -> Facet {
        Facet {
            name: "volumes".to_owned(),
            version: 1,
            trait_name: "Volumes".to_owned(),
            since: 1,
            deprecated_in: Some(3),
            removed_in: Some(4),
            replacement: Some("VolumesV2".to_owned()),
            adapts: None,
            base: false,
            fingerprint: String::new(),
        }
    }

    fn cycle(cycle: u32, facets: &[Facet]) -> Cycle {
        Cycle { cycle, version: String::new(), facets: facets.to_vec(), items: BTreeMap::new() }
    }

    fn told(broken: Vec<Breach>) -> String {
        broken.into_iter().map(|breach| breach.text).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_life_of_a_facet_is_kept_to() {
        let fresh = || Facet { deprecated_in: None, removed_in: None, replacement: None, ..volumes() };
        for (was, is, expected) in [
            (Some(fresh()), volumes(), ""),
            (None, fresh(), "`Volumes` is new: say `since = 3`"),
            (None, Facet { since: 3, ..fresh() }, ""),
            (
                None,
                Facet { since: 3, ..volumes() },
                "`Volumes` is new and deprecated: drivers cannot have it yet",
            ),
            (
                Some(fresh()),
                Facet { deprecated_in: Some(2), ..volumes() },
                "`Volumes` is deprecated only now: say `deprecated_in = 3`",
            ),
            (
                Some(fresh()),
                Facet { removed_in: Some(3), ..volumes() },
                "`Volumes` leaves without a full cycle of deprecation: say `removed_in = 4`",
            ),
            (
                Some(fresh()),
                Facet { since: 2, ..fresh() },
                "`Volumes` has been there since cycle 1: leave that as it is",
            ),
        ] {
            let last = cycle(2, was.as_slice());
            assert_eq!(told(shortened(&last, &cycle(3, &[is]))), expected);
        }
        let last = cycle(3, &[Facet { removed_in: Some(5), ..volumes() }]);
        assert!(told(shortened(&last, &cycle(4, &[volumes()]))).contains("was to stay until cycle 5"));
        let last = cycle(3, &[volumes()]);
        let moved = Facet { deprecated_in: Some(2), ..volumes() };
        assert!(told(shortened(&last, &cycle(4, &[moved]))).contains("deprecated since cycle 3"));
    }

    #[test]
    fn what_was_to_leave_has_left_by_its_cycle() {
        assert_eq!(told(overdue(&cycle(3, &[volumes()]))), "");
        let late = told(overdue(&cycle(4, &[volumes()])));
        assert_eq!(late, "`Volumes` was to leave in cycle 4, and this is cycle 4: remove it");
    }

    #[test]
    fn a_frozen_driver_of_an_earlier_cycle_uses_what_is_deprecated() {
        let frozen = |cycle, name: &str| Frozen { cycle, implements: BTreeSet::from([name.to_owned()]) };
        let head = cycle(3, &[volumes()]);
        assert_eq!(told(unfrozen(&head, &[frozen(2, "Volumes")])), "");
        for wrong in [vec![], vec![frozen(3, "Volumes")], vec![frozen(2, "Pause")]] {
            assert!(told(unfrozen(&head, &wrong)).contains("as a driver of cycle 2"), "{wrong:?}");
        }
    }
}
