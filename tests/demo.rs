//! `crossgate demo` with real crates: about 60 s on two idle cores, most of it in the demo's own builds.

#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crossgate_tests::{World, program};
use serde_json::Value;

/// What each scene shows, as the rows of its matrix without builds and explanations.
const SCENES: &[(&str, &[&str], &str)] = &[
    (
        "(a)",
        &[
            "– common-unit gating passed",
            "– api-compat gating passed",
            "hyperv driver-conformance gating broken-before",
            "ironic driver-conformance advisory passed",
            "libvirt driver-conformance gating passed",
            "vmware driver-conformance gating passed",
            "xen driver-conformance silent passed",
            "docker driver-conformance not-applicable",
        ],
        "may land nova-common@",
    ),
    (
        "(b)",
        &[
            "– common-unit gating passed",
            "– api-compat gating passed",
            "hyperv driver-conformance gating broken-before",
            "ironic driver-conformance advisory regressed",
            "libvirt driver-conformance gating passed",
            "vmware driver-conformance gating regressed",
            "xen driver-conformance silent passed",
            "docker driver-conformance not-applicable",
        ],
        "must not land nova-common@",
    ),
    (
        "(c)",
        &[
            "vmware driver-unit gating passed",
            "vmware driver-conformance gating passed",
            "xen driver-conformance not-applicable",
        ],
        "may land nova-driver-vmware@",
    ),
    (
        "(d)",
        &[
            "xen driver-unit gating passed",
            "xen driver-conformance gating passed",
            "docker 2 jobs not-applicable",
        ],
        "may land nova-drivers-lab@",
    ),
    (
        "(e)",
        &[
            "with nova-driver-vmware@",
            "vmware driver-conformance gating passed",
            "ironic driver-conformance advisory passed",
            "hyperv driver-conformance gating broken-before",
        ],
        "may land nova-common@",
    ),
];

/// Gives a command the toolchain and the downloaded crates of whoever runs the tests; nothing is downloaded.
fn with_toolchain(command: &mut Command) -> Output {
    for (variable, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let home = std::env::var_os(variable).map(PathBuf::from);
        let home = home.or_else(|| std::env::home_dir().map(|home| home.join(below)));
        command.envs(home.filter(|home| home.is_dir()).map(|home| (variable, home)));
    }
    command.env("CARGO_NET_OFFLINE", "true").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn plays(world: &World, more: &[&str]) -> (String, Duration) {
    let begun = Instant::now();
    let output = with_toolchain(&mut world.prepares(&[&["demo"], more].concat()));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let offline =
        "the demo is built from what building this workspace downloaded; `cargo fetch` gets what is missing";
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}\n({offline})");
    (out, begun.elapsed())
}

/// Returns lines with one blank where there were several, so that the width of columns does not matter.
fn plain(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_demo_plays_as_told_twice_and_its_next_steps_work() {
    let world = World::empty();
    // The README has it played in a checkout of this repository, which is a cargo workspace.
    world.writes("Cargo.toml", "[workspace]\n");
    let (out, first) = plays(&world, &[]);
    println!("the first run took {first:?}");
    let mut rest = out.as_str();
    for (scene, rows, ending) in SCENES {
        let (_, after) =
            rest.split_once(&format!("\n{scene} ")).unwrap_or_else(|| panic!("{scene} in {out}"));
        let end = after.find("\n→ ").unwrap_or_else(|| panic!("an explanation of {scene} in {out}"));
        let lines = plain(&after[..end]);
        for told in rows.iter().chain([ending]) {
            assert!(lines.iter().any(|line| line.starts_with(told)), "{scene}: `{told}` in {lines:#?}");
        }
        rest = &after[end..];
    }
    assert!(!out.contains("this is not how the story goes"), "{out}");
    follows(&world, &out);
    let (again, second) = plays(&world, &["--format", "json"]);
    println!("the second run took {second:?}");
    let json: Value = serde_json::from_str(&again).unwrap();
    let scenes = json["scenes"].as_array().unwrap();
    let lands: Vec<_> = scenes.iter().map(|scene| scene["lands"].as_bool().unwrap()).collect();
    assert_eq!(lands, [true, false, true, true, true]);
    assert!(scenes.iter().all(|scene| scene["as_told"] == true), "{again}");
    let rows = scenes.iter().flat_map(|scene| scene["items"][0]["rows"].as_array().unwrap());
    let passed = rows.filter(|row| row["state"]["verdict"] == "passed");
    let builds: Vec<_> = passed.flat_map(|row| row["builds"].as_array().unwrap()).collect();
    assert!(
        builds.len() > 10 && builds.iter().all(|build| build["reused"] == true),
        "what has passed is reused: {again}"
    );
}

#[test]
#[ignore = "needs QEMU, and minutes for what its driver is built of: `tests/run --long` runs it"]
fn with_qemu_a_driver_of_real_virtual_machines_plays_too() {
    let world = World::empty();
    world.writes("Cargo.toml", "[workspace]\n");
    let (out, took) = plays(&world, &["--with-qemu", "--format", "json"]);
    println!("it took {took:?}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let scenes = json["scenes"].as_array().unwrap();
    assert!(scenes.iter().all(|scene| scene["as_told"] == true), "{out}");
    let rows = scenes.iter().flat_map(|scene| scene["items"][0]["rows"].as_array().unwrap());
    let of_qemu = rows.filter(|row| row["driver"] == "qemu" && row["state"]["verdict"] == "passed");
    assert_eq!(of_qemu.count(), 3, "each change of the common core: {out}");
}

/// Types in what the demo suggests, line by line, as a person would.
fn follows(world: &World, out: &str) {
    let (_, lines) = out.split_once("Try next:\n").unwrap();
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    assert!(lines.len() >= 7, "{lines:?}");
    let (ways, commands) =
        lines.split_at(lines.iter().position(|line| line.starts_with("crossgate ")).unwrap());
    for command in commands {
        // An alias holds from the next line on.
        let script = format!("{}\n{command}\n", ways.join("\n"));
        let mut shell = world.command("sh", &world.root());
        let output = with_toolchain(shell.args(["-c", &script]));
        let told = format!("{command}\n{}\n{}", text(&output.stdout), text(&output.stderr));
        let refused = command.starts_with("crossgate check");
        assert_eq!(output.status.code(), Some(i32::from(refused)), "{told}");
        assert!(!output.stdout.is_empty(), "{told}");
    }
    assert!(program().is_file(), "the program is where the alias leads");
}
