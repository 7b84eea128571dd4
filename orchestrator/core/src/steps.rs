//! Steps are templates: what they may name, and what they become for one build.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{ChangeId, DriverName, JobName, RepoName};
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};

/// How much work one template may be, in the engine's instructions.
const FUEL: u64 = 100_000;

/// Longest rendered step, in bytes.
const MAX_STEP_BYTES: usize = 64 * 1024;

/// Why a step does not become a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The template does not parse, or fails when it is rendered.
    #[error("{reason}{}", .line.map(|line| format!(" (line {line} of the step)")).unwrap_or_default())]
    Template {
        /// What is wrong.
        reason: String,
        /// The line of the step, from 1.
        line: Option<usize>,
    },
    /// It asks for a repo that is not in the build.
    #[error("{reason}{}", .line.map(|line| format!(" (line {line} of the step)")).unwrap_or_default())]
    Unseen {
        /// What is wrong.
        reason: String,
        /// The line of the step, from 1.
        line: Option<usize>,
    },
    /// It names something that is not there.
    #[error("the step names something that is not defined{}", .line.map(|line| format!(" (line {line} of the step)")).unwrap_or_default())]
    Undefined {
        /// The line of the step, from 1.
        line: Option<usize>,
    },
    /// It became too long.
    #[error("the step is {bytes} bytes long: expected at most {MAX_STEP_BYTES}")]
    TooLong {
        /// How long.
        bytes: usize,
    },
}

impl StepError {
    /// Returns the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Undefined { .. } => Some(
                "a step may use `repo(\"NAME\").path`, `driver.name` and `driver.repo` (in jobs of drivers), \
                 `change.id`, `job.name` and `matrix.KEY`"
                    .to_owned(),
            ),
            Self::Template { .. } => Some("to print braces as they are, write `{{ \"{{\" }}`".to_owned()),
            Self::Unseen { .. } => Some("add it to `depends_on` of the repo in which the job runs".to_owned()),
            Self::TooLong { .. } => Some("put the commands into a script in the repo".to_owned()),
        }
    }
}

/// What the steps of one build may name.
#[derive(Debug, Clone)]
pub struct StepContext<'a> {
    /// The driver and its repo, in jobs of drivers.
    pub driver: Option<(&'a DriverName, &'a RepoName)>,
    /// The change that is judged.
    pub change: &'a ChangeId,
    /// The job.
    pub job: &'a JobName,
    /// The job's matrix values.
    pub matrix: &'a BTreeMap<String, String>,
    /// The repos that the build sees; `None`: any name is taken to be one.
    pub repos: Option<&'a BTreeSet<RepoName>>,
}

/// Renders a step into the command that a shell is given.
///
/// The path of a repo is relative to the repo in which the steps run, so a command does not depend on where a
/// build happens to stand.
///
/// # Errors
/// [`StepError`] if the template does not parse, names what is not there or grows too long.
pub fn render(template: &str, step: &StepContext<'_>) -> Result<String, StepError> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let known = step.repos.cloned();
    environment.add_function("repo", move |name: &str| -> Result<Value, minijinja::Error> {
        let there = known.as_ref().is_none_or(|known| known.contains(name));
        if !there {
            let text = format!("the build does not see a repo named `{name}`");
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, text));
        }
        Ok(context! { path => format!("../{name}") })
    });
    let driver = step.driver.map(|(name, repo)| context! { name => name.as_str(), repo => repo.as_str() });
    let values = context! {
        change => context! { id => step.change.as_str() },
        job => context! { name => step.job.as_str() },
        matrix => step.matrix,
        ..driver.map(|driver| context! { driver => driver }).unwrap_or_else(|| context! {})
    };
    let text = environment.render_str(template, values).map_err(|error| classify(&error))?;
    if text.len() > MAX_STEP_BYTES {
        return Err(StepError::TooLong { bytes: text.len() });
    }
    Ok(text)
}

fn classify(error: &minijinja::Error) -> StepError {
    let line = error.line();
    let reason = || error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if error.kind() == ErrorKind::UndefinedError {
        StepError::Undefined { line }
    } else if error.kind() == ErrorKind::InvalidOperation {
        StepError::Unseen { reason: reason(), line }
    } else {
        StepError::Template { reason: reason(), line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, driver: bool) -> Result<String, StepError> {
        let (name, repo) = (DriverName::parse("xen").unwrap(), RepoName::parse("lab").unwrap());
        let matrix = BTreeMap::from([("platform".to_owned(), "qemu-7".to_owned())]);
        render(
            template,
            &StepContext {
                driver: driver.then_some((&name, &repo)),
                change: &ChangeId::parse("core#7").unwrap(),
                job: &JobName::parse("lab").unwrap(),
                matrix: &matrix,
                repos: Some(&BTreeSet::from([RepoName::parse("core").unwrap()])),
            },
        )
    }

    #[test]
    fn a_step_names_driver_change_matrix_and_repos() {
        let text = rendered(
            "t {{ driver.name }} {{ change.id }} {{ matrix.platform }} {{ repo('core').path }}",
            true,
        );
        assert_eq!(text.unwrap(), "t xen core#7 qemu-7 ../core");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for (template, driver) in
            [("{{ driver.name }}", false), ("{{ drivers }}", true), ("{{ matrix.cpu }}", true)]
        {
            assert!(matches!(rendered(template, driver), Err(StepError::Undefined { .. })), "{template}");
        }
        insta::assert_snapshot!(rendered("{{ repo('cor').path }}", true).unwrap_err(), @"the build does not see a repo named `cor` (line 1 of the step)");
        insta::assert_snapshot!(rendered("a\n{{ }}", true).unwrap_err(), @"unexpected end of variable block (line 2 of the step)");
    }

    #[test]
    fn a_template_cannot_run_away() {
        let nested = "{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(12) + "x" + &"{% endfor %}".repeat(12);
        assert!(rendered(&nested, true).is_err());
    }
}
