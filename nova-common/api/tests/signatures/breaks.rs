//! What would break drivers is caught in the real source, each by one edit of it, with the item's name.

use std::path::Path;

use nova_lifecycle::rules::between;
use nova_lifecycle::{Source, Surface, sources_below};

use crate::tree;

/// An edit of one file: what it is, the file, a text in it and what takes its place, and what is said of it.
struct Edit {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    told: &'static str,
}

const EDITS: &[Edit] = &[
    Edit {
        what: "method removed",
        file: "src/driver.rs",
        from: "    fn shutdown(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send;\n",
        to: "",
        told: "`Driver::shutdown` is gone without a full cycle of deprecation",
    },
    Edit {
        what: "method added without default",
        file: "src/driver.rs",
        from: "    fn shutdown(&self)",
        to: "    fn drain(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send;\n    fn shutdown(&self)",
        told: "`Driver::drain` is new and required",
    },
    Edit {
        what: "arity",
        file: "src/driver.rs",
        from: "        kind: RebootKind,\n",
        to: "        kind: RebootKind,\n        grace: Duration,\n",
        told: "`Driver::reboot` has changed",
    },
    Edit {
        what: "parameter type",
        file: "src/driver.rs",
        from: "        node: Option<&NodeName>,\n",
        to: "        node: &[NodeName],\n",
        told: "`Driver::list_instances` has changed",
    },
    Edit {
        what: "return type",
        file: "src/driver.rs",
        from: "Result<Vec<NodeDesc>, NodesError>",
        to: "Result<Option<NodeDesc>, NodesError>",
        told: "`Driver::nodes` has changed",
    },
    Edit {
        what: "field type",
        file: "src/node.rs",
        from: "    pub memory: MiB,",
        to: "    pub memory: u64,",
        told: "`NodeDesc.memory` has changed",
    },
    Edit {
        what: "variant added to a closed enum",
        file: "src/node.rs",
        from: "    /// It is no more, or never was.\n",
        to: "    Unknown,\n    /// It is no more, or never was.\n",
        told: "`NodePresence` has changed",
    },
    Edit {
        what: "variant added to a closed error",
        file: "src/errors.rs",
        from: "pub enum NodesError {\n",
        to: "pub enum NodesError {\n    #[recovery(Reject)]\n    UnknownNode(UnknownNode),\n",
        told: "`NodesError` has changed",
    },
    Edit {
        what: "dropped Send",
        file: "src/driver.rs",
        from: "Result<(), ShutdownError>> + Send;",
        to: "Result<(), ShutdownError>>;",
        told: "`Driver::shutdown` has changed",
    },
    Edit {
        what: "shortened deprecation",
        file: "src/facets/pause.rs",
        from: "#[driver_facet(name = \"pause\", version = 1, since = 1)]",
        to: "#[driver_facet(name = \"pause\", version = 1, since = 1, deprecated_in = 1, removed_in = 2, replacement = \"B\")]",
        told: "`Pause` is deprecated only now",
    },
    Edit {
        what: "name on the wire",
        file: "src/instance.rs",
        from: "    /// Why.\n    pub origin",
        to: "    /// Why.\n    #[serde(rename = \"reason\")]\n    pub origin",
        told: "`CreateRequest.origin` has changed",
    },
    Edit {
        what: "field of an object of the same version",
        file: "src/node.rs",
        from: "    /// All memory for instances.\n    pub memory",
        to: "    pub cells: u32,\n    /// All memory for instances.\n    pub memory",
        told: "`NodeDesc.cells` is new",
    },
    Edit {
        what: "demand of a facet",
        file: "src/facets/pause.rs",
        from: "pub trait Pause: Send + Sync {",
        to: "pub trait Pause: Send + Sync where Self: Clone {",
        told: "`Pause` has changed",
    },
    Edit {
        what: "demand of an implementation",
        file: "src/events.rs",
        from: "impl<'a, D: Driver> Compared<'a, D> {",
        to: "impl<'a, D: Driver + Clone> Compared<'a, D> {",
        told: "`Compared<'a, D>::new` has changed",
    },
    Edit {
        what: "condition",
        file: "src/call.rs",
        from: "    pub fn time_left",
        to: "    #[cfg(feature = \"more\")]\n    pub fn time_left",
        told: "`Call::time_left` has changed",
    },
    Edit {
        what: "method that a macro makes",
        file: "src/ids.rs",
        from: "            pub fn as_str",
        to: "            fn as_str",
        told: "`made by name: name::as_str` is gone",
    },
];

fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    sources_below(&top.join("src"), top, |_| true).sources
}

fn edited(edit: &Edit) -> Vec<Source> {
    let mut sources = sources();
    let file = sources.iter_mut().find(|source| source.path == edit.file).unwrap();
    assert_eq!(file.text.matches(edit.from).count(), 1, "{}: `{}`", edit.what, edit.from);
    file.text = file.text.replace(edit.from, edit.to);
    sources
}

#[test]
fn signatures_that_break_drivers_are_caught_in_the_real_source() {
    let tree = tree();
    let last = &tree.files[&(tree.cycle - 1)].cycle;
    for edit in EDITS {
        let head = Surface::read(&edited(edit)).unwrap().at(tree.cycle, &tree.version);
        let broken: Vec<_> = between(last, &head).iter().map(ToString::to_string).collect();
        assert!(matches!(&broken[..], [one] if one.starts_with(edit.told)), "{}: {broken:#?}", edit.what);
    }
}
