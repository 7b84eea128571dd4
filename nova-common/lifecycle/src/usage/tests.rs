//! Small crates, and what is seen in them.

use super::*;
use crate::Surface;

const API: &str = r#"
    #[driver_facet(name = "driver", version = 1, since = 1, base)]
    pub trait Driver: Send {
        fn nodes(&self) -> impl Future<Output = Result<Vec<NodeDesc>, NodesError>> + Send;
        fn node(&self, name: &str) -> impl Future<Output = Result<NodeDesc, NodesError>> + Send;
        fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }
    }
    #[driver_facet(name = "volumes", version = 1, since = 1)]
    pub trait Volumes: Send { fn attach(&self, volume: u32) -> impl Future<Output = ()> + Send; }
    pub struct NodeDesc { pub memory: MiB, pub name: String }
    impl NodeDesc {
        pub fn new(name: String) -> Self { todo() }
        pub fn memory(mut self, memory: MiB) -> Self { self }
        #[deprecated(since = "1.0.0", note = "use memory")]
        pub fn memory_mb(mut self, memory: u64) -> Self { self }
        pub fn find(name: &str) -> Option<Self> { None }
    }
    pub struct MiB(pub u64);
    pub enum Power { On, Off }
"#;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn usage(files: &[(&str, &str)]) -> Usage {
    let offered = Surface::read(&[source("src/lib.rs", API)]).unwrap().at(2, "1.1.0");
    let sources: Vec<_> = files.iter().map(|(path, text)| source(path, text)).collect();
    let api = ["nova_api".to_owned(), "nova".to_owned()];
    of_crate(Crate { sources: &sources, below: "", api: &api }, &offered).unwrap()
}

fn seen(files: &[(&str, &str)]) -> Vec<String> {
    let told = usage(files).uses.into_iter().map(|it| format!("{} {:?} {}", it.item, it.how, it.at));
    told.collect()
}

fn in_lib(text: &str) -> Vec<String> {
    let seen = seen(&[("src/lib.rs", text)]);
    seen.iter().map(|line| line.replace(" src/lib.rs:", " ")).collect()
}

#[test]
fn a_path_an_import_and_another_name_are_seen() {
    assert_eq!(in_lib("fn f() -> nova_api::Power { nova_api::Power::On }"), ["Power Names 1"]);
    assert_eq!(in_lib("use nova_api::MiB;\nstruct A(MiB);"), ["MiB Imports 1", "MiB Names 2"]);
    assert_eq!(
        in_lib("use nova_api::{Power as P, MiB};\nfn f(p: P) {}"),
        ["MiB Imports 1", "Power Imports 1", "Power Names 2"]
    );
    assert_eq!(in_lib("use nova_api as api;\nfn f(p: api::Power) {}"), ["Power Names 2"]);
    assert_eq!(in_lib("extern crate nova_api as n;\nfn f(p: n::Power) {}"), ["Power Names 2"]);
    assert_eq!(in_lib("fn f(p: nova::Power) {}"), ["Power Names 1"], "renamed in Cargo.toml");
    assert_eq!(
        in_lib("fn f() {\n use nova_api::Power;\n let x = Power::On; }"),
        ["Power Imports 2", "Power Names 3"]
    );
}

#[test]
fn an_alias_is_seen() {
    let text = "type Size = nova_api::MiB;\nfn f(s: Size) {}\nfn g() { NodeOf::new(n) }\ntype NodeOf = nova_api::NodeDesc;";
    assert_eq!(in_lib(text), ["MiB Names 1", "MiB Names 2", "NodeDesc Names 4", "NodeDesc::new Names 3"]);
}

#[test]
fn a_glob_is_seen_and_hides_nothing_of_the_crate_itself() {
    let text = "use nova_api::*;\nstruct MiB;\nfn f(p: Power, m: MiB, s: String) {}";
    assert_eq!(in_lib(text), ["Power Names 3"]);
    assert_eq!(in_lib("use nova_api::Power::*;\nfn f() { On }"), ["Power Imports 1", "Power Names 2"]);
    let files = [
        ("src/lib.rs", "mod own; pub use nova_api::Power as P; use nova_api::MiB;"),
        (
            "src/own.rs",
            "use crate::P;\nfn f(p: P) {}\nmod tests { use super::*;\n fn g() -> P { super::super::MiB(1) } }",
        ),
    ];
    assert_eq!(
        seen(&files),
        [
            "MiB Imports src/lib.rs:1",
            "MiB Names src/own.rs:4",
            "Power Imports src/lib.rs:1",
            "Power Imports src/own.rs:1",
            "Power Names src/own.rs:2",
            "Power Names src/own.rs:4",
        ]
    );
    assert_eq!(usage(&files).unseen.exports, 1);
}

#[test]
fn what_imports_itself_comes_to_an_end() {
    let files = [
        ("src/lib.rs", "mod a; mod b; use a::*; use b::*; fn f(x: Nothing) {}"),
        ("src/a.rs", "pub use crate::b::*; pub use super::*; pub use crate::a::X as X;"),
        ("src/b.rs", "pub use crate::a::*; pub use super::*; use Y as Z; use Z as Y;\nfn g(x: X, y: Y) {}"),
    ];
    assert_eq!(seen(&files), [""; 0]);
}

#[test]
fn an_implementation_is_a_use_of_the_facet_and_of_each_method() {
    let text = "impl nova_api::Volumes for D {\n async fn attach(&self, v: u32) { self.attach(1) }\n}\nimpl D { fn own(&self) { self.own() } }";
    assert_eq!(
        in_lib(text),
        ["Volumes Implements 1", "Volumes::attach Implements 2", "Volumes::attach Calls 2"]
    );
}

#[test]
fn calls_and_fields_are_seen_where_types_can_be_followed() {
    let text = r#"use nova_api::*;
fn a() { NodeDesc::new(n).memory(m).memory_mb(1); }
fn b() { let node = NodeDesc::new(n); let size = node.memory;
 node.memory_mb(1); }
fn c(node: &NodeDesc) { node.clone().memory_mb(1); }
async fn d(driver: &impl Driver) -> R { driver.node("x").await?.memory_mb(1) }
fn e() { NodeDesc::find("x").unwrap().memory_mb(1); }
fn f(node: Other) { node.memory(1); let NodeDesc { name, .. } = x; }
"#;
    let calls: Vec<_> =
        in_lib(text).into_iter().filter(|line| line.contains("memory") || line.contains('.')).collect();
    assert_eq!(
        calls,
        [
            "NodeDesc.memory Calls 3",
            "NodeDesc.name Calls 8",
            "NodeDesc::memory Calls 2",
            "NodeDesc::memory ByName 8",
            "NodeDesc::memory_mb Calls 2",
            "NodeDesc::memory_mb Calls 4",
            "NodeDesc::memory_mb Calls 5",
            "NodeDesc::memory_mb Calls 7",
            "NodeDesc::memory_mb ByName 6",
        ]
    );
    assert_eq!(in_lib("struct O; impl O { fn memory_mb(&self) {} } fn f(o: O) { o.memory_mb() }"), [""; 0]);
}

#[test]
fn what_cannot_be_seen_is_counted() {
    let text = "use glue::*; use std::fmt::*;
macro_rules! own { () => { nova_api::Power } }
fn f() { own!(x => y); println!(\"{}\", nova_api::MiB(1)); assert!(matches!(x, nova_api::Power::On)); x.nodes(); }";
    let usage = usage(&[("src/lib.rs", text)]);
    let unseen =
        Unseen { macro_calls: 1, macro_definitions: 1, unknown_receivers: 1, exports: 0, foreign_globs: 1 };
    assert_eq!(usage.unseen, unseen);
    let items: Vec<_> = usage.uses.iter().map(|it| it.item.as_str()).collect();
    assert_eq!(items, ["Driver::nodes", "MiB", "Power"]);
}

#[test]
fn a_file_that_is_not_rust_is_told_and_the_others_are_read() {
    let deep = format!("fn f() {{ {}x }}", "!".repeat(100_000));
    let usage = usage(&[("src/a.rs", "fn f( {"), ("src/b.rs", "use nova_api::MiB;"), ("src/c.rs", &deep)]);
    let told: Vec<_> = usage.broken.iter().map(|broken| broken.at.to_string()).collect();
    assert_eq!(told, ["src/a.rs:1", "src/c.rs:1"]);
    assert_eq!(usage.broken[1].what, "nested too deep to be read");
    assert_eq!(usage.uses.len(), 1);
    assert!(matches!(usage.whole(), Err(UsageError::Broken(_))));
}
