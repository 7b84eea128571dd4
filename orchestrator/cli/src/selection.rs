//! Which changes a command is about.

use crossgate_core::change::Change;
use crossgate_server::intake::{self, Selection, What};
use crossgate_server::site::Site;

use crate::error::CliError;

/// Said when no checkout proposes anything.
pub(crate) const NOTHING: &str = "nothing to do: every checkout stands where its branch has landed (name a change: REPO@BRANCH, or use --dirty)";

/// Returns the changes that were named; without a name, those that the checkouts propose.
pub(crate) fn selected(site: &Site, texts: &[String], dirty: bool) -> Result<Vec<Change>, CliError> {
    let what = if dirty { What::Dirty } else { What::Head };
    let mut changes = Vec::new();
    if texts.is_empty() {
        for repo in site.mirrors().keys() {
            let selection = Selection { repo: repo.clone(), what: what.clone(), onto: None };
            changes.extend(intake::change(site, &selection)?);
        }
        return Ok(changes);
    }
    for text in texts {
        let mut selection = Selection::parse(site, text)?;
        if selection.what == What::Head {
            selection.what = what.clone();
        }
        let change = intake::change(site, &selection)?.ok_or_else(|| {
            CliError::usage(
                format!("`{text}` proposes nothing that has not landed"),
                "name a branch with commits of its own: REPO@BRANCH, or use --dirty for uncommitted work",
            )
        })?;
        changes.push(change);
    }
    Ok(changes)
}
