//! What each team has done since its repo was made: the state in which the story begins.

use super::rule::{CASE, CAUGHT_LYING, CAUGHT_PANICKING, FAULT, SUITE, WRONG_DRIVER};
use super::{Commit, Edit};

const GATE: Edit = Edit { path: ".crossgate.yaml", from: "mode: advisory", to: "mode: gating" };

/// The second commit on the main branch of each repo.
pub(crate) const TIPS: &[Commit] = &[
    Commit {
        repo: "nova-common",
        branch: "main",
        subject: "Leave drivers a cycle before what is off must not be rebooted",
        body: "Not all of them refuse it, and nobody has told them. The suite asks for it when the cycle ends.",
        edits: &[
            SUITE.taken_back(),
            CASE.taken_back(),
            WRONG_DRIVER.taken_back(),
            FAULT.taken_back(),
            CAUGHT_LYING.taken_back(),
            CAUGHT_PANICKING.taken_back(),
        ],
    },
    Commit {
        repo: "nova-driver-libvirt",
        branch: "main",
        subject: "Gate common changes",
        body: "Our job has been red only when something was broken. A regression of ours may block.",
        edits: &[GATE],
    },
    Commit {
        repo: "nova-driver-vmware",
        branch: "main",
        subject: "Say memory in megabytes, and gate common changes",
        body: "The manager's figures are plain numbers, so the call that takes one is closer to them.",
        edits: &[
            GATE,
            Edit {
                path: "src/lib.rs",
                from: ".memory(node.memory).disk",
                to: ".memory_mb(node.memory.0).disk",
            },
        ],
    },
    Commit {
        repo: "nova-driver-ironic",
        branch: "main",
        subject: "Let a reboot start a machine that is off",
        body: "Operators of bare metal press the button to have the machine run, whatever it does now.",
        edits: &[Edit {
            path: "src/lib.rs",
            from: "        let from = [PowerState::Running];\n",
            to: "        let from = [PowerState::Running, PowerState::Off];\n",
        }],
    },
    Commit {
        repo: "nova-driver-hyperv",
        branch: "main",
        subject: "Keep paused machines, and gate common changes",
        body: "A paused machine may be under inspection; removing it would lose its memory.",
        edits: &[
            GATE,
            Edit {
                path: "src/backend/memory.rs",
                from: "        state.machines.retain(|_, machine| machine.instance != *instance);\n",
                to: "        let paused = |machine: &Machine| machine.power == PowerState::Paused;\n        \
                     state.machines.retain(|_, machine| paused(machine) || machine.instance != *instance);\n",
            },
        ],
    },
    Commit {
        repo: "nova-drivers-lab",
        branch: "main",
        subject: "Watch common changes with xen, and leave docker out",
        body: "xen's results are for ourselves until we trust them; nobody maintains docker now.",
        edits: &[
            Edit {
                path: ".crossgate.yaml",
                from: "for xen.\n    common_changes:\n      mode: advisory",
                to: "for xen.\n    common_changes:\n      mode: silent",
            },
            Edit {
                path: ".crossgate.yaml",
                from: "for docker.\n    common_changes:\n      mode: advisory",
                to: "for docker.\n    common_changes:\n      mode: \"off\"",
            },
        ],
    },
];
