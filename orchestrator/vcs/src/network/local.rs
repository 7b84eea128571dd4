//! Whether a fetch would bring anything, found out in this process for a remote on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{Direction, Oid, Remote, Repository};

use super::is_path;
use crate::error::VcsError;
use crate::git;
use crate::mirror::read::found;

/// The refs of a repository and what they point at.
type Refs = BTreeMap<Vec<u8>, Oid>;

/// What a fetch has to do.
pub(super) enum Plan {
    NothingNew,
    Fetch { remote: String, refs: Refs },
}

pub(super) fn plan(checkout: &Path) -> Result<Plan, VcsError> {
    let repo = git::open(checkout)?;
    let remote = remote_of(&repo, checkout)?;
    let refs = refs(&repo)?;
    if is_current(&repo, &remote, &refs).unwrap_or(false) {
        return Ok(Plan::NothingNew);
    }
    Ok(Plan::Fetch { remote, refs })
}

/// The remote to talk to: `origin`, or the only one.
fn remote_of(repo: &Repository, checkout: &Path) -> Result<String, VcsError> {
    let remotes = repo.remotes().map_err(VcsError::repository("listing the remotes"))?;
    let names: Vec<_> = remotes.iter().flatten().flatten().collect();
    match names[..] {
        _ if names.contains(&"origin") => Ok("origin".to_owned()),
        [only] => Ok(only.to_owned()),
        _ => Err(VcsError::NoRemote { path: checkout.to_owned() }),
    }
}

/// Lists all refs that point at an object themselves.
pub(super) fn refs(repo: &Repository) -> Result<Refs, VcsError> {
    let listed = || -> Result<Refs, git2::Error> {
        let mut refs = Refs::new();
        for reference in repo.references()? {
            let reference = reference?;
            if let Some(id) = reference.target() {
                refs.insert(reference.name_bytes().to_owned(), id);
            }
        }
        Ok(refs)
    };
    listed().map_err(VcsError::repository("listing refs"))
}

/// Whether a fetch would change nothing, for sure. Any doubt, also an error, is left to git.
fn is_current(repo: &Repository, remote: &str, refs: &Refs) -> Result<bool, git2::Error> {
    let remote = repo.find_remote(remote)?;
    let Some(path) = path_of(repo, &remote) else { return Ok(false) };
    if is_unusual(repo, &remote)? {
        return Ok(false);
    }
    let theirs = Repository::open(path)?;
    for reference in theirs.references()? {
        let reference = reference?;
        let Some(id) = reference.resolve().ok().and_then(|reference| reference.target()) else { continue };
        let name = reference.name()?;
        let wanted =
            remote.refspecs().filter(|spec| spec.direction() == Direction::Fetch && spec.src_matches(name));
        for spec in wanted {
            let ours = spec.transform(name)?;
            if refs.get(&ours[..]) != Some(&id) {
                return Ok(false);
            }
        }
        // Git brings a new tag along when it has what the tag points at.
        if name.starts_with("refs/tags/") && !refs.contains_key(name.as_bytes()) {
            let tagged = reference.peel(git2::ObjectType::Any)?.id();
            if repo.odb()?.exists(tagged) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Settings that make git look at more than what is compared here.
fn is_unusual(repo: &Repository, remote: &Remote<'_>) -> Result<bool, git2::Error> {
    let config = repo.config()?.snapshot()?;
    let name = remote.name()?.unwrap_or_default();
    let own = ["prune", "pruneTags", "tagOpt", "mirror"].map(|setting| format!("remote.{name}.{setting}"));
    for key in own.iter().map(String::as_str).chain(["fetch.prune", "fetch.pruneTags"]) {
        if found(config.get_entry(key))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The directory of a remote that is on this machine. A relative one is meant from the work tree.
fn path_of(repo: &Repository, remote: &Remote<'_>) -> Option<PathBuf> {
    let url = remote.url().ok()?;
    let path = match url.strip_prefix("file://") {
        Some(path) => path,
        None if is_path(url) => url,
        None => return None,
    };
    Some(repo.workdir().unwrap_or(repo.path()).join(path))
}
