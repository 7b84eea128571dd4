//! What a workspace is to be made of: checkouts, and addresses of repos that are not here yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crossgate_core::ids::{BranchName, RepoName};

use super::manifest::Manifests;
use crate::error::CliError;
use crate::git::git;

/// Most directories that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// A repo to be of the workspace.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: RepoName,
    /// Where it is, if it is here.
    pub(super) checkout: Option<PathBuf>,
    /// The same as `crossgate.yaml` has to say it; `None` if it is where a repo of its name would be.
    pub(super) path: Option<String>,
    /// Where it is cloned from, if that is known.
    pub(super) url: Option<String>,
    pub(super) branch: BranchName,
    pub(super) manifests: Manifests,
}

/// Looks at what was named, or else at the checkouts in a directory; in the order of their names.
///
/// # Errors
/// A usage error for what is neither a checkout nor an address, for two of the same name, and if there is nothing.
pub(super) fn find(root: &Path, named: &[String]) -> Result<Vec<Found>, CliError> {
    let mut found = if named.is_empty() { beside(root)? } else { Vec::new() };
    for text in named {
        found.push(find_one(root, text)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = BTreeSet::new();
    if let Some(twice) = found.iter().find(|found| !seen.insert(&found.name)) {
        let text = format!("two repos have the name `{}`", twice.name);
        return Err(CliError::usage(text, "rename the directory of one of them"));
    }
    if found.is_empty() {
        let text = format!("there is no git checkout in `{}`", root.display());
        return Err(CliError::usage(text, "name directories or addresses: `crossgate init URL|DIR…`"));
    }
    Ok(found)
}

fn beside(root: &Path) -> Result<Vec<Found>, CliError> {
    let failed = |source| CliError::io(root, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)?.take(MAX_ENTRIES) {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.join(".git").exists() {
            found.push(checkout(root, &path)?);
        }
    }
    Ok(found)
}

fn find_one(root: &Path, text: &str) -> Result<Found, CliError> {
    let path = root.join(text);
    if path.join(".git").exists() {
        return checkout(root, &path);
    }
    let bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
    let address = text.contains("://") || text.split_once(':').is_some_and(|(host, _)| !host.contains('/'));
    if bare || address {
        let url = if bare { path.to_string_lossy().into_owned() } else { without_password(text) };
        let branch = if bare { branch_of(&path)? } else { main() };
        let name = repo_name(text)?;
        return Ok(Found {
            name,
            checkout: None,
            path: None,
            url: Some(url),
            branch,
            manifests: Manifests::default(),
        });
    }
    let what = if path.is_dir() { "is not a git checkout" } else { "is neither a directory nor an address" };
    Err(CliError::usage(
        format!("`{text}` {what}"),
        "name git checkouts, or addresses such as `https://HOST/REPO.git`",
    ))
}

fn checkout(root: &Path, path: &Path) -> Result<Found, CliError> {
    let dir = path.canonicalize().map_err(|source| CliError::io(path, source))?;
    let name = repo_name(&dir.to_string_lossy())?;
    let place = relative(root, &dir);
    let url = git(&dir, &["config", "--get", "remote.origin.url"])?.ok().filter(|url| !url.is_empty());
    Ok(Found {
        path: (place != name.as_str()).then_some(place),
        url: url.map(|url| without_password(&url)),
        branch: branch_of(&dir)?,
        manifests: Manifests::of(&dir),
        checkout: Some(dir),
        name,
    })
}

/// Returns the last part of a path or an address, without `.git`.
fn repo_name(text: &str) -> Result<RepoName, CliError> {
    let last = text.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let name = RepoName::parse(last.strip_suffix(".git").unwrap_or(last));
    name.map_err(|error| CliError::usage(error.to_string(), "rename the directory"))
}

/// Returns the path of a directory as seen from another; both have no symbolic links.
fn relative(from: &Path, to: &Path) -> String {
    let from = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect::<PathBuf>().to_string_lossy().into_owned()
}

/// Addresses are written into a file that is shared.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) if scheme.starts_with("http") || authority[..at].contains(':') => {
            format!("{scheme}://{}", &rest[at + 1..])
        }
        Some(_) | None => url.to_owned(),
    }
}

/// Returns the branch that changes land on: what the remote has checked out, else `main`, `master` or what is here.
fn branch_of(dir: &Path) -> Result<BranchName, CliError> {
    let origin = git(dir, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
    if let Some(branch) = origin.ok().and_then(|name| BranchName::parse(name.strip_prefix("origin/")?).ok()) {
        return Ok(branch);
    }
    let refs = git(dir, &["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin"])?;
    let refs = refs.unwrap_or_default();
    let has = |branch: &str| {
        let branches = [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}")];
        refs.lines().any(|name| branches.iter().any(|branch| branch == name))
    };
    let head = || git(dir, &["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let name = match ["main", "master"].into_iter().find(|branch| has(branch)) {
        Some(branch) => branch.to_owned(),
        None => head()?.unwrap_or_default(),
    };
    Ok(BranchName::parse(&name).unwrap_or_else(|_| main()))
}

fn main() -> BranchName {
    BranchName::parse("main").expect("a word is a branch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_last_part() {
        for (text, name) in [
            ("https://github.com/nova/nova-common.git", "nova-common"),
            ("git@github.com:nova/xen", "xen"),
            ("host:xen.git", "xen"),
            ("/srv/git/xen.git/", "xen"),
        ] {
            assert_eq!(repo_name(text).unwrap().as_str(), name);
        }
        assert!(repo_name("https://host/ü").is_err());
    }

    #[test]
    fn no_password_is_written_down() {
        for (url, clean) in [
            ("https://me:secret@host/x.git", "https://host/x.git"),
            ("https://token@host/x", "https://host/x"),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("git@host:x", "git@host:x"),
            ("https://host/a@b", "https://host/a@b"),
        ] {
            assert_eq!(without_password(url), clean);
        }
    }

    #[test]
    fn paths_are_seen_from_the_workspace() {
        assert_eq!(relative(Path::new("/nowhere/w"), Path::new("/nowhere/w/x")), "x");
        assert_eq!(relative(Path::new("/nowhere/w"), Path::new("/nowhere/v/x")), "../v/x");
    }
}
