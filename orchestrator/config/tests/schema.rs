//! The schemas that editors are given.

use crossgate_config::{SchemaKind, schema};
use serde_json::Value;

fn walk<'a>(path: &str, value: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(path, value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| walk(&format!("{path}/{key}"), value, visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(&format!("{path}/{index}"), item, visit));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_key_is_described_and_no_other_is_allowed() {
    for kind in [SchemaKind::Workspace, SchemaKind::Repo, SchemaKind::Catalogue, SchemaKind::Scenario] {
        let schema = schema(kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let (mut keys, mut maps) = (0, 0);
        walk("", &schema, &mut |path, value| {
            let Some(properties) = value.get("properties").and_then(Value::as_object) else { return };
            maps += 1;
            assert_eq!(value["additionalProperties"], false, "{kind:?} {path}");
            for required in value["required"].as_array().into_iter().flatten() {
                assert!(
                    properties.contains_key(required.as_str().unwrap_or_default()),
                    "{kind:?} {path} {required}"
                );
            }
            // The short form of a need is described where it stands.
            for (key, property) in properties.iter().filter(|_| !path.starts_with("/$defs/Need/")) {
                keys += 1;
                assert!(property["description"].is_string(), "{kind:?} {path} {key} has no description");
            }
        });
        assert!(keys > 10 && maps > 2, "{kind:?}: {keys} keys in {maps} maps");
    }
}

#[test]
fn a_repos_schema_offers_nothing_that_only_the_workspace_sets() {
    let schema = schema(SchemaKind::Repo);
    let keys: Vec<&String> =
        schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys()).collect();
    assert_eq!(keys, ["common", "drivers", "jobs", "version"]);
    assert!(schema["$defs"]["RepoCommon"]["properties"].get("sanity").is_none());
}

#[test]
fn the_schema_of_a_workspace_is_as_recorded() {
    let text = serde_json::to_string_pretty(&schema(SchemaKind::Workspace)).unwrap_or_default();
    insta::assert_snapshot!(text);
}
