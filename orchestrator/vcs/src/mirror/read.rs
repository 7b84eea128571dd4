//! Reading commits, trees and files.

use std::collections::BTreeSet;

use crossgate_core::ids::{BranchName, CommitId, RepoPath, TreeId};
use git2::{Commit, DiffOptions, ErrorCode, ObjectType, Repository, Sort, Tree, TreeEntry};
use serde::Serialize;

use super::Mirror;
use crate::error::VcsError;
use crate::git::{self, commit_id, tree_id};
use crate::head::Head;

/// Where what was last fetched from `origin` is.
const ORIGIN: &str = "refs/remotes/origin";
/// How many branches are listed.
const BRANCHES: usize = 10_000;

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitText {
    /// The commit.
    pub id: CommitId,
    /// The first paragraph of the message, on one line.
    pub subject: String,
    /// The whole message. What is not UTF-8 is replaced.
    pub message: String,
    /// The author, as `Name <address>`.
    pub author: String,
}

impl Mirror {
    /// Finds the commit that a revision of the source names: a branch, tag, `HEAD~2`, or a commit made by this mirror.
    ///
    /// # Errors
    /// [`VcsError::UnknownRevision`].
    pub fn resolve(&self, rev: &str) -> Result<CommitId, VcsError> {
        // What libgit2 says of it is its own business.
        let unknown =
            |_not_found| VcsError::UnknownRevision { repo: self.repo.to_string(), rev: rev.to_owned() };
        if let Ok(id) = CommitId::parse(rev) {
            return self.in_own(|repo| Ok(commit_id(resolve(repo, id.as_str()).map_err(unknown)?.id())));
        }
        self.in_source(|repo| Ok(commit_id(resolve(repo, rev).map_err(unknown)?.id())))
    }

    /// Tells where HEAD of the source is.
    pub fn head(&self) -> Result<Head, VcsError> {
        self.in_source(Head::of)
    }

    /// Finds the head of a branch: as last fetched from `origin`, else the local one.
    pub fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, VcsError> {
        self.in_source(|repo| tip(repo, branch))
    }

    /// Finds the head of a branch: the local one, else as last fetched from `origin`.
    pub fn branch(&self, branch: &BranchName) -> Result<Option<CommitId>, VcsError> {
        self.in_source(|repo| head_of(repo, ["refs/heads", ORIGIN].map(|place| format!("{place}/{branch}"))))
    }

    /// Lists the branches that are here or at `origin`, sorted; of more than 10,000 those that git lists first.
    pub fn branches(&self) -> Result<Vec<BranchName>, VcsError> {
        self.in_source(|repo| {
            let mut names = BTreeSet::new();
            ["refs/heads", ORIGIN]
                .into_iter()
                .try_for_each(|place| branches_below(repo, place, &mut names))
                .map_err(VcsError::repository("listing branches"))?;
            Ok(names.into_iter().take(BRANCHES).collect())
        })
    }

    /// Returns a commit's tree.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, VcsError> {
        self.in_own(|repo| Ok(tree_id(git::commit(repo, commit)?.tree_id())))
    }

    /// Finds the best common ancestor of two commits; the first found if there are several.
    pub fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, VcsError> {
        self.in_own(|repo| {
            let (a, b) = (git::commit(repo, a)?.id(), git::commit(repo, b)?.id());
            Ok(found(repo.merge_base(a, b))
                .map_err(VcsError::repository("finding a merge base"))?
                .map(commit_id))
        })
    }

    /// Lists the paths that differ between two commits, sorted; of a rename both names.
    pub fn changed_paths(&self, from: &CommitId, to: &CommitId) -> Result<Vec<RepoPath>, VcsError> {
        let failed = VcsError::repository;
        self.in_own(|repo| {
            let (from, to) = (tree(repo, from)?, tree(repo, to)?);
            let mut options = DiffOptions::new();
            options.include_typechange(true);
            let diff = repo.diff_tree_to_tree(Some(&from), Some(&to), Some(&mut options));
            let diff = diff.map_err(failed("comparing trees"))?;
            let sides = diff.deltas().flat_map(|delta| {
                [delta.old_file().path_bytes(), delta.new_file().path_bytes()]
                    .map(|path| path.map(RepoPath::from_bytes))
            });
            let mut paths: Vec<_> = sides.flatten().collect();
            paths.sort_unstable();
            paths.dedup();
            Ok(paths)
        })
    }

    /// Lists the commits reachable from `head` and not from `base`, the newest first.
    ///
    /// # Errors
    /// [`VcsError::TooManyCommits`] if there are more than `limit`.
    pub fn commits(
        &self,
        base: Option<&CommitId>,
        head: &CommitId,
        limit: usize,
    ) -> Result<Vec<CommitText>, VcsError> {
        let failed = || VcsError::repository("walking the history");
        self.in_own(|repo| {
            let mut walk = repo.revwalk().map_err(failed())?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(failed())?;
            walk.push(git::commit(repo, head)?.id()).map_err(failed())?;
            if let Some(base) = base {
                walk.hide(git::commit(repo, base)?.id()).map_err(failed())?;
            }
            let mut texts = Vec::new();
            for id in walk.take(limit.saturating_add(1)) {
                let id = commit_id(id.map_err(failed())?);
                texts.push(text_of(&git::commit(repo, &id)?));
            }
            if texts.len() > limit {
                return Err(VcsError::TooManyCommits { head: head.clone(), limit });
            }
            Ok(texts)
        })
    }

    /// Reads a regular file of a commit, as stored; `None` if there is nothing by that path.
    ///
    /// # Errors
    /// [`VcsError::FileTooLarge`] above `limit` bytes, [`VcsError::NotAFile`] for a directory, link or submodule.
    pub fn read_file(
        &self,
        commit: &CommitId,
        path: &RepoPath,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, VcsError> {
        let failed = || VcsError::repository("reading a file");
        self.in_own(|repo| {
            let Some(entry) = entry(repo, commit, path)? else { return Ok(None) };
            if !is_regular(entry.filemode()) {
                return Err(VcsError::NotAFile { path: path.clone() });
            }
            let odb = repo.odb().map_err(failed())?;
            let size = odb.read_header(entry.id()).map_err(failed())?.0 as u64;
            if size > limit {
                return Err(VcsError::FileTooLarge { path: path.clone(), size, limit });
            }
            Ok(Some(odb.read(entry.id()).map_err(failed())?.data().to_vec()))
        })
    }
}

pub(crate) fn resolve<'r>(repo: &'r Repository, rev: &str) -> Result<Commit<'r>, git2::Error> {
    repo.revparse_single(rev)?.peel_to_commit()
}

/// The head of a branch as last fetched from `origin`, else the local one.
pub(crate) fn tip(repo: &Repository, branch: &BranchName) -> Result<Option<CommitId>, VcsError> {
    head_of(repo, [ORIGIN, "refs/heads"].map(|place| format!("{place}/{branch}")))
}

/// Adds the branches below a place in the refs; what git calls `origin/HEAD` is none.
fn branches_below(
    repo: &Repository,
    place: &str,
    names: &mut BTreeSet<BranchName>,
) -> Result<(), git2::Error> {
    for reference in repo.references_glob(&format!("{place}/*"))?.take(BRANCHES) {
        let reference = reference?;
        let name = str::from_utf8(reference.name_bytes()).ok().and_then(|name| name.get(place.len() + 1..));
        names.extend(name.filter(|&name| name != "HEAD").and_then(|name| BranchName::parse(name).ok()));
    }
    Ok(())
}

/// The commit of the first of these references that is there.
fn head_of(repo: &Repository, names: [String; 2]) -> Result<Option<CommitId>, VcsError> {
    let failed = || VcsError::repository("reading a branch");
    for name in names {
        if let Some(reference) = found(repo.find_reference(&name)).map_err(failed())? {
            return Ok(Some(commit_id(reference.peel_to_commit().map_err(failed())?.id())));
        }
    }
    Ok(None)
}

/// Turns "not there" into `None`.
pub(crate) fn found<T>(result: Result<T, git2::Error>) -> Result<Option<T>, git2::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn tree<'r>(repo: &'r Repository, commit: &CommitId) -> Result<Tree<'r>, VcsError> {
    git::commit(repo, commit)?.tree().map_err(VcsError::repository("reading a tree"))
}

/// Walks down to the entry at a path.
fn entry(
    repo: &Repository,
    commit: &CommitId,
    path: &RepoPath,
) -> Result<Option<TreeEntry<'static>>, VcsError> {
    let mut tree = tree(repo, commit)?;
    let mut names = path.as_bytes().split(|&byte| byte == b'/').peekable();
    while let Some(name) = names.next() {
        let Some(entry) = tree.get_name_bytes(name).map(|entry| entry.to_owned()) else { return Ok(None) };
        if names.peek().is_none() {
            return Ok(Some(entry));
        }
        if entry.kind() != Some(ObjectType::Tree) {
            return Ok(None);
        }
        tree = repo.find_tree(entry.id()).map_err(VcsError::repository("reading a tree"))?;
    }
    Ok(None)
}

/// Old commits hold modes such as 0o100664, which git takes for 0o100644.
fn is_regular(mode: i32) -> bool {
    mode & 0o170_000 == 0o100_000
}

fn text_of(commit: &Commit<'_>) -> CommitText {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let author = commit.author();
    CommitText {
        id: commit_id(commit.id()),
        subject: commit.summary_bytes().map(lossy).unwrap_or_default(),
        message: lossy(commit.message_bytes()),
        author: format!("{} <{}>", lossy(author.name_bytes()), lossy(author.email_bytes())),
    }
}
