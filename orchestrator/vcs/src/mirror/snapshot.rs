//! Uncommitted work as a commit that the source never sees.

use std::fs::{self, File};
use std::path::Path;

use crossgate_core::ids::CommitId;
use git2::{Oid, Repository, Signature, Time};

use super::Mirror;
use crate::error::VcsError;
use crate::git::{self, commit_id};

impl Mirror {
    /// Makes a commit on HEAD of what is in the source's work tree: edits, staged or not, deletions, and new files that
    /// are not ignored. `None` if that is what HEAD holds already, or if the source is bare.
    ///
    /// The objects go to the mirror, through an index of our own; the source's files, index and refs stay as they are.
    /// The same work on the same HEAD gives the same commit. The user's own filters run, as they would on `git add`.
    ///
    /// # Errors
    /// [`VcsError::Unmerged`] while files hold both sides of a merge: that is nobody's proposal.
    pub fn snapshot(&self) -> Result<Option<CommitId>, VcsError> {
        let failed = || VcsError::repository("making a snapshot");
        let Some(root) = self.in_source(|repo| Ok(repo.workdir().map(Path::to_owned)))? else {
            return Ok(None);
        };
        let head = self.head()?;
        let tree = self.write_work_tree(&root).map_err(|error| error.at(&self.path))?;
        self.in_own(|repo| {
            let parent = head.commit().map(|id| git::commit(repo, id)).transpose()?;
            let before = match &parent {
                Some(parent) => parent.tree_id(),
                None => empty_tree(repo)?,
            };
            if tree == before {
                return Ok(None);
            }
            let time = parent.as_ref().map_or(Time::new(0, 0), git2::Commit::time);
            let signature = signature(&time)?;
            let tree = repo.find_tree(tree).map_err(failed())?;
            let parents: Vec<_> = parent.iter().collect();
            let id = repo.commit(None, &signature, &signature, "Uncommitted work\n", &tree, &parents);
            Ok(Some(commit_id(id.map_err(failed())?)))
        })
    }

    fn write_work_tree(&self, root: &Path) -> Result<Oid, VcsError> {
        let scratch = self.scratch()?;
        let index = scratch.join("index");
        let known = self.in_source(|repo| Ok(repo.path().join("index")))?;
        copy_index(&known, &index).map_err(VcsError::io("copying", &known))?;
        let git = |args: &[&str]| {
            let mut command = git::with_user_config(root);
            // Each would write beside the source's index, or ask a daemon of the source to.
            command.args([
                "-c",
                "core.splitIndex=false",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.untrackedCache=keep",
            ]);
            command.args(["-c", "advice.addEmbeddedRepo=false", "-c", "core.safecrlf=false"]).args(args);
            command.env("GIT_INDEX_FILE", &index).env("GIT_OBJECT_DIRECTORY", self.path.join("objects"));
            command.env("GIT_OPTIONAL_LOCKS", "0");
            command
        };
        // Asked of git: libgit2 reads no index that is split.
        if !git::run(git(&["ls-files", "--unmerged"]), "ls-files")?.is_empty() {
            return Err(VcsError::Unmerged { path: root.to_owned() });
        }
        git::run(git(&["add", "--all", "."]), "add")?;
        let answer = git::run(git(&["write-tree"]), "write-tree")?;
        let text = String::from_utf8_lossy(&answer).trim().to_owned();
        Oid::from_str(&text).map_err(|_garbled| VcsError::Protocol { command: "write-tree", answer: text })
    }
}

/// The fixed author of what this crate commits; the time is a given commit's.
pub(super) fn signature(time: &Time) -> Result<Signature<'static>, VcsError> {
    Signature::new("Crossgate", "crossgate@localhost", time)
        .map_err(VcsError::repository("naming the author"))
}

fn empty_tree(repo: &Repository) -> Result<Oid, VcsError> {
    let written = repo.treebuilder(None).and_then(|builder| builder.write());
    written.map_err(VcsError::repository("writing a tree"))
}

/// Copies an index together with its time: git takes files changed since then for possibly changed, and a later time
/// would hide edits made in the same tick.
fn copy_index(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => File::options().append(true).open(to)?.set_modified(fs::metadata(from)?.modified()?),
    }
}
