//! The program under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Returns the path of `crossgate`: the one that the variable `CROSSGATE` names, else it is built first.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os("CROSSGATE").map_or_else(build, PathBuf::from))
}

/// Builds the program with the features that `cargo test --workspace` builds it with, so that then nothing is left to do.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--bin",
        "crossgate",
        "--test",
        "architecture",
    ]);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = cargo.output().expect("cargo, which built this test, is there");
    assert!(output.status.success(), "the program does not build: {cargo:?}");
    let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let message = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
    let is_ours = |message: &serde_json::Value| message["target"]["name"] == "crossgate";
    let path = messages
        .lines()
        .filter_map(message)
        .filter(is_ours)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.expect("cargo says where it put the program")
}
