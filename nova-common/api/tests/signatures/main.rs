//! The life cycle of the API: what it offers is committed, and leaves only after a cycle of deprecation.
//!
//! `cycles/N.json` holds what cycle *N* offers. The file of the cycle in the making is head's: it must say what the
//! source says. The others are released and never change. Write head's file anew with
//! `UPDATE_SIGNATURES=1 cargo test -p nova-api --test signatures`.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

mod breaks;
mod moving;

use std::fs;
use std::path::Path;

use nova_lifecycle::rules::{self, Breach};
use nova_lifecycle::{ApiTree, Facet};
use serde_json::Value;

/// Reads this crate, with the committed files of its cycles.
fn tree() -> ApiTree {
    ApiTree::read(Path::new(env!("CARGO_MANIFEST_DIR")), env!("CARGO_PKG_VERSION"))
        .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

fn told(broken: &[Breach]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn signatures_hold() {
    if std::env::var_os("UPDATE_SIGNATURES").is_some() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let head = ApiTree::offered(top, env!("CARGO_PKG_VERSION")).unwrap();
        fs::write(top.join(format!("cycles/{}.json", head.cycle)), head.to_json()).unwrap();
    }
    let broken = rules::check(&tree());
    assert!(
        broken.is_empty(),
        "rules of the API's life cycle are broken:\n{}\nhead's file is written anew by \
         `UPDATE_SIGNATURES=1 cargo test -p nova-api --test signatures`",
        told(&broken)
    );
}

#[test]
fn signatures_describe_the_facets_as_the_api_does() {
    let described = nova_api::FACETS.iter().map(|facet| {
        let facet = serde_json::to_value(facet).unwrap();
        let keys = [
            "name",
            "version",
            "trait_name",
            "since",
            "deprecated_in",
            "removed_in",
            "replacement",
            "fingerprint",
        ];
        keys.map(|key| facet.get(key).cloned().unwrap_or(Value::Null))
    });
    let mut described: Vec<_> = described.collect();
    described.sort_by_key(|facet| facet[0].to_string() + &facet[1].to_string());
    let read = tree().head.facets.into_iter().map(|facet| {
        let Facet {
            name,
            version,
            trait_name,
            since,
            deprecated_in,
            removed_in,
            replacement,
            fingerprint,
            ..
        } = facet;
        [
            name.into(),
            version.into(),
            trait_name.into(),
            since.into(),
            deprecated_in.into(),
            removed_in.into(),
            replacement.into(),
            fingerprint.into(),
        ]
    });
    let mut read: Vec<[Value; 8]> = read.collect();
    read.sort_by_key(|facet| facet[0].to_string() + &facet[1].to_string());
    assert_eq!(described, read);
}
