//! A row for each driver and job of a change; builds that run at once stand below each other in it.

use crossgate_core::ids::{DriverName, JobName};
use crossgate_simulator::BuildLine;

use crate::render::outcome::name;
use crate::render::timeline::axis::ms;

/// The builds of a change's job.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) name: String,
    of: (Option<&'a DriverName>, &'a JobName),
    /// The builds, in the order in which they started.
    pub(super) places: Vec<Place<'a>>,
    /// How many builds stand below each other at most.
    pub(super) depth: u64,
}

/// A build in its row.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) build: &'a BuildLine,
    /// How many builds run above it.
    pub(super) depth: u64,
    /// Whether it was cancelled and the job was started again.
    pub(super) restarted: bool,
}

/// Puts the builds of a change, which are in the order in which they started, into rows.
pub(super) fn rows<'a>(builds: &[&'a BuildLine]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    // When each depth of each row is free again.
    let mut free: Vec<Vec<u64>> = Vec::new();
    for &build in builds {
        let of = (build.driver.as_ref(), &build.job);
        let index = rows.iter().position(|row| row.of == of).unwrap_or_else(|| {
            rows.push(Row { name: name(of.0, Some(of.1)), of, places: Vec::new(), depth: 0 });
            free.push(Vec::new());
            rows.len() - 1
        });
        let (row, free) = (&mut rows[index], &mut free[index]);
        let start = ms(&build.started);
        let depth = free.iter().position(|&end| end <= start).unwrap_or(free.len());
        let end = build.ended.as_deref().map_or(u64::MAX, ms).max(start + 1);
        if depth == free.len() {
            free.push(end);
        } else {
            free[depth] = end;
        }
        restart(row, build);
        row.places.push(Place { build, depth: depth as u64, restarted: false });
        row.depth = free.len() as u64;
    }
    rows
}

/// Marks what was cancelled and is started again by a build.
fn restart(row: &mut Row<'_>, by: &BuildLine) {
    let is_before = |place: &&mut Place<'_>| {
        let (build, cancelled) = (place.build, place.build.outcome == Some("cancelled"));
        cancelled && build.pipeline == by.pipeline && build.purpose == by.purpose && build.with != by.with
    };
    row.places.iter_mut().rev().find(is_before).into_iter().for_each(|place| place.restarted = true);
}
