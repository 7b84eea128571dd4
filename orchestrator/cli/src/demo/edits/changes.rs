//! The changes that the story proposes, each on a branch of its own.

use super::rule::{CASE, CAUGHT_LYING, CAUGHT_PANICKING, FAULT, SUITE, WRONG_DRIVER};
use super::{Commit, Edit};

/// (a) A compatible common change: nodes can say that they are being emptied.
pub(crate) const ADD_DRAINING: Commit = Commit {
    repo: "nova-common",
    branch: "add-node-draining",
    subject: "Let a node say that it is being emptied",
    body: "A node that is about to be serviced should get no new instances. Drivers that say nothing\n\
           are taken as before.",
    edits: &[
        Edit {
            path: "api/src/node.rs",
            from: "    /// All disk space for instances.\n    pub disk: GiB,\n}",
            to: "    /// All disk space for instances.\n    pub disk: GiB,\n    \
                 /// Whether it is being emptied and should get no new instances.\n    \
                 #[api(since = \"1.1\")]\n    #[serde(default)]\n    pub draining: bool,\n}",
        },
        Edit {
            path: "api/src/node.rs",
            from: "#[api(version = \"1.0\")]\n#[non_exhaustive]\npub struct NodeDesc {",
            to: "#[api(version = \"1.1\")]\n#[non_exhaustive]\npub struct NodeDesc {",
        },
        Edit {
            path: "api/src/node.rs",
            from: "        Self { object: Header::default(), name, vcpus: Vcpus(0), memory: MiB(0), disk: GiB(0) }\n",
            to: "        let (vcpus, memory, disk) = (Vcpus(0), MiB(0), GiB(0));\n        \
                 Self { object: Header::default(), name, vcpus, memory, disk, draining: false }\n",
        },
        Edit {
            path: "api/src/node.rs",
            from: "        self.disk = disk;\n        self\n    }\n",
            to: "        self.disk = disk;\n        self\n    }\n\n    \
                 /// Says that the node is being emptied and should get no new instances.\n    \
                 #[must_use]\n    pub fn draining(mut self) -> Self {\n        \
                 self.draining = true;\n        self\n    }\n",
        },
        Edit {
            path: "api/cycles/3.json",
            from: r#"    {"item":"NodeDesc.memory","#,
            to: "    {\"item\":\"NodeDesc.draining\",\"signature\":\"bool\",\"terms\":\"serde(default)\"},\n    \
                 {\"item\":\"NodeDesc.memory\",",
        },
        Edit {
            path: "api/cycles/3.json",
            from: r#"    {"item":"NodeDesc::memory","#,
            to: "    {\"item\":\"NodeDesc::draining\",\"signature\":\"fn draining(mut self) -> Self\"},\n    \
                 {\"item\":\"NodeDesc::memory\",",
        },
        Edit { path: "api/REFERENCE.md", from: "### `NodeDesc` 1.0\n", to: "### `NodeDesc` 1.1\n" },
        Edit {
            path: "api/REFERENCE.md",
            from: "| `disk` | `GiB` | All disk space for instances. | 1.0 |\n\n### `ProviderView`",
            to: "| `disk` | `GiB` | All disk space for instances. | 1.0 |\n\
                 | `draining` | `bool` | Whether it is being emptied and should get no new instances. | 1.1 |\n\n\
                 ### `ProviderView`",
        },
        Edit {
            path: "api/cycles/3.json",
            from: r#""object NodeDesc","signature":"1.0""#,
            to: r#""object NodeDesc","signature":"1.1""#,
        },
        Edit {
            path: "api/tests/objects.rs",
            from: "    assert_travels(&ProviderView::new(",
            to: "    assert_travels(&NodeDesc::new(node()).draining());\n    assert_travels(&ProviderView::new(",
        },
    ],
};

/// (b) A breaking common change: what was deprecated leaves, and the suite tests what it only documented.
pub(crate) const TIDY_CYCLE: Commit = Commit {
    repo: "nova-common",
    branch: "tidy-cycle-3",
    subject: "Remove memory_mb, and test that what is off is not rebooted",
    body: "`NodeDesc::memory_mb` has been deprecated for a cycle. That a reboot of an instance that is off\n\
           is refused has been documented all along; now the suite asks for it.",
    edits: &[
        DROP_CALL,
        DROP_SIGNATURE,
        DROP_TEST,
        SUITE.asked_for(),
        CASE.asked_for(),
        WRONG_DRIVER.asked_for(),
        FAULT.asked_for(),
        CAUGHT_LYING.asked_for(),
        CAUGHT_PANICKING.asked_for(),
    ],
};

/// (c) A change to one driver.
pub(crate) const REFUSE_EMPTY_MACHINES: Commit = Commit {
    repo: "nova-driver-vmware",
    branch: "refuse-empty-machines",
    subject: "Refuse machines without a processor",
    body: "The manager takes such a request and fails minutes later.",
    edits: &[
        Edit {
            path: "src/lib.rs",
            from: "        let created = Created::new(request.instance.clone());\n",
            to: "        if request.vcpus == nova_api::Vcpus(0) {\n            \
                 let why = \"a machine needs a processor\".to_owned();\n            \
                 return Err(nova_api::BadRequest(why).into());\n        }\n        \
                 let created = Created::new(request.instance.clone());\n",
        },
        Edit {
            path: "src/tests.rs",
            from: "#[test]\nfn a_refusal_says_what_is_lacking() {",
            to: r#"#[test]
fn a_machine_without_a_processor_is_refused() {
    let driver = driver();
    let empty = request("i-1", nodes_of(&driver).remove(0)).vcpus(Vcpus(0));
    let refused = block_on(driver.create(&call("op-1"), empty)).unwrap_err();
    assert!(matches!(&refused, CreateError::BadRequest(_)), "{refused:?}");
}

#[test]
fn a_refusal_says_what_is_lacking() {"#,
        },
    ],
};

/// (d) A change to one driver of a set.
pub(crate) const RESERVE_DOM0_MEMORY: Commit = Commit {
    repo: "nova-drivers-lab",
    branch: "reserve-dom0-memory",
    subject: "Keep 1 GiB of a Xen host for dom0",
    body: "Instances that take all memory starve the domain that serves their disks.",
    edits: &[Edit {
        path: "xen/src/backend/memory.rs",
        from: "            memory: MiB(65_536),\n",
        to: "            // dom0 serves the disks of all others and needs 1 GiB.\n            \
             memory: MiB(65_536 - 1_024),\n",
    }],
};

/// (e) A common change that one driver must follow.
pub(crate) const REMOVE_MEMORY_MB: Commit = Commit {
    repo: "nova-common",
    branch: "remove-memory-mb",
    subject: "Remove memory_mb",
    body: "It has been deprecated for a cycle, and vmware is the last to use it.\n\n\
           Depends-On: nova-driver-vmware@use-typed-memory",
    edits: &[DROP_CALL, DROP_SIGNATURE, DROP_TEST],
};

/// (e) The driver's side of it.
pub(crate) const CONVERT_VMWARE: Commit = Commit {
    repo: "nova-driver-vmware",
    branch: "use-typed-memory",
    subject: "Say memory with its unit",
    body: "`memory_mb` is deprecated and about to leave.",
    edits: &[Edit {
        path: "src/lib.rs",
        from: ".memory_mb(node.memory.0).disk",
        to: ".memory(node.memory).disk",
    }],
};

const DROP_CALL: Edit = Edit {
    path: "api/src/node.rs",
    from: r#"    /// Sets all memory for instances, in mebibytes.
    #[deprecated(since = "1.0.0", note = "a bare number has been taken for megabytes: use `memory(MiB(…))`")]
    #[must_use]
    pub fn memory_mb(self, memory_mb: u64) -> Self {
        self.memory(MiB(memory_mb))
    }

"#,
    to: "",
};

const DROP_SIGNATURE: Edit = Edit {
    path: "api/cycles/3.json",
    from: concat!(
        r#"    {"item":"NodeDesc::memory_mb","signature":"fn memory_mb(self, memory_mb: u64) -> Self","deprecated_in":1,"#,
        r#""note":"a bare number has been taken for megabytes: use `memory(MiB(…))`"},"#,
        "\n",
    ),
    to: "",
};

const DROP_TEST: Edit = Edit {
    path: "api/tests/objects.rs",
    from: r#"
#[test]
#[expect(deprecated, reason = "what is deprecated still works")]
fn the_deprecated_call_does_what_its_replacement_does() {
    assert_eq!(NodeDesc::new(node()).memory_mb(64), NodeDesc::new(node()).memory(MiB(64)));
}
"#,
    to: "",
};
