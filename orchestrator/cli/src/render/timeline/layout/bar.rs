//! A bar: one build.

use crossgate_core::ids::ChangeId;
use crossgate_simulator::{BuildLine, in_words};
use serde::Serialize;

use crate::render::outcome::word;
use crate::render::timeline::axis::{Axis, ms};
use crate::render::timeline::layout::lane::{Place, Row};
use crate::render::timeline::layout::{CHARACTER, plain};

/// Narrowest bar, so that no build goes unseen.
const MIN_WIDTH: u64 = 3;

/// One build.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    x: u64,
    y: u64,
    width: u64,
    pub(super) outcome: &'static str,
    pub(super) purpose: &'static str,
    /// Whether it was cancelled and the job was started again.
    pub(super) restarted: bool,
    /// The changes in its tree, as far as there is room.
    label: String,
    title: String,
}

/// Lays a build out.
pub(super) fn bar(place: &Place<'_>, row: &Row<'_>, y: u64, axis: &Axis) -> Bar {
    let build = place.build;
    let x = axis.x(&build.started);
    let end = build.ended.as_deref().map_or(axis.right(), |ended| axis.x(ended));
    // One pixel keeps it apart from the next.
    let width = (end - x).saturating_sub(1).max(MIN_WIDTH);
    Bar {
        x,
        y,
        width,
        outcome: build.outcome.unwrap_or("running"),
        purpose: build.purpose.word(),
        restarted: place.restarted,
        label: label(build, width),
        title: plain(&title(build, row)),
    }
}

/// Returns the tree of a build, in the longest form that fits.
fn label(build: &BuildLine, width: u64) -> String {
    let names: Vec<&str> = build.with.iter().map(ChangeId::as_str).collect();
    let whole = if names.is_empty() { "tip".to_owned() } else { names.join(" ") };
    let ahead = match names.as_slice() {
        [.., last] if names.len() > 1 => format!("{} + {last}", names.len() - 1),
        _ => String::new(),
    };
    let fits = |text: &String| (text.chars().count() as u64) * CHARACTER + 6 <= width;
    plain(&[whole, ahead].into_iter().find(fits).unwrap_or_default())
}

fn title(build: &BuildLine, row: &Row<'_>) -> String {
    let names: Vec<&str> = build.with.iter().map(ChangeId::as_str).collect();
    let tree =
        if names.is_empty() { "the tip alone".to_owned() } else { format!("with {}", names.join(", ")) };
    let time = match &build.ended {
        Some(ended) => {
            let took = std::time::Duration::from_millis(ms(ended).saturating_sub(ms(&build.started)));
            format!("{} to {ended} ({})", build.started, in_words(took))
        }
        None => format!("since {}", build.started),
    };
    format!(
        "{} for {} revision {}, {} {} in {}\n{time}: {}\n{tree}",
        row.name,
        build.change,
        build.revision,
        build.purpose.word(),
        build.attempt,
        word(build.pipeline),
        build.outcome.unwrap_or("running"),
    )
}
