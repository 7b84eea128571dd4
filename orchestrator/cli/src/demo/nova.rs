//! The repo nova-common, as it would stand alone: the crates of this repository under a workspace manifest of their own.

use include_dir::{Dir, include_dir};
use toml::{Table, Value};

use crate::error::CliError;

static CRATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../nova-common");
const MANIFEST: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");
const RUSTFMT: &str = include_str!("../../../../rustfmt.toml");
const CLIPPY: &str = include_str!("../../../../clippy.toml");
const LICENSE: &str = include_str!("../../../../LICENSE");

/// Returns the crates.
pub(super) fn crates() -> &'static Dir<'static> {
    &CRATES
}

/// Returns the versions of everything that the demo's crates need; cargo takes out what a repo does not.
pub(super) fn lock() -> &'static str {
    LOCK
}

/// Returns the files that stand beside the crates.
pub(super) fn files() -> Result<Vec<(&'static str, String)>, CliError> {
    Ok(vec![
        ("Cargo.toml", manifest()?),
        ("rustfmt.toml", RUSTFMT.to_owned()),
        ("clippy.toml", CLIPPY.to_owned()),
        ("LICENSE", LICENSE.to_owned()),
        (".gitignore", "/target\n".to_owned()),
    ])
}

/// The workspace manifest: this repository's own, with only what the crates use.
fn manifest() -> Result<String, CliError> {
    let whole: Table = MANIFEST.parse().map_err(CliError::internal)?;
    let mut workspace = table(&whole, "workspace")?.clone();
    let members: Vec<&str> = CRATES.dirs().filter_map(|dir| dir.path().file_name()?.to_str()).collect();
    let manifests: Vec<Table> = members
        .iter()
        .filter_map(|member| CRATES.get_file(format!("{member}/Cargo.toml"))?.contents_utf8()?.parse().ok())
        .collect();
    let lists = ["dependencies", "dev-dependencies", "build-dependencies"];
    let used = |name: &str| {
        let listed = |manifest: &Table, list| {
            manifest.get(list).and_then(Value::as_table).is_some_and(|t| t.contains_key(name))
        };
        manifests.iter().any(|manifest| lists.iter().any(|list| listed(manifest, *list)))
    };
    let mut dependencies = table(&workspace, "dependencies")?.clone();
    dependencies.retain(|name, _| used(name));
    for (_, dependency) in &mut dependencies {
        if let Some(path) = dependency.get_mut("path")
            && let Some(inside) = path.as_str().and_then(|path| path.strip_prefix("nova-common/"))
        {
            *path = Value::String(inside.to_owned());
        }
    }
    workspace.insert("dependencies".to_owned(), Value::Table(dependencies));
    workspace.insert("members".to_owned(), members.into());
    let mut profile = table(&whole, "profile")?.clone();
    let of_packages = profile.get_mut("dev").and_then(|dev| dev.get_mut("package"));
    if let Some(packages) = of_packages.and_then(Value::as_table_mut) {
        // cargo warns of packages that a workspace does not have.
        packages.retain(|name, _| name == "*");
    }
    let manifest = Table::from_iter([
        ("workspace".to_owned(), Value::Table(workspace)),
        ("profile".to_owned(), Value::Table(profile)),
    ]);
    toml::to_string(&manifest).map_err(CliError::internal)
}

fn table<'a>(of: &'a Table, name: &str) -> Result<&'a Table, CliError> {
    let found = of.get(name).and_then(Value::as_table);
    found.ok_or_else(|| CliError::internal(anyhow::anyhow!("the manifest has no table `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_has_what_the_crates_use_and_nothing_else() {
        let manifest: Table = manifest().unwrap().parse().unwrap();
        let workspace = table(&manifest, "workspace").unwrap();
        let members: Vec<_> =
            workspace["members"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(members, ["api", "conformance", "frozen", "lifecycle", "macros"]);
        let dependencies = table(workspace, "dependencies").unwrap();
        assert_eq!(dependencies["nova-api"]["path"].as_str(), Some("api"));
        let packages = &manifest["profile"]["dev"]["package"];
        assert_eq!(packages.as_table().map(|all| all.keys().map(String::as_str).collect()), Some(vec!["*"]));
        assert!(dependencies.contains_key("serde") && !dependencies.contains_key("tokio"));
    }
}
