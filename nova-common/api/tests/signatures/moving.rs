//! The cycle moves forward: what is deprecated leaves in its cycle, not later and not earlier.

use std::collections::BTreeSet;

use nova_lifecycle::rules::{self, Rule};
use nova_lifecycle::{ApiTree, CycleFile, Digest, Frozen};

use crate::tree;

/// This API with a facet that is deprecated in the cycle in the making, and the facet's trait: one that is, or else
/// `Pause`, as if it were.
fn deprecating() -> (ApiTree, String) {
    let mut tree = tree();
    let cycle = tree.cycle;
    if let Some(facet) = tree.head.facets.iter().find(|facet| facet.deprecated_in == Some(cycle)) {
        let name = facet.trait_name.clone();
        return (tree, name);
    }
    let pause = tree.head.facets.iter_mut().find(|facet| facet.trait_name == "Pause").unwrap();
    pause.deprecated_in = Some(cycle);
    pause.removed_in = Some(cycle + 1);
    pause.replacement = Some("PauseV2".to_owned());
    tree.head.items.get_mut("Pause").unwrap().deprecated_in = Some(cycle);
    tree.frozen.push(Frozen { cycle: cycle - 1, implements: BTreeSet::from(["Pause".to_owned()]) });
    (written(tree), "Pause".to_owned())
}

/// Raises the cycle by one: what was in the making is released.
fn raised(mut tree: ApiTree) -> ApiTree {
    tree.released.0.insert(tree.cycle, tree.files[&tree.cycle].digest);
    tree.cycle += 1;
    tree.version = format!("1.{}.0", tree.cycle - 1);
    written(tree)
}

/// Removes a trait and whatever cannot be said without it.
fn without(mut tree: ApiTree, name: &str) -> ApiTree {
    let has = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    // The next version of the facet has the capability of its name.
    let stays = |item: &str| item.starts_with("Capability::");
    tree.head.items.retain(|item, entry| stays(item) || (!has(item) && !has(&entry.signature)));
    tree.head.facets.retain(|facet| facet.trait_name != name);
    written(tree)
}

fn written(mut tree: ApiTree) -> ApiTree {
    let cycle = tree.head_cycle();
    let digest = Digest::of(&cycle.to_json());
    tree.files.insert(tree.cycle, CycleFile { cycle, digest });
    tree
}

fn broken(tree: &ApiTree) -> Vec<(Rule, String)> {
    rules::check(tree).into_iter().map(|breach| (breach.rule, breach.item)).collect()
}

#[test]
fn signatures_of_a_deprecated_facet_stay_for_a_full_cycle() {
    let (tree, name) = deprecating();
    assert_eq!(broken(&tree), []);
    let early = broken(&without(tree, &name));
    assert!(early.contains(&(Rule::FullCycle, name)), "{early:?}");
}

#[test]
fn signatures_of_a_facet_are_gone_in_the_cycle_it_was_to_leave_in() {
    let (tree, name) = deprecating();
    let tree = raised(tree);
    assert_eq!(broken(&tree), [(Rule::Overdue, name.clone())], "reached, but still there");
    assert_eq!(broken(&without(tree, &name)), []);
}

#[test]
fn signatures_of_a_deprecated_facet_need_a_frozen_driver() {
    let (mut tree, name) = deprecating();
    tree.frozen.clear();
    assert_eq!(broken(&tree), [(Rule::Frozen, name)]);
}

#[test]
fn signatures_of_a_released_cycle_never_change() {
    let mut tree = tree();
    let file = tree.files.get_mut(&1).unwrap();
    file.digest = Digest::of("another text");
    assert_eq!(broken(&tree), [(Rule::Released, "cycles/1.json".to_owned())]);
}

#[test]
fn signatures_of_a_cycle_that_ends_are_listed_with_their_digest() {
    let mut tree = raised(tree());
    let last = tree.cycle - 1;
    let digest = tree.released.0.remove(&last).unwrap();
    let told: Vec<_> =
        rules::check(&tree).into_iter().filter(|breach| breach.rule == Rule::Released).collect();
    assert!(told[0].text.contains(&format!("add the line `{last} {digest}`")), "{told:?}");
    assert_eq!(told.len(), 1);
}
