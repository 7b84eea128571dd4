//! Scenario files: a workspace, changes, what builds will say, and what happens when, checked like a configuration.

mod expect;
mod names;
pub(crate) mod raw;
mod resolve;
mod rules;
mod timeline;
mod workspaces;

use crossgate_core::scenario::Scenario;

use crate::content::Place;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::problems::Problems;
use crate::reader;
use crate::source::{Source, take};
use crate::tree;

/// A scenario that may be played.
#[derive(Debug, Clone)]
pub struct LoadedScenario {
    /// The checked scenario.
    pub scenario: Scenario,
    /// What may not be as somebody thinks, by line.
    pub warnings: Vec<Diagnostic>,
}

/// Checks a scenario file, the configurations in it included.
///
/// # Errors
/// Everything that is wrong, warnings included, by line. A file whose YAML does not parse has one error.
pub fn load_scenario(source: &Source) -> Result<LoadedScenario, Diagnostics> {
    let mut problems = Problems::of_scenario();
    let number = take(&mut problems, source);
    let node = number.and_then(|number| tree::parse(number, &problems));
    let file = node.as_ref().and_then(|node| reader::read(node, &problems, false));
    let top = node.as_ref().map_or(Place::whole(0), |node| Place::top(node.at.file));
    let scenario = file.and_then(|file| resolve::scenario(file, top, &problems));
    match scenario.filter(|_| !problems.is_fatal()) {
        Some(scenario) => Ok(LoadedScenario { scenario, warnings: problems.into_diagnostics() }),
        None => Err(Diagnostics(problems.into_diagnostics())),
    }
}
