//! What steps find around them: a cleared environment, and the user's toolchain and crates, to be read only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crossgate_core::build::BuildRequest;
use toml::{Table, Value};

use crate::settings::Settings;
use crate::workdir::Paths;

/// Where programs are looked for, after the user's toolchain.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Parts of a cargo home that hold what was downloaded.
pub(crate) const DOWNLOADED: [&str; 2] = ["registry", "git"];

/// A directory that a step may read, where it is and where the step sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) on_disk: PathBuf,
    pub(crate) as_seen: PathBuf,
}

/// Returns the environment of a build's steps, which see `paths`. The runner's own variables win over the job's.
pub(crate) fn variables(
    request: &BuildRequest,
    paths: &Paths,
    settings: &Settings,
) -> BTreeMap<String, OsString> {
    let mut all: BTreeMap<String, OsString> =
        request.variables.iter().map(|(name, value)| (name.clone(), value.into())).collect();
    let programs = settings.cargo_home.iter().map(|home| format!("{}/bin:", home.display()));
    let own: [(&str, OsString); 15] = [
        ("PATH", (programs.collect::<String>() + SYSTEM_PATH).into()),
        ("HOME", paths.home.clone().into()),
        ("TMPDIR", paths.tmp.clone().into()),
        ("LANG", "C.UTF-8".into()),
        ("CI", "true".into()),
        ("CARGO_HOME", cargo_home(request, paths).into()),
        ("CARGO_TARGET_DIR", paths.target().into()),
        ("CARGO_NET_OFFLINE", (!request.network).to_string().into()),
        ("CARGO_TERM_COLOR", "never".into()),
        // Sources are placed anew for each build, so it would only cost.
        ("CARGO_INCREMENTAL", "0".into()),
        // A toolchain that is missing is an error of the step, not a download.
        ("RUSTUP_AUTO_INSTALL", "0".into()),
        ("CROSSGATE_BUILD", request.id.as_str().into()),
        ("CROSSGATE_CACHE", paths.cache.clone().into()),
        ("CROSSGATE_SRC", paths.src.clone().into()),
        ("CROSSGATE_REPO", request.repo.as_str().into()),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    all.extend(settings.rustup_home.iter().map(|home| ("RUSTUP_HOME".to_owned(), home.clone().into())));
    all
}

/// Says what is wrong with the names of a job's variables.
///
/// Those of the dynamic linker would already act on what makes the sandbox, outside of it.
pub(crate) fn check_variables(request: &BuildRequest) -> Result<(), String> {
    let plain = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    let linker = |name: &str| name.starts_with("LD_") || name.starts_with("GLIBC_TUNABLES");
    match request.variables.iter().find(|(name, value)| !plain(name) || linker(name) || value.contains('\0'))
    {
        Some((name, _)) => Err(format!("a job may not set the variable `{}`", name.escape_debug())),
        None => Ok(()),
    }
}

/// Where cargo keeps what it writes. What it downloads is worth keeping; without the network it has the user's downloads.
fn cargo_home(request: &BuildRequest, paths: &Paths) -> PathBuf {
    if request.network { paths.cache.join("cargo") } else { paths.cargo_home() }
}

/// Makes the cargo home on disk: links to the user's downloads if steps see the real paths, else where to mount them.
pub(crate) fn furnish(paths: &Paths, settings: &Settings, sandboxed: bool) -> io::Result<()> {
    let home = paths.cargo_home();
    fs::create_dir_all(&home)?;
    let Some(users) = &settings.cargo_home else { return Ok(()) };
    if let Some(config) = sources(users) {
        fs::write(home.join("config.toml"), config)?;
    }
    for part in DOWNLOADED.iter().filter(|part| users.join(part).is_dir()) {
        if sandboxed {
            fs::create_dir(home.join(part))?;
        } else {
            symlink(users.join(part), home.join(part))?;
        }
    }
    Ok(())
}

/// Lists what a sandboxed step may read of the user's: toolchains, programs and, if it is offline, downloaded crates.
pub(crate) fn readable(settings: &Settings, paths: &Paths, network: bool) -> Vec<Readable> {
    let mut list = Vec::new();
    let mut same = |path: PathBuf| list.push(Readable { as_seen: path.clone(), on_disk: path });
    if let Some(rustup) = &settings.rustup_home {
        linked_toolchains(rustup).into_iter().for_each(&mut same);
        same(rustup.clone());
    }
    let Some(cargo) = &settings.cargo_home else { return list };
    same(cargo.join("bin"));
    if !network {
        let downloaded = DOWNLOADED.iter();
        list.extend(
            downloaded
                .map(|part| Readable { on_disk: cargo.join(part), as_seen: paths.cargo_home().join(part) }),
        );
    }
    list.retain(|readable| readable.on_disk.is_dir());
    list
}

/// Lists the toolchains that are links to somewhere outside of rustup's home.
fn linked_toolchains(rustup: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(rustup.join("toolchains")).into_iter().flatten().flatten();
    let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| target.is_absolute() && !target.starts_with(rustup)).collect()
}

/// Returns the part of the user's cargo configuration that says where crates come from, without which the downloaded ones
/// are not found, and without the tokens that may stand beside it.
fn sources(cargo_home: &Path) -> Option<String> {
    let config: Table = fs::read_to_string(cargo_home.join("config.toml")).ok()?.parse().ok()?;
    let mut kept = Table::new();
    kept.extend(config.get("source").map(|source| ("source".to_owned(), source.clone())));
    let registries = config.get("registries").and_then(Value::as_table).into_iter().flatten();
    let index = |(name, registry): (&String, &Value)| {
        let index = ("index".to_owned(), registry.get("index")?.clone());
        Some((name.clone(), Value::Table(Table::from_iter([index]))))
    };
    let registries: Table = registries.filter_map(index).collect();
    if !registries.is_empty() {
        kept.insert("registries".to_owned(), registries.into());
    }
    (!kept.is_empty()).then(|| toml::to_string(&kept).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_come_along_and_tokens_do_not() {
        let home = tempfile::tempdir().unwrap();
        let config = "[source.crates-io]\nreplace-with = 'mirror'\n[source.mirror]\nregistry = 'sparse+https://m/'\n\
                      [registries.own]\nindex = 'sparse+https://o/'\ntoken = 'hunter2'\n[net]\noffline = false";
        fs::write(home.path().join("config.toml"), config).unwrap();
        insta::assert_snapshot!(sources(home.path()).unwrap(), @r#"
        [registries.own]
        index = "sparse+https://o/"

        [source.crates-io]
        replace-with = "mirror"

        [source.mirror]
        registry = "sparse+https://m/"
        "#);
        fs::write(home.path().join("config.toml"), "[registries.own]\ntoken = 'hunter2'").unwrap();
        assert_eq!(sources(home.path()), None);
    }
}
