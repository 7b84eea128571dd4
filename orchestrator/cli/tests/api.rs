//! The life cycle of the driver API, through the binary. `INSTA_UPDATE=always` writes the texts anew.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use nova_lifecycle::{ApiTree, Digest};
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = r#"version: 1
workspace: nova
repos:
  nova-common: { role: common }
  glue: { role: library, depends_on: [nova-common] }
  kvm: { role: driver, depends_on: [nova-common] }
  lab: { role: driver, depends_on: [nova-common] }
  away: { role: driver, depends_on: [nova-common] }
common:
  nova-common: { own_changes: [unit], sanity: [kvm] }
drivers:
  kvm: { repo: kvm, own_changes: [unit], common_changes: { mode: gating, jobs: [unit] } }
  xen: { repo: lab, paths: ["xen/**"], own_changes: [unit], common_changes: { mode: gating, jobs: [unit] } }
  away: { repo: away, own_changes: [unit], common_changes: { mode: silent, jobs: [unit] } }
jobs:
  unit: { steps: [{ run: "true" }] }
"#;

/// The API of the first cycle.
const API: &str = r#"
#[driver_facet(name = "driver", version = 1, since = 1, base)]
pub trait Driver: Send {
    fn nodes(&self) -> impl Future<Output = Result<Vec<Node>, NodesError>> + Send;
    fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }
}
#[driver_facet(name = "volumes", version = 1, since = 1)]
pub trait Volumes: Send {
    fn attach(&self, call: &Call, volume: u32) -> impl Future<Output = Result<(), AttachError>> + Send;
}
#[non_exhaustive]
pub struct Node { pub memory: MiB }
impl Node {
    pub fn new(memory: MiB) -> Self { Self { memory } }
    pub fn memory_mb(mut self, memory: u64) -> Self { self }
}
pub struct MiB(pub u64);
pub enum Power { On, Off }
"#;

/// What has become of it in the second.
const CHANGES: &[(&str, &str)] = &[
    (
        "version = 1, since = 1)]\npub trait Volumes",
        "version = 1, since = 1, deprecated_in = 2, removed_in = 3, replacement = \"VolumesV2\")]\npub trait Volumes",
    ),
    (
        "#[non_exhaustive]\npub struct Node",
        "#[driver_facet(name = \"volumes\", version = 2, since = 2, adapts = \"Volumes\")]
pub trait VolumesV2: Send {
    fn attach(&self, call: &Call, volume: Volume) -> impl Future<Output = Result<(), AttachError>> + Send;
}
pub struct Volume { pub id: u32 }
impl<T: Volumes> VolumesV2 for T {}
#[non_exhaustive]\npub struct Node",
    ),
    (
        "    fn volumes(",
        "    fn volumes_v2(&self) -> Option<&impl VolumesV2> { self.volumes() }\n    fn volumes(",
    ),
    (
        "    pub fn memory_mb",
        "    #[deprecated(since = \"1.1.0\", note = \"use `new`\")]\n    pub fn memory_mb",
    ),
];

const FROZEN: &str = "impl nova_api::Volumes for Old { async fn attach(&self) {} }\n";

const KVM: &str = r"use nova_api::{Driver, MiB as Size, Node as N};
use nova_api as api;
mod pool;
mod wide;

type Description = api::Node;

impl Driver for Kvm {
    async fn nodes(&self) -> R { Ok(vec![N::new(Size(1)).memory_mb(2)]) }
}

impl api::Volumes for Kvm {
    async fn attach(&self) { own!(x => y); }
}

fn described(node: Description, other: Other) {
    node.memory_mb(1);
    other.memory_mb(1);
}
";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn repo(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        write(&dir.join(path), text);
    }
    for args in [&["init", "-q", "-b", "main"][..], &["add", "--all"], &["commit", "-q", "-m", "begin"]] {
        let mut git = Command::new("git");
        git.current_dir(dir).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(args);
        assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").status().unwrap().success());
    }
}

fn manifest(name: &str, version: &str, api: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n\n[dependencies]\n{api}")
}

/// Writes the file of a cycle, as the test of the API does.
fn commits_cycle(api: &Path, source: &str, version: &str) {
    write(&api.join("Cargo.toml"), &manifest("nova-api", version, ""));
    write(&api.join("src/lib.rs"), source);
    let cycle = ApiTree::offered(api, version).unwrap();
    write(&api.join(format!("cycles/{}.json", cycle.cycle)), &cycle.to_json());
}

/// A workspace whose API is in its second cycle.
fn world() -> TempDir {
    let world = tempfile::tempdir().unwrap();
    let dir = world.path();
    write(&dir.join("crossgate.yaml"), CONFIG);
    let api = dir.join("nova-common/api");
    commits_cycle(&api, API, "1.0.0");
    let first = fs::read_to_string(api.join("cycles/1.json")).unwrap();
    write(&api.join("cycles/RELEASED"), &format!("1 {}\n", Digest::of(&first)));
    let mut second = API.to_owned();
    for (from, to) in CHANGES {
        assert_eq!(second.matches(from).count(), 1, "{from}");
        second = second.replace(from, to);
    }
    commits_cycle(&api, &second, "1.1.0");
    write(&dir.join("nova-common/frozen/Cargo.toml"), &manifest("frozen", "1.0.0", ""));
    write(&dir.join("nova-common/frozen/src/lib.rs"), FROZEN);
    repo(&dir.join("nova-common"), &[]);
    let asks = |how: &str| manifest("driver", "0.1.0", how);
    repo(
        &dir.join("kvm"),
        &[
            ("Cargo.toml", &asks("nova-api = \"1.1\"\n")),
            ("expected-capabilities.toml", "volumes = true\npause = false\n"),
            ("src/lib.rs", KVM),
            ("src/pool.rs", "use crate::Description as D;\nfn of(d: D) {}\n"),
            ("src/wide.rs", "use nova_api::*;\nfn of(p: Power, s: String) {}\n"),
        ],
    );
    let xen = "impl old::Driver for X {}\nimpl old::VolumesV2 for X {}\n";
    repo(
        &dir.join("lab"),
        &[
            ("xen/Cargo.toml", &asks("old = { package = \"nova-api\", version = \"1.0\" }\n")),
            ("xen/src/lib.rs", xen),
            ("docker/Cargo.toml", &asks("nova-api = \"1\"\n")),
            ("docker/src/lib.rs", "use nova_api::Power;\n"),
        ],
    );
    let glue = ("src/lib.rs", "pub use nova_api::Power;\n");
    repo(&dir.join("glue"), &[("Cargo.toml", &asks("nova-api = \"1\"\n")), glue]);
    world
}

fn run(dir: &Path, args: &[&str], status: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossgate"));
    command.current_dir(dir).env_clear().envs([
        ("PATH", std::env::var("PATH").unwrap().as_str()),
        ("HOME", dir.to_str().unwrap()),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ]);
    let output = command.args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}\n{err}");
    (out, err)
}

fn json(dir: &Path, args: &[&str], status: i32) -> Value {
    let (out, _) = run(dir, &[args, &["--format", "json"]].concat(), status);
    serde_json::from_str(&out).unwrap()
}

#[test]
fn what_is_deprecated_and_used_is_told_with_who_has_which_facet() {
    let world = world();
    let (out, err) = run(world.path(), &["api", "use"], 0);
    assert_snapshot!("api-use", out);
    assert!(err.contains("more items are used: `-v` lists them"), "{err}");
    let (out, _) = run(world.path(), &["api", "use", "-v"], 0);
    assert!(out.lines().any(|line| line == "  Power          kvm, glue"), "{out}");
}

#[test]
fn renames_aliases_and_globs_are_uses_of_an_item() {
    let world = world();
    let (out, _) = run(world.path(), &["api", "use", "Node"], 0);
    assert_snapshot!("api-use-item", out);
    let (out, _) = run(world.path(), &["api", "use", "Power"], 0);
    assert!(out.contains("kvm   kvm:src/wide.rs:2 (names)"), "{out}");
    let (out, _) = run(world.path(), &["api", "use", "MiB"], 0);
    assert!(
        out.contains("kvm  kvm:src/lib.rs:1 (imports)") && out.contains("kvm:src/lib.rs:9 (names)"),
        "{out}"
    );
}

#[test]
fn the_uses_are_there_for_programs() {
    let world = world();
    let told = json(world.path(), &["api", "use", "volumes"], 0);
    assert_eq!((&told["api"], &told["cycle"]), (&"1.1.0".into(), &2.into()));
    let items: Vec<_> =
        told["items"].as_array().unwrap().iter().map(|item| item["item"].as_str().unwrap()).collect();
    assert_eq!(items, ["Volumes", "Volumes::attach", "VolumesV2"]);
    let volumes = &told["items"][0];
    assert_eq!(volumes["facet"], "volumes v1");
    assert_eq!((&volumes["deprecated_in"], &volumes["leaves_in"]), (&2.into(), &3.into()));
    let place = serde_json::json!({ "how": "implements", "file": "src/lib.rs", "line": 12 });
    assert_eq!(volumes["users"][0]["places"], Value::Array(vec![place]));
    let users = told["users"].as_array().unwrap();
    let names: Vec<_> = users.iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kvm", "xen", "glue"]);
    assert_eq!((&users[0]["offers"][0], &users[0]["requires"][0]), (&"volumes".into(), &"1.1".into()));
    assert_eq!(told["not_here"], serde_json::json!(["away"]));
}

#[test]
fn an_item_that_nobody_has_or_uses_is_told() {
    let world = world();
    let (_, err) = run(world.path(), &["api", "use", "Node::memory_md"], 2);
    assert!(err.contains("the API has no item `Node::memory_md`"), "{err}");
    assert!(err.contains("did you mean `Node::memory_mb`?"), "{err}");
    let (out, _) = run(world.path(), &["api", "use", "Volume"], 0);
    assert!(out.starts_with("nobody of the repos that are here uses it, as far as can be seen\n"), "{out}");
}

#[test]
fn a_file_that_is_not_rust_or_too_large_is_told_and_the_rest_is_read() {
    let world = world();
    let src = world.path().join("kvm/src");
    fs::write(src.join("broken.rs"), "fn f( {\n").unwrap();
    fs::write(src.join("deep.rs"), format!("fn f() {{ {}1 }}", "-(".repeat(50_000))).unwrap();
    fs::write(src.join("large.rs"), vec![b' '; 10 << 20]).unwrap();
    for index in 0..10_000 {
        fs::write(world.path().join(format!("lab/xen/src/{index}.rs")), "fn f() {}").unwrap();
    }
    let (out, err) = run(world.path(), &["api", "use", "MiB"], 0);
    assert!(out.contains("kvm:src/lib.rs:9 (names)"), "{out}");
    assert!(err.contains("warning: kvm:src/broken.rs:1: "), "{err}");
    assert!(err.contains("warning: kvm:src/deep.rs:1: "), "{err}");
    assert!(
        err.contains("large.rs` is not read: it has more than 1048576 bytes (left out, so kvm may use more)"),
        "{err}"
    );
    assert!(err.contains("lab` is not read to its end"), "{err}");
}

#[test]
fn a_diff_says_what_the_author_of_a_driver_does() {
    let world = world();
    let (out, _) = run(world.path(), &["api", "diff", "1", "2"], 0);
    assert_snapshot!("api-diff", out);
    let file = world.path().join("nova-common/api/cycles/1.json");
    let (same, _) = run(world.path(), &["api", "diff", file.to_str().unwrap(), "head"], 0);
    assert_eq!(out, same);
    let (out, _) = run(world.path(), &["api", "diff", "2", "head"], 0);
    assert_snapshot!("api-diff-nothing-new", out);
    let told = json(world.path(), &["api", "diff", "1", "2"], 0);
    assert_eq!(told["from"], serde_json::json!({ "cycle": 1, "api": "1.0.0" }));
    let soon = &told["changes"][0];
    assert_eq!((&soon["asks"], &soon["item"]), (&"soon".into(), &"Node::memory_mb".into()));
    assert_eq!((&soon["leaves_in"], &soon["methods"][0]), (&3.into(), &"Driver::nodes".into()));
}

#[test]
fn a_cycle_that_is_not_there_is_told() {
    let world = world();
    let (_, err) = run(world.path(), &["api", "diff", "1", "7"], 2);
    assert!(err.contains("there is no cycle 7 in") && err.contains("cycles go from 1 to 2"), "{err}");
    let (_, err) = run(world.path(), &["api", "diff", "1", "next"], 2);
    assert!(err.contains("`next` is neither a cycle's number nor a file"), "{err}");
    fs::write(world.path().join("nova-common/api/cycles/1.json"), "{}").unwrap();
    let (_, err) = run(world.path(), &["api", "diff", "1", "2"], 2);
    assert!(err.contains("cycles/1.json`: not the file of a cycle: missing field"), "{err}");
    let (_, err) = run(world.path(), &["api", "diff", "1", "2", "--common", "kvm"], 2);
    assert!(err.contains("no crate with the files of its cycles"), "{err}");
}

#[test]
fn the_rules_hold_until_something_is_broken() {
    let world = world();
    let (out, _) = run(world.path(), &["api", "check"], 0);
    assert_eq!(out, "the rules hold: cycle 2 (1.1.0), 19 items, 3 facets\n");
    assert_eq!(run(&world.path().join("nova-common"), &["api", "check"], 0).0, out, "also from below");
    let lib = world.path().join("nova-common/api/src/lib.rs");
    let text = fs::read_to_string(&lib).unwrap();
    fs::write(&lib, text.replace("    fn nodes(&self)", "    fn nodes(&self, all: bool)")).unwrap();
    let (out, _) = run(world.path(), &["api", "check"], 1);
    assert_snapshot!("api-check-broken", out);
    let told = json(world.path(), &["api", "check"], 1);
    assert_eq!((&told["holds"], &told["breaches"][2]["rule"]), (&false.into(), &"unchanged".into()));
    assert_eq!(told["breaches"][2]["at"], serde_json::json!({ "file": "src/lib.rs", "line": 4 }));
    fs::write(&lib, "pub trait {").unwrap();
    let (_, err) = run(world.path(), &["api", "check"], 2);
    assert!(err.contains("src/lib.rs:1: "), "{err}");
}
