//! The usual workspace: a core of three calls, and drivers that say which of them they use.

use crate::World;

const CONFIG: &str = r#"version: 1
workspace: nova
repos:
  core: { role: common }
  kvm: { role: driver, depends_on: [core] }
  esx: { role: driver, depends_on: [core] }
  lab: { role: driver, depends_on: [core] }
common:
  core: { own_changes: [unit], sanity: [kvm] }
drivers:
  kvm: { repo: kvm, own_changes: [conform], common_changes: { mode: gating, jobs: [conform] } }
  esx: { repo: esx, kind: cluster, own_changes: [conform], common_changes: { mode: gating, jobs: [conform] } }
  xen:
    repo: lab
    paths: ["xen/**"]
    own_changes: [conform]
    common_changes: { mode: advisory, jobs: [conform] }
  docker:
    repo: lab
    paths: ["docker/**"]
    own_changes: [conform]
    common_changes: { mode: off, jobs: [conform] }
jobs:
  unit: { ignore: ["docs/**"], steps: [{ run: test -s api.txt }] }
  conform: { ignore: ["docs/**"], steps: [{ run: "sh conform.sh {{ driver.name }} {{ repo('core').path }}" }] }
"#;

/// The calls of the core.
const API: &str = "start\nstop\nreboot\n";

/// The job of a driver: every call that it uses must be there.
const CONFORM: &str = r#"while read -r call; do
    grep -qx "$call" "$2/api.txt" || { echo "error: $1 uses $call, which the core does not have"; exit 1; }
done < "$1/uses.txt"
"#;

pub(crate) fn furnish(world: &World) {
    world.writes("crossgate.yaml", CONFIG);
    world.has_repo("core", &[("api.txt", API), ("docs/intro.md", "The core\n")]);
    world.has_repo("kvm", &[("kvm/uses.txt", "start\nstop\n"), ("conform.sh", CONFORM)]);
    world.has_repo("esx", &[("esx/uses.txt", "start\nreboot\n"), ("conform.sh", CONFORM)]);
    let lab = [("xen/uses.txt", "start\n"), ("docker/uses.txt", "stop\n"), ("conform.sh", CONFORM)];
    world.has_repo("lab", &lab);
}
