//! Makes the workspace: six drivers in five repos around a common core, each with a history.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crossgate_core::ids::RepoName;
use include_dir::{Dir, DirEntry, include_dir};

use super::edits::{Commit, TIPS};
use super::git::{environment, git};
use super::nova;
use crate::error::CliError;
use crate::template::{self, CiFile, Kind, NewDriver, NewRepo};

static JOBS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../jobs");
static QEMU: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../tests/repos/nova-driver-qemu");
const WORKSPACE: &str = include_str!("../../templates/demo.yaml");

/// Names the version of the demo that made a workspace. Not in `.crossgate/`, which anybody may remove.
const MARKER: &str = ".crossgate-demo";

/// Where the demo's bare repos are, below its workspace.
const FORGE: &str = "repos";

/// The core that the drivers are written against.
pub(crate) const COMMON: &str = "nova-common";

/// The driver repo that is as its team has it, not as the template makes it.
const QEMU_REPO: &str = "nova-driver-qemu";

/// The other driver repos, and the drivers they hold.
const DRIVER_REPOS: &[(&str, &[(&str, Kind)])] = &[
    ("nova-driver-libvirt", &[("libvirt", Kind::Hypervisor)]),
    ("nova-driver-vmware", &[("vmware", Kind::Cluster)]),
    ("nova-driver-ironic", &[("ironic", Kind::Cluster)]),
    ("nova-driver-hyperv", &[("hyperv", Kind::Hypervisor)]),
    ("nova-drivers-lab", &[("xen", Kind::Hypervisor), ("docker", Kind::Hypervisor)]),
];

/// Which repos the workspace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// The core, and drivers with back ends in memory.
    Standard,
    /// A driver of real virtual machines too.
    WithQemu,
}

/// Makes the workspace in a directory that does not exist yet; `changes` become branches of the checkouts. It is made
/// beside its place and moved there whole, so that a half-made one is never seen. What is left when this is ended before
/// its time, the next one for the same place sweeps away.
///
/// # Errors
/// [`CliError::Environment`] if git or cargo fail, or the disk does, or somebody else makes it at this moment.
pub(crate) fn make(dir: &Path, changes: &[Commit], cast: Cast) -> Result<(), CliError> {
    let mut name = OsString::from(".");
    name.push(dir.file_name().unwrap_or_default());
    name.push(".half");
    let half = dir.with_file_name(name);
    let _claim = claim(&half)?;
    let made = fill(&half, dir, changes, cast)
        .and_then(|()| fs::rename(&half, dir).map_err(|source| CliError::io(dir, source)));
    if made.is_err() {
        // What failed is told; what is left of it is not worth more.
        drop(fs::remove_dir_all(&half));
    }
    made
}

/// Returns whether this version of the demo made the workspace in a directory, and with these repos.
pub(crate) fn made(dir: &Path, cast: Cast) -> bool {
    fs::read_to_string(dir.join(MARKER)).is_ok_and(|text| text == marker(cast))
}

fn marker(cast: Cast) -> String {
    let more = if cast == Cast::WithQemu { " with QEMU" } else { "" };
    format!("{}{more}", env!("CARGO_PKG_VERSION"))
}

/// Makes an empty directory that is this process's alone for as long as what is returned lives.
fn claim(half: &Path) -> Result<File, CliError> {
    let failed = |source| CliError::io(half, source);
    let busy =
        || environment(format!("`{}` is being made already", half.display()), "wait until it is there");
    fs::create_dir_all(half).map_err(failed)?;
    let claim = File::open(half).map_err(failed)?;
    match claim.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy()),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Whoever had it may have finished, and moved it to its place, before it was locked.
    let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    let claimed = claim.metadata().map_err(failed)?;
    if fs::metadata(half).ok().as_ref().map(id) != Some(id(&claimed)) {
        return Err(busy());
    }
    for entry in fs::read_dir(half).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|source| CliError::io(&path, source))?;
    }
    Ok(claim)
}

/// Makes the workspace in `root`, for its place in `dir`.
fn fill(root: &Path, dir: &Path, changes: &[Commit], cast: Cast) -> Result<(), CliError> {
    write(&root.join("crossgate.yaml"), workspace(cast).as_bytes())?;
    write(&root.join(".gitignore"), b"/.crossgate/\n")?;
    extract(&JOBS, &root.join("jobs"))?;
    let common = root.join(COMMON);
    extract(nova::crates(), &common)?;
    for (path, text) in nova::files()? {
        write(&common.join(path), text.as_bytes())?;
    }
    for (name, drivers) in DRIVER_REPOS {
        template::write(&driver_repo(name, drivers), &root.join(name))?;
    }
    if cast == Cast::WithQemu {
        extract(&QEMU, &root.join(QEMU_REPO))?;
    }
    overrides(root, cast)?;
    for name in names(cast) {
        let checkout = root.join(name);
        lock(&checkout)?;
        git(&checkout, &["init", "--quiet"])?;
        commit_all(&checkout, &format!("Begin {name}"))?;
        for tip in TIPS.iter().filter(|tip| tip.repo == name) {
            commit(&checkout, tip)?;
        }
        let place = Path::new(FORGE).join(format!("{name}.git"));
        let bare = root.join(&place);
        fs::create_dir_all(&bare).map_err(|source| CliError::io(&bare, source))?;
        git(&bare, &["init", "--quiet", "--bare"])?;
        git(&checkout, &["remote", "add", "origin", &bare.to_string_lossy()])?;
        git(&checkout, &["push", "--quiet", "--set-upstream", "origin", "main"])?;
        git(&checkout, &["remote", "set-url", "origin", &dir.join(place).to_string_lossy()])?;
    }
    for change in changes {
        propose(&root.join(change.repo), change)?;
    }
    write(&root.join(MARKER), marker(cast).as_bytes())
}

fn driver_repo(name: &str, drivers: &[(&str, Kind)]) -> NewRepo {
    let new = |&(name, kind): &(&str, Kind)| NewDriver { name: name.to_owned(), kind };
    let set = drivers.len() > 1;
    let drivers = drivers.iter().map(new).collect();
    NewRepo { name: name.to_owned(), drivers, set, ci: CiFile::None, ..NewRepo::default() }
}

fn names(cast: Cast) -> impl Iterator<Item = &'static str> {
    let qemu = (cast == Cast::WithQemu).then_some(QEMU_REPO);
    std::iter::once(COMMON).chain(DRIVER_REPOS.iter().map(|(name, _)| *name)).chain(qemu)
}

/// Returns the workspace file.
fn workspace(cast: Cast) -> String {
    let (repos, common) = WORKSPACE.split_once("\n\ncommon:").expect("the file has a part `common`");
    let qemu = match cast {
        Cast::Standard => String::new(),
        Cast::WithQemu => format!("\n  {QEMU_REPO}:    {{ role: driver, depends_on: [{COMMON}] }}"),
    };
    format!("{repos}{qemu}\n\ncommon:{common}")
}

/// Puts a change on a branch of its own and goes back to `main`.
fn propose(checkout: &Path, change: &Commit) -> Result<(), CliError> {
    git(checkout, &["switch", "--quiet", "--create", change.branch])?;
    commit(checkout, change)?;
    git(checkout, &["switch", "--quiet", "main"])
}

fn commit(checkout: &Path, commit: &Commit) -> Result<(), CliError> {
    for edit in commit.edits {
        let path = checkout.join(edit.path);
        let text = fs::read_to_string(&path).map_err(|source| CliError::io(&path, source))?;
        write(&path, edit.apply(&text).map_err(CliError::internal)?.as_bytes())?;
    }
    let message = format!("{}\n\n{}", commit.subject, commit.body);
    commit_all(checkout, message.trim_end())
}

fn commit_all(checkout: &Path, message: &str) -> Result<(), CliError> {
    git(checkout, &["add", "--all"])?;
    git(checkout, &["commit", "--quiet", "--message", message])
}

/// Lets a plain `cargo test` in a checkout see the checkouts beside it, as a build does.
fn overrides(root: &Path, cast: Cast) -> Result<(), CliError> {
    let repos: Result<Vec<_>, _> = names(cast).map(RepoName::parse).collect();
    let repos = repos.map_err(CliError::internal)?;
    // Paths in such a file are taken from the directory above its own, so the workspace can be moved.
    let text = crossgate_runner::cargo_overrides(root, Path::new(""), &repos)
        .map_err(|error| environment(error.to_string(), ""))?;
    match text {
        Some(text) => write(&root.join(".cargo/config.toml"), text.as_bytes()),
        None => Ok(()),
    }
}

/// Writes a repo's lock file, unless it has one, with the versions that this program was built with. Builds have no network,
/// so what they need is fetched now, if it is not on this machine already.
fn lock(checkout: &Path) -> Result<(), CliError> {
    let path = checkout.join("Cargo.lock");
    if !path.exists() {
        write(&path, nova::lock().as_bytes())?;
    }
    let fetch = |more: &[&str]| {
        Command::new("cargo")
            .args(["fetch", "--quiet"])
            .args(more)
            .current_dir(checkout)
            .output()
            .map_err(|error| environment(format!("cannot run cargo: {error}"), "install Rust"))
    };
    if fetch(&["--offline"])?.status.success() {
        return Ok(());
    }
    let online = fetch(&[])?;
    if online.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&online.stderr).trim().to_owned();
    Err(environment(
        format!("the crates of {} cannot be fetched: {said}", checkout.display()),
        "check the network",
    ))
}

fn extract(dir: &Dir<'_>, into: &Path) -> Result<(), CliError> {
    let mut open: Vec<&DirEntry<'_>> = dir.entries().iter().collect();
    while let Some(entry) = open.pop() {
        match entry {
            DirEntry::Dir(inner) => open.extend(inner.entries()),
            DirEntry::File(file) => write(&into.join(file.path()), file.contents())?,
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |source| CliError::io(path, source);
    let parent: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    fs::create_dir_all(&parent).map_err(|source| CliError::io(&parent, source))?;
    fs::write(path, bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_more_is_a_line_more_in_the_workspace_file() {
        assert_eq!(workspace(Cast::Standard), WORKSPACE);
        let with_qemu = workspace(Cast::WithQemu);
        let more: Vec<_> = with_qemu.lines().filter(|line| !WORKSPACE.contains(line)).collect();
        assert_eq!(more, ["  nova-driver-qemu:    { role: driver, depends_on: [nova-common] }"]);
        assert_eq!(with_qemu.lines().count(), WORKSPACE.lines().count() + 1);
    }

    #[test]
    fn what_is_carried_is_a_repo_and_nothing_that_was_built() {
        let names: Vec<_> = QEMU.entries().iter().map(|entry| entry.path().display().to_string()).collect();
        assert!(names.contains(&".crossgate.yaml".to_owned()) && names.contains(&"Cargo.lock".to_owned()));
        assert!(!names.contains(&"target".to_owned()), "{names:?}");
    }

    #[test]
    fn what_the_dead_left_is_swept_and_what_the_living_make_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let half = dir.path().join(".demo.half");
        fs::create_dir_all(half.join("repos")).unwrap();
        fs::write(half.join("crossgate.yaml"), "").unwrap();
        let claimed = claim(&half).unwrap();
        assert_eq!(fs::read_dir(&half).unwrap().count(), 0);
        let error = claim(&half).unwrap_err();
        assert!(error.to_string().ends_with("is being made already"), "{error}");
        drop(claimed);
        claim(&half).unwrap();
    }
}
