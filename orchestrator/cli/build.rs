//! Builds the program anew when what it carries inside changes.

fn main() {
    for carried in
        ["nova-common", "driver-template", "jobs", "Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml"]
    {
        println!("cargo::rerun-if-changed=../../{carried}");
    }
    println!("cargo::rerun-if-changed=templates");
}
