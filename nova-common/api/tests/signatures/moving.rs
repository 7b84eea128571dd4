//! The cycle moves forward: what is deprecated leaves in its cycle, not later and not earlier.

use std::collections::BTreeSet;

use nova_lifecycle::rules::{self, Rule};
use nova_lifecycle::{ApiTree, CycleFile, Digest, Frozen};

use crate::tree;

/// This API with the facet `Pause` deprecated in the cycle in the making, as if its file were written.
fn deprecating() -> ApiTree {
    let mut tree = tree();
    let cycle = tree.cycle;
    let pause = tree.head.facets.iter_mut().find(|facet| facet.trait_name == "Pause").unwrap();
    pause.deprecated_in = Some(cycle);
    pause.removed_in = Some(cycle + 1);
    pause.replacement = Some("PauseV2".to_owned());
    tree.head.items.get_mut("Pause").unwrap().deprecated_in = Some(cycle);
    tree.frozen.push(Frozen { cycle: cycle - 1, implements: BTreeSet::from(["Pause".to_owned()]) });
    written(tree)
}

/// Raises the cycle by one: what was in the making is released.
fn raised(mut tree: ApiTree) -> ApiTree {
    tree.released.0.insert(tree.cycle, tree.files[&tree.cycle].digest);
    tree.cycle += 1;
    tree.version = format!("1.{}.0", tree.cycle - 1);
    // Whatever else was to leave in this cycle has left.
    let cycle = tree.cycle;
    let is_pause = |name: &str| name == "Pause";
    let others = tree.head.facets.iter().filter(|facet| facet.removed_in == Some(cycle));
    let others: Vec<_> =
        others.map(|facet| facet.trait_name.clone()).filter(|name| !is_pause(name)).collect();
    for name in others {
        remove(&mut tree, &name);
    }
    written(tree)
}

/// Removes a trait and whatever cannot be said without it.
fn remove(tree: &mut ApiTree, trait_name: &str) {
    let has =
        |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == trait_name);
    tree.head.items.retain(|item, entry| !has(item) && !has(&entry.signature));
    tree.head.facets.retain(|facet| facet.trait_name != trait_name);
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
    let tree = deprecating();
    assert_eq!(broken(&tree), []);
    let mut early = tree;
    remove(&mut early, "Pause");
    let early = broken(&written(early));
    assert!(early.contains(&(Rule::FullCycle, "Pause".to_owned())), "{early:?}");
    assert!(early.contains(&(Rule::FullCycle, "Pause::pause".to_owned())), "{early:?}");
}

#[test]
fn signatures_of_a_facet_are_gone_in_the_cycle_it_was_to_leave_in() {
    let mut tree = raised(deprecating());
    assert_eq!(broken(&tree), [(Rule::Overdue, "Pause".to_owned())], "reached, but still there");
    remove(&mut tree, "Pause");
    assert_eq!(broken(&written(tree)), []);
}

#[test]
fn signatures_of_a_deprecated_facet_need_a_frozen_driver() {
    let mut tree = deprecating();
    tree.frozen.clear();
    let broken = broken(&tree);
    assert!(broken.contains(&(Rule::Frozen, "Pause".to_owned())), "{broken:?}");
}

#[test]
fn signatures_of_a_released_cycle_never_change() {
    let mut tree = tree();
    let file = tree.files.get_mut(&1).unwrap();
    file.digest = Digest::of("another text");
    assert_eq!(broken(&tree), [(Rule::Released, "cycles/1.json".to_owned())]);
}
