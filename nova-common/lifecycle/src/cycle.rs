//! What one cycle of the API offers, as it is committed: one line an item and one a facet, so that a change of the API
//! is a change of its lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What is known of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its signature, without what formatting and documentation change.
    pub signature: String,
    /// What else others rely on: when it is there, what its types must be, how it is written and laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// The cycle that deprecated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_in: Option<u32>,
    /// What to do instead, as the compiler says it to whoever uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The items by name, such as `NodeDesc.memory` (a field) or `Driver::create`.
pub type Items = BTreeMap<String, Entry>;

/// A trait that drivers implement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// Its name, such as `volumes`.
    pub name: String,
    /// Its version: a number, from 1.
    pub version: u32,
    /// The trait, such as `VolumesV2`.
    pub trait_name: String,
    /// The cycle that it came in.
    pub since: u32,
    /// The cycle that deprecated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_in: Option<u32>,
    /// The cycle that is to be without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_in: Option<u32>,
    /// The trait to implement instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// The trait whose implementers have this one too, by an adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapts: Option<String>,
    /// Whether all drivers have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
    /// The digest of its name, version and signatures: equal where callers and drivers understand each other.
    pub fingerprint: String,
}

impl Facet {
    /// Returns the facet's name and version, such as `volumes v2`.
    pub fn title(&self) -> String {
        format!("{} v{}", self.name, self.version)
    }
}

/// What a cycle offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Its number.
    pub cycle: u32,
    /// The version that it is released as.
    pub version: String,
    /// Its facets, by name and version.
    pub facets: Vec<Facet>,
    /// Its items.
    pub items: Items,
}

/// Why the text of a cycle's file is none.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// It is not JSON, or of another shape.
    #[error("not the file of a cycle")]
    Shape(#[from] serde_json::Error),
    /// An item has two lines.
    #[error("`{0}` is there twice")]
    Twice(String),
}

#[derive(Serialize, Deserialize)]
struct Line {
    item: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
struct File {
    cycle: u32,
    version: String,
    facets: Vec<Facet>,
    items: Vec<Line>,
}

impl Cycle {
    /// Reads the text of a cycle's file.
    ///
    /// # Errors
    /// [`CycleError`].
    pub fn from_json(text: &str) -> Result<Self, CycleError> {
        let File { cycle, version, facets, items: lines } = serde_json::from_str(text)?;
        let mut items = Items::new();
        for Line { item, entry } in lines {
            if items.contains_key(&item) {
                return Err(CycleError::Twice(item));
            }
            items.insert(item, entry);
        }
        Ok(Self { cycle, version, facets, items })
    }

    /// Writes the text of the cycle's file.
    pub fn to_json(&self) -> String {
        let lines = |lines: Vec<String>| lines.join(",\n    ");
        let mut text = format!("{{\n  \"cycle\": {},\n  \"version\": \"{}\",\n", self.cycle, self.version);
        let facets = lines(self.facets.iter().map(json).collect());
        let line =
            |(item, entry): (&String, &Entry)| json(&Line { item: item.clone(), entry: entry.clone() });
        let items = lines(self.items.iter().map(line).collect());
        write!(text, "  \"facets\": [\n    {facets}\n  ],\n  \"items\": [\n    {items}\n  ]\n}}\n")
            .expect("a text takes what is written");
        text
    }

    /// Returns the facet that a trait is.
    pub fn facet_of(&self, trait_name: &str) -> Option<&Facet> {
        self.facets.iter().find(|facet| facet.trait_name == trait_name)
    }
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("texts and numbers can be written")
}

/// Returns the type or trait that an item is of, such as `NodeDesc` for `NodeDesc.memory`; of one that stands alone, itself.
pub fn owner(item: &str) -> &str {
    let item = item.split_once('<').map_or(item, |(name, _)| name);
    let end = item.find("::").into_iter().chain(item.find('.')).min();
    end.map_or(item, |end| &item[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "cycle": 2,
  "version": "1.1.0",
  "facets": [
    {"name":"driver","version":1,"trait_name":"Driver","since":1,"base":true,"fingerprint":"0123456789abcdef"},
    {"name":"volumes","version":1,"trait_name":"Volumes","since":1,"deprecated_in":2,"removed_in":3,"replacement":"VolumesV2","fingerprint":"0123456789abcdee"}
  ],
  "items": [
    {"item":"Driver","signature":"trait: Send"},
    {"item":"plain","signature":"fn plain()","deprecated_in":1,"note":"use `fine`"}
  ]
}
"#;

    #[test]
    fn a_file_comes_back_as_it_was() {
        assert_eq!(Cycle::from_json(TEXT).unwrap().to_json(), TEXT);
    }

    #[test]
    fn two_lines_of_one_item_are_refused() {
        let twice = TEXT.replace("\"plain\"", "\"Driver\"");
        assert!(matches!(Cycle::from_json(&twice), Err(CycleError::Twice(item)) if item == "Driver"));
        assert!(matches!(Cycle::from_json("{}"), Err(CycleError::Shape(_))));
    }

    #[test]
    fn an_item_is_of_its_type() {
        for (item, of) in [
            ("NodeDesc.memory", "NodeDesc"),
            ("Driver::create", "Driver"),
            ("Compared<'a, D>::new", "Compared"),
            ("plain", "plain"),
        ] {
            assert_eq!(owner(item), of);
        }
    }
}
