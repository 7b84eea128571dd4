//! The uses of the API, for people.

use std::collections::{BTreeMap, BTreeSet};

use nova_lifecycle::owner;
use nova_lifecycle::usage::{How, Unseen};

use super::{Life, Report, UsedAt, UsedBy, UsedItem};
use crate::error::CliError;
use crate::printer::{BOLD, DIM, Printer, YELLOW, styled};

/// Places that are named of one user, where not every one is asked for.
const MOST_PLACES: usize = 3;

/// Tells what is deprecated and used, and who has which facet.
pub(super) fn of_all(report: &Report<'_>, printer: &mut Printer) -> Result<(), CliError> {
    let is_leaving = |item: &&UsedItem<'_>| item.life.deprecated_in.is_some() || item.life.gone;
    let mut leaving: Vec<_> = report.items.iter().filter(is_leaving).collect();
    // A trait or a type stands for what is of it.
    let wholes: BTreeSet<&str> = leaving.iter().map(|item| item.item).collect();
    leaving.retain(|item| owner(item.item) == item.item || !wholes.contains(owner(item.item)));
    if leaving.is_empty() {
        printer.line("nothing that is deprecated is used")?;
    } else {
        printer.line(styled(BOLD, "Deprecated and used"))?;
        leaving.iter().try_for_each(|item| of_item(item, MOST_PLACES, printer))?;
    }
    facets(report, printer)?;
    let others: Vec<_> = report.items.iter().filter(|item| !is_leaving(item)).collect();
    let others: Vec<_> = others.into_iter().filter(|item| item.users.iter().any(is_sure)).collect();
    if printer.is_verbose() {
        printer.line("")?;
        printer.line(styled(BOLD, "Used"))?;
        let width = others.iter().map(|item| item.item.len()).max().unwrap_or(0);
        for item in &others {
            let names: Vec<_> =
                item.users.iter().filter(|user| is_sure(user)).map(|user| user.name).collect();
            printer.line(format_args!("  {:<width$}  {}", item.item, names.join(", ")))?;
        }
    }
    not_seen(report, printer)?;
    if !printer.is_verbose() {
        printer.note(format_args!(
            "{} more items are used: `-v` lists them, `crossgate api use ITEM` says where",
            others.len()
        ))?;
    }
    Ok(())
}

/// Tells every use of some items.
pub(super) fn of_items(report: &Report<'_>, printer: &mut Printer) -> Result<(), CliError> {
    if report.items.is_empty() {
        let here = if report.not_here.is_empty() { "" } else { " of the repos that are here" };
        printer.line(format_args!("nobody{here} uses it, as far as can be seen"))?;
    }
    report.items.iter().try_for_each(|item| of_item(item, usize::MAX, printer))?;
    not_seen(report, printer)
}

fn of_item(item: &UsedItem<'_>, most: usize, printer: &mut Printer) -> Result<(), CliError> {
    let facet = item.life.facet.as_ref().map(|facet| format!(" ({facet})")).unwrap_or_default();
    let fate = fate(&item.life).map(|fate| format!(": {}", styled(YELLOW, fate))).unwrap_or_default();
    printer.line(format_args!("  {}{facet}{fate}", item.item))?;
    let width = item.users.iter().map(|user| user.name.len()).max().unwrap_or(0);
    for user in &item.users {
        let places: Vec<_> = user.places.iter().take(most).map(|place| told(user, place)).collect();
        let more = user.places.len().saturating_sub(most);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        if most == usize::MAX {
            places
                .iter()
                .try_for_each(|place| printer.line(format_args!("    {:<width$}  {place}", user.name)))?;
        } else {
            printer.line(format_args!("    {:<width$}  {}{more}", user.name, places.join(", ")))?;
        }
    }
    Ok(())
}

fn fate(life: &Life) -> Option<String> {
    let instead = life.instead.as_ref().map(|instead| format!("; {instead}")).unwrap_or_default();
    if life.gone {
        return Some(format!("gone{instead}"));
    }
    let since = life.deprecated_in?;
    let leaves = if life.is_promised { "leaves" } else { "may leave" };
    let leaves = life.leaves_in.map(|cycle| format!(", {leaves} in cycle {cycle}")).unwrap_or_default();
    Some(format!("deprecated since cycle {since}{leaves}{instead}"))
}

fn told(user: &UsedBy<'_>, place: &UsedAt<'_>) -> String {
    let how = match place.how {
        How::Imports => "imports",
        How::Names => "names",
        How::Implements => "implements",
        How::Calls => "calls",
        How::ByName => "perhaps: by name",
    };
    format!("{}:{}:{} ({how})", user.repo, place.file, place.line)
}

fn is_sure(user: &UsedBy<'_>) -> bool {
    user.places.iter().any(|place| place.how != How::ByName)
}

fn facets(report: &Report<'_>, printer: &mut Printer) -> Result<(), CliError> {
    let mut had: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for item in &report.items {
        let Some(facet) = item.life.facet.as_deref() else { continue };
        let implements = |user: &&UsedBy<'_>| user.places.iter().any(|place| place.how == How::Implements);
        had.entry(facet).or_default().extend(item.users.iter().filter(implements).map(|user| user.name));
    }
    had.retain(|_, users| !users.is_empty());
    if had.is_empty() {
        return Ok(());
    }
    printer.line("")?;
    printer.line(styled(BOLD, "Facets implemented"))?;
    let width = had.keys().map(|facet| facet.len()).max().unwrap_or(0);
    for (facet, users) in had {
        let users: Vec<_> = users.into_iter().collect();
        printer.line(format_args!("  {facet:<width$}  {}", users.join(", ")))?;
    }
    Ok(())
}

fn not_seen(report: &Report<'_>, printer: &mut Printer) -> Result<(), CliError> {
    printer.line("")?;
    printer.line(styled(
        DIM,
        "Not seen: what macros make, what other crates export anew, and types that only a compiler knows",
    ))?;
    for user in report.users {
        let counted = counted(user.unseen);
        if !counted.is_empty() {
            printer.line(styled(DIM, format!("  {}: {}", user.name, counted.join(", "))))?;
        }
    }
    for repo in &report.not_here {
        printer.line(styled(DIM, format!("  {repo} is not here: `crossgate workspace clone` fetches it")))?;
    }
    Ok(())
}

fn counted(unseen: Unseen) -> Vec<String> {
    let counted = [
        (unseen.macro_calls, "macro call", "not looked into"),
        (unseen.macro_definitions, "macro definition", "not looked into"),
        (unseen.unknown_receivers, "method call", "taken by name"),
        (unseen.exports, "export", "of the API not followed"),
        (unseen.foreign_globs, "glob import", "of other crates not followed"),
    ];
    let counted = counted.into_iter().filter(|(count, ..)| *count > 0);
    counted
        .map(|(count, what, how)| format!("{count} {what}{} {how}", if count == 1 { "" } else { "s" }))
        .collect()
}
