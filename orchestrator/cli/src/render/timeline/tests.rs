//! Charts of outcomes made by hand: what is drawn, and what is left out and said.

use crossgate_core::ids::ChangeId;
use crossgate_simulator::Outcome;

use super::*;
use crate::render::fixture;

fn many(count: usize) -> Outcome {
    let mut outcome = fixture::outcome();
    let first = outcome.builds[0].clone();
    let build = |n: usize| {
        let mut build = first.clone();
        build.change = ChangeId::parse(&format!("change-{}", n / 2)).unwrap();
        build
    };
    outcome.builds = (0..count).map(build).collect();
    outcome
}

#[test]
fn the_chart_is_as_recorded() {
    insta::assert_snapshot!("timeline", svg(&fixture::outcome()));
}

#[test]
fn nothing_from_outside_is_markup() {
    let mut outcome = fixture::outcome();
    outcome.scenario = "</text><script>&\"'\u{1}\u{ffff}".to_owned();
    outcome.reports[0].text = "]]><x/>".to_owned();
    let svg = svg(&outcome);
    assert!(!svg.contains("<script") && !svg.contains("<x") && !svg.contains(['\u{1}', '\u{ffff}']), "{svg}");
    assert!(svg.contains("&lt;script&gt;&amp;&quot;"), "{svg}");
}

#[test]
fn the_chart_is_bounded_and_says_what_is_left_out() {
    let svg = svg(&many(5_000));
    assert_eq!(svg.matches("<g class=\"build candidate").count(), 992 + 1);
    assert!(svg.contains("5000 builds; 4008 later builds left out; 504 later changes left out"), "{svg}");
    assert!(svg.len() < 1_000_000, "{}", svg.len());
}

#[test]
fn nothing_that_happened_is_drawn_too() {
    let mut outcome = many(0);
    outcome.reports.clear();
    outcome.landed.clear();
    outcome.ended = "0s".to_owned();
    assert!(svg(&outcome).contains("ended 0s, 0 landed, 0 builds"));
}
