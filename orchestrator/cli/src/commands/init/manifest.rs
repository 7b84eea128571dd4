//! What the manifests of a repo say: the packages in it, and those it names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use toml::{Table, Value};

/// How many directories deep a manifest may be.
const DEPTH: usize = 4;
/// How many files and directories are looked at.
const ENTRIES: usize = 50_000;
/// How many bytes a manifest may have.
const BYTES: u64 = 1 << 20;

/// Whose manifest it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ecosystem {
    Cargo,
    Go,
    Npm,
    Python,
}

impl Ecosystem {
    fn of(file: &str) -> Option<Self> {
        match file {
            "Cargo.toml" => Some(Self::Cargo),
            "go.mod" => Some(Self::Go),
            "package.json" => Some(Self::Npm),
            "pyproject.toml" => Some(Self::Python),
            _ => None,
        }
    }

    /// Returns the name of a job that runs its tests, and the command.
    pub(super) fn test(self) -> (&'static str, &'static str) {
        match self {
            Self::Cargo => ("cargo-test", "cargo test"),
            Self::Go => ("go-test", "go test ./..."),
            Self::Npm => ("npm-test", "npm test"),
            Self::Python => ("pytest", "python3 -m pytest"),
        }
    }
}

/// A package, by the name that manifests of its kind use.
type Package = (Ecosystem, String);

/// What all manifests of a repo say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifests {
    provides: BTreeSet<Package>,
    names: BTreeSet<Package>,
}

impl Manifests {
    /// Reads the manifests below a directory. What cannot be read is passed over: it is only for a guess.
    pub(super) fn of(dir: &Path) -> Self {
        let mut manifests = Self::default();
        let mut seen = 0;
        let mut open = vec![(dir.to_owned(), 0)];
        while let Some((dir, depth)) = open.pop() {
            let Ok(entries) = fs::read_dir(&dir) else { continue };
            for entry in entries.filter_map(Result::ok) {
                seen += 1;
                let name = entry.file_name().to_string_lossy().into_owned();
                let passed_over =
                    name.starts_with('.') || ["target", "node_modules", "vendor"].contains(&&*name);
                let Ok(kind) = entry.file_type() else { continue };
                if seen > ENTRIES {
                    return manifests;
                }
                if kind.is_dir() && depth < DEPTH && !passed_over {
                    open.push((entry.path(), depth + 1));
                } else if kind.is_file()
                    && let Some(ecosystem) = Ecosystem::of(&name)
                {
                    manifests.add(ecosystem, &text_of(&entry.path()).unwrap_or_default());
                }
            }
        }
        manifests
    }

    /// Returns whether a package of another repo is named.
    pub(super) fn uses(&self, other: &Self) -> bool {
        !self.names.is_disjoint(&other.provides)
    }

    /// Returns the first kind of manifest that it has.
    pub(super) fn ecosystem(&self) -> Option<Ecosystem> {
        self.provides.first().or(self.names.first()).map(|(ecosystem, _)| *ecosystem)
    }

    fn add(&mut self, ecosystem: Ecosystem, text: &str) {
        let (provides, names) = match ecosystem {
            Ecosystem::Cargo => cargo(text),
            Ecosystem::Go => go(text),
            Ecosystem::Npm => npm(text),
            Ecosystem::Python => python(text),
        };
        self.provides.extend(provides.map(|name| (ecosystem, name)));
        self.names.extend(names.into_iter().map(|name| (ecosystem, name)));
    }
}

fn text_of(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The package that a manifest is of, and those it names.
type Said = (Option<String>, Vec<String>);

fn cargo(text: &str) -> Said {
    let manifest: Table = text.parse().unwrap_or_default();
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let holders = targets.chain(manifest.get("workspace")).filter_map(Value::as_table).chain([&manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables =
        holders.flat_map(|holder| kinds.map(|kind| holder.get(kind))).flatten().filter_map(Value::as_table);
    let name = |(key, value): (&String, &Value)| {
        value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned()
    };
    (text_at(&manifest, &["package", "name"]), tables.flatten().map(name).collect())
}

fn go(text: &str) -> Said {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    let (mut module, mut names, mut required) = (None, Vec::new(), false);
    for line in lines {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("module"), Some(name)) => module = Some(name.to_owned()),
            (Some("require"), Some("(")) => required = true,
            (Some("require"), Some(name)) => names.push(name.to_owned()),
            (Some(")"), _) => required = false,
            (Some(name), Some(_)) if required => names.push(name.to_owned()),
            _ => {}
        }
    }
    (module, names)
}

fn npm(text: &str) -> Said {
    let manifest: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let kinds = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
    let tables = kinds.into_iter().filter_map(|kind| manifest.get(kind)?.as_object());
    let name = manifest.get("name").and_then(serde_json::Value::as_str).map(str::to_owned);
    (name, tables.flat_map(|table| table.keys().cloned()).collect())
}

fn python(text: &str) -> Said {
    let manifest: Table = text.parse().unwrap_or_default();
    let list = |value: Option<&Value>| -> Vec<String> {
        let values = value.and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).filter_map(requirement).collect()
    };
    let project = manifest.get("project");
    let optional = project.and_then(|project| project.get("optional-dependencies")?.as_table());
    let poetry = manifest.get("tool").and_then(|tool| tool.get("poetry"));
    let poetry_names = poetry.and_then(|poetry| poetry.get("dependencies")?.as_table());
    let mut names = list(project.and_then(|project| project.get("dependencies")));
    names.extend(optional.into_iter().flat_map(Table::values).flat_map(|value| list(Some(value))));
    names.extend(poetry_names.into_iter().flat_map(Table::keys).map(|name| normal(name)));
    let name =
        text_at(&manifest, &["project", "name"]).or_else(|| text_at(&manifest, &["tool", "poetry", "name"]));
    (name.map(|name| normal(&name)), names)
}

/// Returns the name in a requirement (PEP 508): what stands before extras, versions and markers.
fn requirement(text: &str) -> Option<String> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = text.trim().split(|c| !part_of_name(c)).next()?;
    (!name.is_empty()).then(|| normal(name))
}

/// Python takes case, `-`, `_` and `.` for the same (PEP 503).
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn text_at(table: &Table, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))?;
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ecosystem: Ecosystem, text: &str) -> Manifests {
        let mut manifests = Manifests::default();
        manifests.add(ecosystem, text);
        manifests
    }

    #[test]
    fn each_kind_of_manifest_names_the_other_repo() {
        for (ecosystem, common, driver) in [
            (
                Ecosystem::Cargo,
                "package.name = 'nova-api'",
                "[target.'cfg(unix)'.dependencies]\napi = { package = 'nova-api', version = '1' }",
            ),
            (
                Ecosystem::Go,
                "module example.org/common // the core",
                "module example.org/xen\nrequire (\n\texample.org/common v1.0.0\n)",
            ),
            (
                Ecosystem::Npm,
                r#"{"name":"@nova/common"}"#,
                r#"{"name":"xen","peerDependencies":{"@nova/common":"1"}}"#,
            ),
            (
                Ecosystem::Python,
                "project.name = 'Nova_Common'",
                "project.dependencies = ['nova.common[x]>=1; y']",
            ),
        ] {
            let (common, driver) = (said(ecosystem, common), said(ecosystem, driver));
            assert!(driver.uses(&common), "{driver:?}");
            assert!(!common.uses(&driver) && !driver.uses(&driver), "{common:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for ecosystem in [Ecosystem::Cargo, Ecosystem::Go, Ecosystem::Npm, Ecosystem::Python] {
            assert_eq!(said(ecosystem, "{[\u{0}"), Manifests::default());
        }
    }
}
