//! `REFERENCE.md` is what the API says of itself. Write it anew with
//! `UPDATE_REFERENCE=1 cargo test -p nova-api --test reference`.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use nova_api::{
    AttachRequest, AttachedVolume, ConsoleEndpoint, ConsoleOutput, CreateRequest, Created, DestroyRequest,
    DiagnosticsReport, DriverEvent, DriverInfo, FACETS, Facet, HostContext, InstanceInfo, InstanceSummary,
    InventoryReport, Method, MigrateEndRequest, MigrateInRequest, MigrateOutRequest, MigrationPayload,
    NodeDesc, Object, ProviderView, Recovery, SnapshotRequest, SnapshotTaken, Volume,
};

const HEAD: &str = "# The driver API, call by call

What the source says of itself, in tables: every facet with its calls, what can be wrong with each and what the
caller does about it, and every object with its fields. Events, `offers`, enums and the types of fields are in the
crate's documentation (`cargo doc --open --package nova-api`). Made by the tests of this crate; do not edit.

Calls with a *repetition* change something: they take `&Call`, and the same `op_id` is the same operation.

| the caller | does |
|---|---|
| `RetrySameNode` | the same again, later |
| `Reschedule` | the same on another node |
| `Reject` | gives up and tells the user |
| `VerifyThenDecide` | asks what is there now: it may have happened |
| `FenceLost` | stops: another agent holds the node |
";

fn facet(out: &mut String, facet: &Facet) {
    let Facet { name, version, trait_name, summary, since, fingerprint, .. } = facet;
    writeln!(out, "\n## `{trait_name}`: {name}, version {version}\n").unwrap();
    writeln!(out, "{summary} Since cycle {since}; fingerprint `{fingerprint:016x}`.").unwrap();
    if let Some(leaving) = &facet.leaving {
        let (from, until, instead) = (leaving.deprecated_in, leaving.removed_in, leaving.replacement);
        writeln!(out, "\n**Deprecated in cycle {from}, leaves in cycle {until}**: implement `{instead}`.")
            .unwrap();
    }
    for Method { name, signature, summary, repeated, error } in facet.methods {
        writeln!(out, "\n### `{name}`\n\n{summary}\n\n```text\n{signature}\n```\n").unwrap();
        if let Some(repeated) = repeated {
            writeln!(out, "Repetition: {repeated}.\n").unwrap();
        }
        writeln!(out, "| `{}` | when | the caller |\n|---|---|---|", error.name).unwrap();
        for condition in error.conditions {
            let recovery: Recovery = condition.recovery;
            writeln!(out, "| `{}` | {} | `{recovery:?}` |", condition.variant, condition.meaning).unwrap();
        }
    }
}

fn object<T: Object>(out: &mut String) {
    writeln!(out, "\n### `{}` {}\n\n{}\n", T::NAME, T::VERSION, T::SUMMARY).unwrap();
    writeln!(out, "| field | type | is | since |\n|---|---|---|---|").unwrap();
    for field in T::FIELDS {
        writeln!(out, "| `{}` | `{}` | {} | {} |", field.name, field.shape, field.summary, field.since)
            .unwrap();
    }
}

fn reference() -> String {
    let mut out = HEAD.to_owned();
    for one in FACETS {
        facet(&mut out, one);
    }
    out.push_str("\n## Objects\n\nOn the wire each has a field `object: { name, version }` too.\n");
    object::<HostContext>(&mut out);
    object::<DriverInfo>(&mut out);
    object::<NodeDesc>(&mut out);
    object::<ProviderView>(&mut out);
    object::<InventoryReport>(&mut out);
    object::<CreateRequest>(&mut out);
    object::<Created>(&mut out);
    object::<DestroyRequest>(&mut out);
    object::<InstanceSummary>(&mut out);
    object::<InstanceInfo>(&mut out);
    object::<DriverEvent>(&mut out);
    object::<ConsoleOutput>(&mut out);
    object::<ConsoleEndpoint>(&mut out);
    object::<DiagnosticsReport>(&mut out);
    object::<Volume>(&mut out);
    object::<AttachRequest>(&mut out);
    object::<AttachedVolume>(&mut out);
    object::<SnapshotRequest>(&mut out);
    object::<SnapshotTaken>(&mut out);
    object::<MigrateOutRequest>(&mut out);
    object::<MigrateInRequest>(&mut out);
    object::<MigrateEndRequest>(&mut out);
    object::<MigrationPayload>(&mut out);
    out
}

#[test]
fn the_reference_says_what_the_source_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    let reference = reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&file, &reference).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let differing = committed.lines().zip(reference.lines()).find(|(old, new)| old != new);
    let same = committed == reference;
    assert!(
        same,
        "`REFERENCE.md` is old, first at {differing:?}: run UPDATE_REFERENCE=1 cargo test -p nova-api --test reference"
    );
}

#[test]
fn every_facet_differs_from_every_other() {
    for (number, one) in FACETS.iter().enumerate() {
        for other in &FACETS[number + 1..] {
            assert_ne!(one.fingerprint, other.fingerprint, "{} and {}", one.trait_name, other.trait_name);
            assert_ne!((one.name, one.version), (other.name, other.version));
        }
    }
}

#[test]
fn the_readme_shows_what_the_api_is_built_with() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--package", "nova-api", "--edges", "normal", "--format", "{lib}"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        include_str!("../README.md").contains(&format!("```text\n{tree}```")),
        "README.md shows another tree:\n{tree}"
    );
}
