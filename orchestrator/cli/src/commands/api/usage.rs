//! `crossgate api use`: which driver uses which item of the API.

mod known;
mod report;

use std::collections::BTreeMap;

use crossgate_core::ids::RepoName;
use crossgate_server::site::RepoFiles;
use nova_lifecycle::usage::{How, Use};
use serde::Serialize;

use super::core::Where;
use super::users::{self, User};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;
use known::{Known, Life};

/// Print which driver uses which item of the API
///
/// Read from the drivers' code: paths, imports under other names, aliases, globs, implementations of traits, and calls and
/// fields of values whose type can be followed. Not seen is what only a compiler knows: what macros make of their
/// arguments, what other crates export anew, and the types of all other values. How much of that was met is told.
///
/// Without an item: what is deprecated and used, and who has which facet.
#[derive(Debug, clap::Args)]
#[command(after_help = "JSON: api, cycle, not_here: [repo],
  items: [{ item, facet, deprecated_in, leaves_in, gone, instead,
            users: [{ name, kind: driver|library, repo, places: [{ how, file, line }] }] }],
  users: [{ name, kind, repo, requires: [version], offers: [facet], unread: [{ at, text }],
            unseen: { macro_calls, macro_definitions, unknown_receivers, exports, foreign_globs } }]
  `how` is imports, names, implements, calls, or by-name: a method of this name, of a value of an unknown type.

Examples:
  crossgate api use
  crossgate api use NodeDesc::memory_mb
  crossgate api use volumes --format json")]
pub(crate) struct Args {
    /// A type, method, field or facet, such as `NodeDesc`, `NodeDesc::memory_mb`, `NodeDesc.memory` or `volumes`
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    #[command(flatten)]
    at: Where,
}

/// A place where an item is used.
#[derive(Debug, Clone, Serialize)]
pub(super) struct UsedAt<'a> {
    how: How,
    file: &'a str,
    line: usize,
}

/// Who uses an item, and where.
#[derive(Debug, Serialize)]
pub(super) struct UsedBy<'a> {
    name: &'a str,
    kind: users::Kind,
    repo: &'a RepoName,
    places: Vec<UsedAt<'a>>,
}

/// An item, and who uses it.
#[derive(Debug, Serialize)]
pub(super) struct UsedItem<'a> {
    item: &'a str,
    #[serde(flatten)]
    life: Life,
    users: Vec<UsedBy<'a>>,
}

/// What is told.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    api: &'a str,
    cycle: u32,
    items: Vec<UsedItem<'a>>,
    users: &'a [User],
    not_here: Vec<&'a RepoName>,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::WorkTree, printer)?;
    let api = args.at.find(context)?;
    let known = Known::of(&api)?;
    let users = users::read(&site, &api.package, known.cycle())?;
    let report = Report {
        api: &api.version,
        cycle: api.head()?,
        items: items(&users.all, &known, args.item.as_deref()),
        users: &users.all,
        not_here: users.missing.iter().collect(),
    };
    if let Some(item) = args.item.as_deref().filter(|_| report.items.is_empty()) {
        known.expect(item)?;
    }
    for user in &users.all {
        for unread in &user.unread {
            let at = unread.at.as_ref().map(|at| format!("{}:{at}: ", user.repo)).unwrap_or_default();
            printer.tell(format_args!(
                "warning: {at}{} (left out, so {} may use more)",
                unread.text, user.name
            ))?;
        }
    }
    if printer.is_json() {
        printer.json(&report)?;
    } else if args.item.is_some() {
        report::of_items(&report, printer)?;
    } else {
        report::of_all(&report, printer)?;
    }
    Ok(Exit::Fine)
}

fn items<'a>(users: &'a [User], known: &Known, wanted: Option<&str>) -> Vec<UsedItem<'a>> {
    let mut by_item: BTreeMap<&str, Vec<UsedBy<'a>>> = BTreeMap::new();
    for user in users {
        let mut places: BTreeMap<&str, Vec<UsedAt<'a>>> = BTreeMap::new();
        for Use { item, how, at } in &user.uses {
            places.entry(item).or_default().push(UsedAt { how: *how, file: &at.file, line: at.line });
        }
        for (item, places) in places {
            let used = UsedBy { name: &user.name, kind: user.kind, repo: &user.repo, places };
            by_item.entry(item).or_default().push(used);
        }
    }
    let is_wanted = |item: &str| wanted.is_none_or(|wanted| known.is_meant(item, wanted));
    let items = by_item.into_iter().filter(|(item, _)| is_wanted(item));
    items.map(|(item, users)| UsedItem { item, life: known.life(item), users }).collect()
}
