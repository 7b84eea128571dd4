//! JSON Schema of the files, for editors, from the types that read them.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::raw::{CatalogueFile, RepoFile, WorkspaceFile};
use crate::scenario::raw::ScenarioFile;

/// Which file a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `crossgate.yaml`.
    Workspace,
    /// `.crossgate.yaml` in a repo.
    Repo,
    /// `jobs/*.yaml`.
    Catalogue,
    /// A scenario.
    Scenario,
}

/// Returns the schema of a file, in draft 2020-12.
pub fn schema(kind: SchemaKind) -> Value {
    // What is left out has no value, and so no default to show.
    let no_default = RecursiveTransform(|schema: &mut Schema| {
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
    });
    let generator = SchemaSettings::draft2020_12().with_transform(no_default).into_generator();
    let schema = match kind {
        SchemaKind::Workspace => generator.into_root_schema_for::<WorkspaceFile>(),
        SchemaKind::Repo => generator.into_root_schema_for::<RepoFile>(),
        SchemaKind::Catalogue => generator.into_root_schema_for::<CatalogueFile>(),
        SchemaKind::Scenario => generator.into_root_schema_for::<ScenarioFile>(),
    };
    let mut schema = schema.to_value();
    if kind == SchemaKind::Scenario
        && let Some(job) = schema.pointer_mut("/$defs/Job").and_then(Value::as_object_mut)
    {
        // Its builds are not run, so that its jobs need no steps.
        job.remove("required");
    }
    schema
}
