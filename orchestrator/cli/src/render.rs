//! How plans, verdicts and what came out of scenarios look to people.

pub(crate) mod figures;
#[cfg(test)]
mod fixture;
pub(crate) mod matrix;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod timeline;

use comfy_table::{ContentArrangement, Table, presets};

/// Makes a table without lines, indented by two.
fn table() -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table
}

/// Returns the table's text, each line indented by two and without blanks at its end.
fn indented(table: &Table) -> String {
    // A cell has a blank on either side; what is blank beyond that is the start of a line that goes on.
    let lines = table.lines().map(|line| format!("  {}", line.strip_prefix(' ').unwrap_or(&line).trim_end()));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

/// Returns a table's text that fits into so many columns, if there is a bound: of what is too wide the columns at `spare` are left
/// out one after the other, and what is too wide still is wrapped.
fn fitting(rows: &[Vec<String>], spare: &[usize], columns: Option<usize>) -> String {
    let mut cells = table();
    for left_out in 0..=spare.len() {
        let stays = |(at, _): &(usize, &String)| !spare[..left_out].contains(at);
        cells = table();
        for row in rows {
            cells.add_row(row.iter().enumerate().filter(stays).map(|(_, cell)| cell.clone()));
        }
        let text = indented(&cells);
        if columns.is_none_or(|columns| width(&text) <= columns) {
            return text;
        }
    }
    let columns = columns.and_then(|columns| u16::try_from(columns).ok()).unwrap_or(u16::MAX);
    // The indent is one wider than the blank before the first cell.
    cells.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns.saturating_sub(1));
    indented(&cells)
}

/// Returns how wide a text is, in characters; what is for colour takes none.
fn width(text: &str) -> usize {
    let plain = anstream::adapter::strip_str(text).to_string();
    plain.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Returns how long something took, for people.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}
