//! Who may depend on whom: `ARCHITECTURE.md` and this table say the same, and cargo says what is so.

#![expect(clippy::unwrap_used, reason = "what cargo prints must be as it is documented")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Every crate of the workspace, and those of the workspace that it may be built with. Arrows point down to the core;
/// adapters do not know each other; only `server` and `cli` wire them; `nova-common` knows nothing of the
/// orchestrator, which knows of it what `nova-lifecycle` reads.
const DRAWN: &[(&str, &[&str])] = &[
    ("crossgate-core", &[]),
    ("crossgate-config", &["crossgate-core"]),
    ("crossgate-vcs", &["crossgate-core"]),
    ("crossgate-runner", &["crossgate-core"]),
    ("crossgate-simulator", &["crossgate-core"]),
    ("crossgate-server", &["crossgate-core", "crossgate-config", "crossgate-vcs", "crossgate-runner"]),
    (
        "crossgate",
        &[
            "crossgate-core",
            "crossgate-config",
            "crossgate-vcs",
            "crossgate-runner",
            "crossgate-server",
            "crossgate-simulator",
            // What a cycle of the API offers and who uses it is data; nothing of the API itself is in the program.
            "nova-lifecycle",
        ],
    ),
    ("nova-macros", &[]),
    ("nova-lifecycle", &[]),
    ("nova-api", &["nova-macros"]),
    ("nova-conformance", &["nova-api"]),
    ("nova-driver-frozen", &["nova-api", "nova-conformance"]),
    // Its stories know the program as people do.
    ("crossgate-tests", &[]),
];

/// Edges of tests alone: what they need is not in the program.
const DRAWN_FOR_TESTS: &[(&str, &str)] = &[
    // Workspaces in tables of plans are written as people write them.
    ("crossgate-core", "crossgate-config"),
    // Histories are drawn as scenario files, so that one that fails can be read and kept.
    ("crossgate-simulator", "crossgate-config"),
    // What a call costs is measured on a driver in memory.
    ("crossgate-tests", "nova-api"),
    ("crossgate-tests", "nova-driver-frozen"),
    // The API is held to the rules of its life cycle, and is built without them.
    ("nova-api", "nova-lifecycle"),
];

/// What the core may be built with: pure computation.
const PURE: &[&str] =
    &["globset", "jiff", "minijinja", "petgraph", "serde", "serde_json", "sha2", "strsim", "thiserror"];

/// What must not be below the core, however far down: runtimes, sockets, randomness, databases, git.
const IMPURE: &[&str] = &[
    "async-io",
    "async-std",
    "getrandom",
    "git2",
    "hyper",
    "libgit2-sys",
    "mio",
    "rand",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "tracing",
    "ureq",
];

const RULE: &str = "see ARCHITECTURE.md and `DRAWN` in tests/architecture.rs";

/// Returns what `cargo metadata` says of the workspace's own crates.
fn workspace() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output =
        cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Lists the dependencies of a crate, each with whether it is for tests alone.
fn dependencies(package: &Value) -> impl Iterator<Item = (&str, bool)> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.map(|dependency| (dependency["name"].as_str().unwrap(), dependency["kind"] == "dev"))
}

/// Returns every edge between crates of the workspace that is not drawn, and every crate that is not in the drawing.
fn violations(metadata: &Value) -> Vec<String> {
    let drawn: BTreeMap<_, _> = DRAWN.iter().copied().collect();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut found = Vec::new();
    for package in packages {
        let from = package["name"].as_str().unwrap();
        let Some(allowed) = drawn.get(from) else {
            found.push(format!("the crate `{from}` is not in the drawing: {RULE}"));
            continue;
        };
        for (to, for_tests) in dependencies(package).filter(|(to, _)| ours.contains(to)) {
            let exempt = for_tests && DRAWN_FOR_TESTS.contains(&(from, to));
            if !allowed.contains(&to) && !exempt {
                let kind = if for_tests { "for its tests " } else { "" };
                found.push(format!("`{from}` depends {kind}on `{to}`, which is not drawn: {RULE}"));
            }
        }
    }
    found
}

#[test]
fn no_crate_depends_on_another_unless_it_is_drawn() {
    assert_eq!(violations(&workspace()), [""; 0]);
}

#[test]
fn the_drawing_has_no_edge_that_is_gone() {
    let metadata = workspace();
    let packages = metadata["packages"].as_array().unwrap();
    let edges: BTreeSet<_> = packages
        .iter()
        .flat_map(|package| dependencies(package).map(|(to, _)| (package["name"].as_str().unwrap(), to)))
        .collect();
    let drawn = DRAWN.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let gone: Vec<_> =
        drawn.chain(DRAWN_FOR_TESTS.iter().copied()).filter(|edge| !edges.contains(edge)).collect();
    assert_eq!(gone, [], "drawn and not there");
}

#[test]
fn an_edge_that_is_not_drawn_is_told_with_where_the_rule_stands() {
    let package = |name: &str, to: &[(&str, Value)]| {
        let to: Vec<_> = to.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        json!({ "name": name, "dependencies": to })
    };
    let metadata = json!({ "packages": [
        package("crossgate-vcs", &[("crossgate-core", Value::Null), ("crossgate-runner", Value::Null)]),
        package("crossgate-runner", &[("nova-api", json!("dev")), ("tokio", Value::Null)]),
        package("crossgate-core", &[("crossgate-config", json!("build"))]),
        package("crossgate-config", &[]),
        package("nova-api", &[]),
        package("nova-spare", &[]),
    ]});
    let expected = [
        "`crossgate-vcs` depends on `crossgate-runner`, which is not drawn",
        "`crossgate-runner` depends for its tests on `nova-api`, which is not drawn",
        "`crossgate-core` depends on `crossgate-config`, which is not drawn",
        "the crate `nova-spare` is not in the drawing",
    ];
    assert_eq!(violations(&metadata), expected.map(|text| format!("{text}: {RULE}")));
}

#[test]
fn the_core_is_built_with_pure_computation_only() {
    let metadata = workspace();
    let packages = metadata["packages"].as_array().unwrap();
    let core = packages.iter().find(|package| package["name"] == "crossgate-core").unwrap();
    let direct: Vec<_> =
        dependencies(core).filter(|(_, for_tests)| !for_tests).map(|(name, _)| name).collect();
    let unknown: Vec<_> = direct.iter().copied().filter(|name| !PURE.contains(name)).collect();
    assert_eq!(
        unknown, [""; 0],
        "the core has no I/O, no async, no clock: add to `PURE` only what has none either"
    );
    let lock = locked();
    for impure in IMPURE {
        let below = direct.iter().find(|name| reaches(&lock, name, impure));
        assert_eq!(below, None, "the core is built with `{impure}` by way of this crate");
    }
    assert!(reaches(&lock, "crossgate-runner", "rustix"), "the lock file is read as it is meant");
}

/// Reads which package of the lock file depends on which, by name.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let below = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        // A name that is there in two versions is followed by one.
        let names = below.map(|name| name.as_str().unwrap().split(' ').next().unwrap().to_owned());
        found.entry(package["name"].as_str().unwrap().to_owned()).or_default().extend(names);
    }
    found
}

fn reaches(lock: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(lock.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    false
}
