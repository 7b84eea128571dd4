//! From what a person names (a repo, a branch, a range) to a change that can be judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::change::{Change, Reference, dependencies};
use crossgate_core::facts::{Base, Item, Member};
use crossgate_core::ids::{BranchName, ChangeId, CommitId, RepoName, RepoPath};
use crossgate_core::plan::{Entry, plan};
use crossgate_core::suggest::nearest;
use crossgate_vcs::{Head, Mirror};

use crate::error::Error;
use crate::site::Site;

/// Most commits of one change.
const MAX_COMMITS: usize = 5_000;

/// Most changes behind one change.
const MAX_AHEAD: usize = 200;

/// What a person names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The repo.
    pub repo: RepoName,
    /// Which of its commits.
    pub what: What,
    /// The branch that they are to land on; `None`: the repo's default.
    pub onto: Option<BranchName>,
}

/// Which commits of a repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What is checked out.
    Head,
    /// What is checked out, and what is not committed.
    Dirty,
    /// A branch, a tag or a commit.
    Revision(String),
    /// A branch, and where it stands.
    Branch(String, CommitId),
    /// The commits behind the second that are not behind the first.
    Range(String, String),
    /// No commits: what would happen if these paths changed.
    Paths(Vec<RepoPath>),
}

impl Selection {
    /// Reads `REPO`, `REPO@REV` or `REPO@A..B`; `:BRANCH` behind it names the branch to land on.
    ///
    /// # Errors
    /// [`Error::Unknown`] if the repo is not in the workspace, [`Error::Name`] if the branch cannot be one.
    pub fn parse(site: &Site, text: &str) -> Result<Self, Error> {
        let (text, onto) = text.split_once(':').map_or((text, None), |(text, onto)| (text, Some(onto)));
        let (repo, rev) = text.split_once('@').map_or((text, None), |(repo, rev)| (repo, Some(rev)));
        let what = match rev {
            None => What::Head,
            Some(rev) => match rev.split_once("..") {
                Some((from, to)) => What::Range(from.to_owned(), to.to_owned()),
                None => What::Revision(rev.to_owned()),
            },
        };
        Ok(Self { repo: site.repo(repo)?.clone(), what, onto: onto.map(BranchName::parse).transpose()? })
    }
}

/// Turns a selection into a change; `None` if it proposes nothing that has not landed.
///
/// # Errors
/// [`Error`] if a revision does not resolve, shares no history with the branch it is to land on, or its text names a
/// dependency that is none.
pub fn change(site: &Site, selection: &Selection) -> Result<Option<Change>, Error> {
    let mirror = site.mirror(&selection.repo)?;
    let default = &site.workspace().repos[&selection.repo].branch;
    let branch = selection.onto.as_ref().unwrap_or(default).clone();
    let tip = site.tip(&selection.repo, &selection.repo, &branch)?;
    let Some(proposed) = proposed(mirror, selection, &tip)? else { return Ok(None) };
    let base = match &proposed.from {
        Some(from) => from.clone(),
        None => merge_base(mirror, selection, &tip, &proposed.head, &branch)?,
    };
    if base == proposed.head && proposed.paths.is_none() {
        return Ok(None);
    }
    let commits = mirror.commits(Some(&base), &proposed.head, MAX_COMMITS)?;
    let title = match (&selection.what, commits.first()) {
        (What::Paths(_), _) => "any change of these paths".to_owned(),
        (_, Some(commit)) => commit.subject.clone(),
        (_, None) => "uncommitted work".to_owned(),
    };
    let text: Vec<&str> = commits.iter().rev().map(|commit| commit.message.as_str()).collect();
    let named = dependencies(&text.join("\n"), &site.workspace().repos)
        .map_err(|errors| Error::Dependencies { change: proposed.id.clone(), errors })?;
    let depends_on = named.into_iter().map(|reference| change_id(&proposed.id, &reference));
    Ok(Some(Change {
        depends_on: depends_on.collect::<Result<_, _>>()?,
        repo: selection.repo.clone(),
        branch,
        revision: 1,
        title,
        paths: match proposed.paths {
            Some(paths) => paths,
            None => mirror.changed_paths(&base, &proposed.head)?,
        },
        head: proposed.head,
        id: proposed.id,
    }))
}

/// What a selection comes to in the repo.
struct Proposed {
    id: ChangeId,
    head: CommitId,
    /// The commit after which it starts; `None`: where it left the branch it is to land on.
    from: Option<CommitId>,
    /// The paths it is taken to touch; `None`: those that it does touch.
    paths: Option<Vec<RepoPath>>,
}

fn proposed(mirror: &Mirror, selection: &Selection, tip: &CommitId) -> Result<Option<Proposed>, Error> {
    let id = |what: &str| {
        let onto = selection.onto.as_ref().map(|onto| format!(":{onto}")).unwrap_or_default();
        let text: String = format!("{}@{what}{onto}", selection.repo).split_whitespace().collect();
        ChangeId::parse(&text).map_err(Error::from)
    };
    let plain = |id, head| Some(Proposed { id, head, from: None, paths: None });
    Ok(match &selection.what {
        What::Head => match mirror.head()? {
            Head::Branch { name, commit } => plain(id(name.as_str())?, commit),
            Head::Detached { commit } => plain(id(commit.short())?, commit),
            Head::Unborn { .. } => None,
        },
        What::Dirty => {
            let name = match mirror.head()? {
                Head::Branch { name, .. } | Head::Unborn { name } => name.to_string(),
                Head::Detached { commit } => commit.short().to_owned(),
            };
            match mirror.snapshot()? {
                Some(commit) => plain(id(&format!("{name}+dirty"))?, commit),
                None => return proposed(mirror, &Selection { what: What::Head, ..selection.clone() }, tip),
            }
        }
        What::Revision(rev) => plain(id(rev)?, mirror.resolve(rev)?),
        What::Branch(name, commit) => plain(id(name)?, commit.clone()),
        What::Range(from, to) => Some(Proposed {
            id: id(&format!("{from}..{to}"))?,
            head: mirror.resolve(to)?,
            from: Some(mirror.resolve(from)?),
            paths: None,
        }),
        What::Paths(paths) => Some(Proposed {
            id: id("paths")?,
            head: tip.clone(),
            from: Some(tip.clone()),
            paths: Some(paths.clone()),
        }),
    })
}

fn merge_base(
    mirror: &Mirror,
    selection: &Selection,
    tip: &CommitId,
    head: &CommitId,
    branch: &BranchName,
) -> Result<CommitId, Error> {
    mirror.merge_base(tip, head)?.ok_or_else(|| Error::Unrelated {
        repo: selection.repo.clone(),
        rev: match &selection.what {
            What::Revision(rev) | What::Branch(rev, _) => rev.clone(),
            What::Head | What::Dirty | What::Range(..) | What::Paths(_) => head.short().to_owned(),
        },
        branch: branch.to_string(),
    })
}

fn change_id(change: &ChangeId, reference: &Reference) -> Result<ChangeId, Error> {
    match reference {
        Reference::Branch { .. } => Ok(ChangeId::parse(&reference.to_string())?),
        Reference::Number { .. } => {
            Err(Error::NoForge { change: change.clone(), reference: reference.to_string() })
        }
    }
}

/// Makes an item of a change: what it depends on in merge order, the part of its plan that is wanted, and the tips it is
/// tested with.
///
/// # Errors
/// [`Error::Cycle`] if changes depend on each other, [`Error::Missing`] if a repo that a build would see is not here,
/// and whatever [`change`] returns for a dependency.
pub fn item(site: &Site, change: Change, wanted: impl Fn(&Entry) -> bool) -> Result<Item, Error> {
    let mut order = ahead(site, &change)?;
    let (workspace, graph) = site.for_change(&change)?;
    let mut plan = plan(&workspace, &graph, &change, site.today());
    plan.narrow(wanted);
    let mut tips = BTreeMap::new();
    let seen = plan.selected().flat_map(|(entry, ..)| graph.closure(&entry.repo));
    for repo in seen.chain([change.repo.clone()]) {
        if !tips.contains_key(&repo) {
            tips.insert(repo.clone(), site.tip(&repo, &change.repo, &change.branch)?);
        }
    }
    // A dependency in a repo that no build sees cannot matter, so it is not merged.
    order.retain(|dependency| tips.contains_key(&dependency.repo));
    let member = Member::new(Arc::new(change), Arc::new(plan), workspace);
    Ok(Item::checked(member, &graph, order, Base::of_tips(Arc::new(tips))))
}

/// Returns what a change depends on, directly and through others, in the order in which it is to be merged.
///
/// # Errors
/// [`Error::Cycle`] if changes depend on each other, [`Error::NoDependency`] if one is not there,
/// [`Error::TooManyDependencies`], and whatever [`change`] returns for a dependency.
pub fn ahead(site: &Site, change: &Change) -> Result<Vec<Arc<Change>>, Error> {
    let mut ahead = Ahead { site, branch: &change.branch, order: Vec::new(), path: vec![change.id.clone()] };
    for dependency in &change.depends_on {
        ahead.visit(dependency)?;
    }
    Ok(ahead.order)
}

/// Walks dependencies depth first, so that each comes after all it depends on.
struct Ahead<'a> {
    site: &'a Site,
    /// What the change is to land on; its dependencies land on the branch of that name, where there is one.
    branch: &'a BranchName,
    order: Vec<Arc<Change>>,
    path: Vec<ChangeId>,
}

impl Ahead<'_> {
    fn visit(&mut self, id: &ChangeId) -> Result<(), Error> {
        if self.order.iter().any(|change| change.id == *id) {
            return Ok(());
        }
        let cycle = self.path.contains(id);
        self.path.push(id.clone());
        if cycle {
            return Err(Error::Cycle(self.path.clone()));
        }
        if self.order.len() + self.path.len() > MAX_AHEAD {
            return Err(Error::TooManyDependencies { change: self.path[0].clone(), limit: MAX_AHEAD });
        }
        let selection = self.named(id)?;
        // What has landed is in the tip already.
        if let Some(mut change) = change(self.site, &selection)? {
            // By the name that is used for it, so that it is found again.
            change.id = id.clone();
            for dependency in &change.depends_on {
                self.visit(dependency)?;
            }
            self.order.push(Arc::new(change));
        }
        self.path.pop();
        Ok(())
    }

    /// The branch that a dependency names; one that was only fetched will do.
    fn named(&self, id: &ChangeId) -> Result<Selection, Error> {
        let selection = Selection::parse(self.site, id.as_str())?;
        let What::Revision(name) = &selection.what else { return Ok(selection) };
        let mirror = self.site.mirror(&selection.repo)?;
        if let Some(commit) = mirror.branch(&BranchName::parse(name)?)? {
            let onto = mirror.tip(self.branch)?.map(|_| self.branch.clone());
            let default = &self.site.workspace().repos[&selection.repo].branch;
            let onto = onto.filter(|onto| onto != default);
            return Ok(Selection { what: What::Branch(name.clone(), commit), onto, ..selection });
        }
        let change = self.path.iter().rev().find(|seen| *seen != id).unwrap_or(id).clone();
        let branches = mirror.branches()?;
        let nearest = nearest(name, branches.iter().map(BranchName::as_str)).map(str::to_owned);
        Err(Error::NoDependency { change, dependency: id.clone(), nearest })
    }
}
