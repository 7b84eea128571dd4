//! Builds the program anew when what it carries inside changes.

fn main() {
    let repos = ["nova-common", "driver-template", "jobs", "tests/repos/nova-driver-qemu"];
    let files = ["Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml"];
    for carried in repos.iter().chain(&files) {
        println!("cargo::rerun-if-changed=../../{carried}");
    }
    println!("cargo::rerun-if-changed=templates");
}
