//! JSON Schema of the files, for editors, from the types that read them.

use schemars::generate::SchemaSettings;

use crate::raw::{CatalogueFile, RepoFile, WorkspaceFile};

/// Which file a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `crossgate.yaml`.
    Workspace,
    /// `.crossgate.yaml` in a repo.
    Repo,
    /// `jobs/*.yaml`.
    Catalogue,
}

/// Returns the schema of a file, in draft 2020-12.
pub fn schema(kind: SchemaKind) -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = match kind {
        SchemaKind::Workspace => generator.into_root_schema_for::<WorkspaceFile>(),
        SchemaKind::Repo => generator.into_root_schema_for::<RepoFile>(),
        SchemaKind::Catalogue => generator.into_root_schema_for::<CatalogueFile>(),
    };
    schema.to_value()
}
