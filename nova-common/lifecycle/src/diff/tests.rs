//! Two cycles, and what is told of them.

use super::*;
use crate::{Source, Surface};

const OLD: &str = r#"
    #[driver_facet(name = "driver", version = 1, since = 1, base)]
    pub trait Driver: Send {
        fn create(&self, call: &Call, request: Request) -> impl Future<Output = Result<Created, CreateError>> + Send;
        fn nodes(&self) -> impl Future<Output = Result<Vec<Node>, NodesError>> + Send;
        fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }
    }
    #[driver_facet(name = "volumes", version = 1, since = 1)]
    pub trait Volumes: Send { fn attach(&self, call: &Call, volume: u32) -> impl Future<Output = Done> + Send; }
    #[non_exhaustive]
    pub struct Node { pub name: String, pub memory: MiB }
    impl Node { pub fn memory_mb(self, memory: u64) -> Self { self } }
    pub struct MiB(pub u64);
    #[non_exhaustive]
    pub struct Request { pub size: MiB }
    pub enum Power { On, Off }
    #[derive(ApiError)]
    pub enum CreateError { #[recovery(Reject)] Power(Power), #[recovery(RetrySameNode)] Backend(BackendError) }
"#;

fn cycle(text: &str, cycle: u32) -> Cycle {
    let source = Source { path: "src/lib.rs".to_owned(), text: text.to_owned() };
    Surface::read(&[source]).unwrap().at(cycle, "1.0.0")
}

fn told(old: &str, new: &str) -> Vec<String> {
    let changes = diff(&cycle(old, 2), &cycle(new, 3));
    changes.iter().map(|it| format!("{:?}: {} [{}]", it.asks, it.text, it.methods.join(" "))).collect()
}

fn after(edits: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.to_owned();
    for (from, to) in edits {
        assert_eq!(new.matches(from).count(), 1, "{from}");
        new = new.replace(from, to);
    }
    told(OLD, &new)
}

#[test]
fn nothing_changes_where_nothing_does() {
    assert_eq!(told(OLD, OLD), [""; 0]);
    let deprecated = "#[deprecated(since = \"1.0.0\", note = \"use it\")] pub fn memory_mb";
    let deprecated = OLD.replace("pub fn memory_mb", deprecated);
    let still = "Soon: `Node::memory_mb` is deprecated since cycle 1: use it; it may leave in cycle 3 [Driver::nodes]";
    assert_eq!(told(&deprecated, &deprecated), [still]);
}

#[test]
fn a_facet_that_goes_on_as_another_is_told_with_all_that_is_to_do() {
    let v2 = r#"#[driver_facet(name = "volumes", version = 2, since = 3, adapts = "Volumes")]
        pub trait VolumesV2: Send { fn attach(&self, call: &Call, volume: VolumeId) -> impl Future<Output = Done> + Send; }
        impl<T: Volumes> VolumesV2 for T {}
        #[non_exhaustive]"#;
    let volumes = "name = \"volumes\", version = 1, since = 1";
    let leaving = format!("{volumes}, deprecated_in = 3, removed_in = 4, replacement = \"VolumesV2\"");
    let v2_too = "fn volumes_v2(&self) -> Option<&impl VolumesV2> { self.volumes() } fn volumes(";
    let edits = [
        ("#[non_exhaustive]\n    pub struct Node", &*format!("{v2} pub struct Node")),
        (volumes, &leaving),
        ("fn volumes(", v2_too),
    ];
    let both = after(&edits);
    assert_eq!(
        both,
        [
            "Soon: `Volumes` (volumes v1) is deprecated: implement `VolumesV2` (volumes v2) instead and return it from \
             `Driver::volumes_v2`; it leaves in cycle 4, and works through an adapter until then [Driver::volumes]",
            "Nothing: new: `VolumesV2` (volumes v2) beside `Volumes`: nothing to do at once; implement it instead \
             [Driver::volumes_v2]",
        ]
    );
    let mut with_both = OLD.to_owned();
    for (from, to) in edits {
        with_both = with_both.replace(from, to);
    }
    let (before, rest) = with_both.split_once("#[driver_facet(name = \"volumes\", version = 1").unwrap();
    let (_, rest) = rest.split_once("#[driver_facet(name = \"volumes\", version = 2").unwrap();
    let without = format!("{before}#[driver_facet(name = \"volumes\", version = 2{rest}");
    let without = without.replace("fn volumes(&self) -> Option<&impl Volumes> { None::<&Absent> }", "");
    let without = without.replace("impl<T: Volumes> VolumesV2 for T {}", "");
    assert_eq!(
        told(&with_both, &without),
        [
            "Now: `Volumes` (volumes v1) is gone: implement `VolumesV2` (volumes v2) instead and return it from \
             `Driver::volumes_v2` [Driver::volumes]"
        ]
    );
}

#[test]
fn a_change_of_a_method_is_told_with_what_to_do() {
    let note = "#[deprecated(since = \"1.2.0\", note = \"use `memory(MiB(…))`\")] pub fn memory_mb";
    for (from, to, expected) in [
        (
            "pub fn memory_mb",
            note,
            "Soon: `Node::memory_mb` is deprecated: use `memory(MiB(…))`; it may leave in cycle 4 [Driver::nodes]",
        ),
        (
            "request: Request",
            "request: Wanted",
            "Now: `Driver::create` takes `Wanted` for `request` instead of `Request` [Driver::create]",
        ),
        (
            "request: Request",
            "request: Request, hard: bool",
            "Now: `Driver::create` takes 4 arguments instead of 3: `hard: bool` is new [Driver::create]",
        ),
        (
            "Vec<Node>",
            "Vec<NodeV2>",
            "Now: `Driver::nodes` gives `Result<Vec<NodeV2>, NodesError>` instead of `Result<Vec<Node>, NodesError>` [Driver::nodes]",
        ),
        (
            "NodesError>> + Send",
            "NodesError>>",
            "Now: `Driver::nodes` gives a future that is not `Send` [Driver::nodes]",
        ),
    ] {
        assert_eq!(after(&[(from, to)]), [expected]);
    }
}

#[test]
fn a_change_of_a_type_is_told_with_the_methods_it_concerns() {
    for (from, to, expected) in [
        (
            "pub memory: MiB",
            "pub memory: u64",
            "Now: `Node.memory` is `u64` instead of `MiB` [Driver::nodes]",
        ),
        (
            "On, Off",
            "On, Off, Paused",
            "Now: `Power` has the new variant `Paused`: add an arm where you match on it [Driver::create]",
        ),
        ("On, Off", "On", "Now: `Power` has no variant `Off` any more [Driver::create]"),
        (
            "#[recovery(Reject)]",
            "#[recovery(Reschedule)]",
            "Now: `CreateError::Power` is answered with `Reschedule` instead of `Reject`: see that you return it only where that is right [Driver::create]",
        ),
        (
            "pub name: String",
            "pub name: String, pub busy: bool",
            "Nothing: new: `Node.busy`: nothing to do [Driver::nodes]",
        ),
        (
            "fn nodes",
            "fn stop(&self); fn nodes",
            "Now: `Driver::stop` is new and has no default: implement it [Driver::stop]",
        ),
        (
            "fn nodes",
            "fn stop(&self) {} fn nodes",
            "Nothing: new: `Driver::stop` has a default: nothing to do [Driver::stop]",
        ),
        (
            "pub struct MiB",
            "#[derive(Clone)] pub struct MiB",
            "Nothing: new: `MiB` is `Clone`: nothing to do [Driver::create Driver::nodes]",
        ),
        (
            "trait Driver: Send",
            "trait Driver: Send + Sync",
            "Now: the trait `Driver` asks for `Send + Sync` instead of `Send` []",
        ),
    ] {
        assert_eq!(after(&[(from, to)]), [expected]);
    }
    let console = "#[driver_facet(name = \"console\", version = 1, since = 3)] pub trait Console { fn open(&self); } pub struct MiB";
    assert_eq!(
        after(&[("pub struct MiB", console)]),
        ["Nothing: new: facet `console`: nothing to do; implement `Console` to offer it []"]
    );
    let gone = "impl Node { pub fn memory_mb(self, memory: u64) -> Self { self } }";
    assert_eq!(
        after(&[(gone, "")]),
        ["Now: `Node::memory_mb` is gone: nothing is said to take its place [Driver::nodes]"]
    );
}
