//! How plans, verdicts and what came out of scenarios look to people.

pub(crate) mod figures;
#[cfg(test)]
mod fixture;
pub(crate) mod matrix;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod timeline;

use comfy_table::{Table, presets};

/// Makes a table without lines, indented by two.
fn table() -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table
}

/// Returns the table's text, each line indented by two and without blanks at its end.
fn indented(table: &Table) -> String {
    let lines = table.lines().map(|line| format!("  {}", line.trim()));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

/// Returns how long something took, for people.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}
