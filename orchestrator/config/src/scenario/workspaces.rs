//! The configurations that a scenario holds: the first, those that changes bring, and those that replace it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::ids::JobName;
use crossgate_core::workspace::Workspace;
use jiff::civil::Date;

use super::names::Configured;
use super::raw::{Event, ScenarioFile};
use crate::code::Code;
use crate::content::Place;
use crate::field::Field;
use crate::load;
use crate::problems::Problems;
use crate::raw::WorkspaceFile;

/// Most configurations of a scenario. One that an alias names again does not count.
const MAX_WORKSPACES: usize = 100;

/// Checked configurations by their place, so that one that several aliases name is checked once.
#[derive(Debug)]
pub(super) struct Workspaces<'a> {
    today: Date,
    problems: &'a Problems,
    checked: BTreeMap<Place, Arc<Workspace>>,
    /// The names of all of them; `None` if one could not be read.
    configured: Option<Configured>,
}

impl<'a> Workspaces<'a> {
    /// Checks every configuration of a scenario, and takes it out of the file.
    pub(super) fn take(file: &mut ScenarioFile, today: Date, problems: &'a Problems) -> Self {
        let configured = (!file.workspace.is_absent()).then(Configured::default);
        let checked = BTreeMap::new();
        let mut workspaces = Self { today, problems, checked, configured };
        workspaces.check(&mut file.workspace);
        if let Field::Given(changes) = &mut file.changes {
            for (_, change) in &mut changes.value.0 {
                if let Field::Given(change) = change {
                    workspaces.check(&mut change.value.workspace);
                }
            }
        }
        if let Field::Given(timeline) = &mut file.timeline {
            for event in &mut timeline.value {
                if let Field::Given(event) = event
                    && let Event::Map(occurrence) = &mut event.value
                {
                    workspaces.check(&mut occurrence.workspace);
                }
            }
        }
        workspaces
    }

    /// Returns the configuration that stood in a field.
    pub(super) fn of(&self, field: &Field<Box<WorkspaceFile>>) -> Option<Arc<Workspace>> {
        self.checked.get(&field.as_ref()?.at).cloned()
    }

    /// Returns the names of all configurations; `None` if one could not be read.
    pub(super) fn configured(&mut self) -> Option<Configured> {
        self.configured.take()
    }

    fn check(&mut self, field: &mut Field<Box<WorkspaceFile>>) {
        let given = match field {
            Field::Absent => return,
            Field::Bad => {
                self.configured = None;
                return;
            }
            Field::Given(given) => given,
        };
        let (file, at) = (std::mem::take(&mut *given.value), given.at);
        if self.checked.contains_key(&at) {
            return;
        }
        if self.checked.len() >= MAX_WORKSPACES {
            self.configured = None;
            self.problems
                .error(Code::TooMany, at, format!("more than {MAX_WORKSPACES} configurations in a scenario"))
                .hint("let an alias stand for one that is there already".to_owned());
            return;
        }
        let declared: Vec<JobName> = file.jobs.as_ref().map_or_else(Vec::new, |jobs| {
            jobs.value.0.iter().map(|(name, _)| name.value.0.clone()).collect()
        });
        let workspace = load::embedded(file, at, self.today, self.problems);
        if let Some(configured) = &mut self.configured {
            configured.learn(&workspace, declared);
        }
        self.checked.insert(at, Arc::new(workspace));
    }
}
