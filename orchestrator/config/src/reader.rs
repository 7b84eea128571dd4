//! Reads trees into types through serde without stopping at the first mistake: whatever stands in a
//! [`Field`](crate::field::Field) is recorded if it is wrong, and its neighbours are read on.

use std::fmt;

use crossgate_core::suggest::nearest;
use serde::de::value::{MapAccessDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use crate::code::Code;
use crate::content::Place;
use crate::field::FIELD;
use crate::problems::{Problems, quoted};
use crate::tree::{Entry, Node, Value, clipped};

/// Most entries of one list or map: a short entry may become a large value.
const MAX_ENTRIES: usize = 10_000;

/// Reads a file's tree; what is wrong is recorded, and `None` means that nothing could be read. Unknown keys are
/// passed over if `lenient`.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    node: &'de Node,
    problems: &Problems,
    lenient: bool,
) -> Option<T> {
    let reader = Reader { node, problems, lenient };
    T::deserialize(reader).map_err(|fault| reader.record(fault)).ok()
}

#[derive(Clone, Copy)]
struct Reader<'de, 'p> {
    node: &'de Node,
    problems: &'p Problems,
    lenient: bool,
}

/// Why a value is not what was expected.
#[derive(Debug)]
pub(crate) struct Fault {
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Fault {
    fn new(code: Code, message: String) -> Self {
        Self { code, message, hint: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Code::InvalidValue, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Code::WrongType, format!("expected {expected}, found {found}"))
    }

    fn unknown_variant(text: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("`{}` is not one of {}", clipped(text), quoted(expected));
        let near = nearest(text, expected.iter().copied());
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        Self { hint, ..Self::new(Code::InvalidValue, message) }
    }
}

fn bound(count: usize) -> Result<(), Fault> {
    let message = || format!("{count} entries: expected at most {MAX_ENTRIES}");
    if count > MAX_ENTRIES { Err(Fault::new(Code::TooMany, message())) } else { Ok(()) }
}

impl<'de> Reader<'de, '_> {
    fn record(self, fault: Fault) {
        self.problems.error(fault.code, self.node.at, fault.message).hint(fault.hint);
    }

    fn mismatch(self, expected: &str) -> Fault {
        let mut fault =
            Fault::new(Code::WrongType, format!("expected {expected}, found {}", self.node.describe()));
        if self.node.is_nothing() {
            fault.hint = Some("give the key a value, or remove it".to_owned());
        }
        fault
    }

    fn text(self, expected: &str) -> Result<&'de str, Fault> {
        match self.node.text() {
            Some(text) if !self.node.is_nothing() => Ok(text),
            _ => Err(self.mismatch(expected)),
        }
    }

    fn entries(self, expected: &dyn Expected) -> Result<&'de [Entry], Fault> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Text(..) | Value::List(_) => Err(self.mismatch(&expected.to_string())),
        }
    }

    fn unknown_key(self, entry: &Entry, container: &str, known: &[&str]) {
        let (name, at) = (entry.name(), entry.key.at);
        if let Some((_, _, code, hint)) =
            ELSEWHERE.iter().find(|(inside, key, ..)| (*inside, *key) == (container, name))
        {
            let message = format!("`{name}` cannot be set here");
            self.problems.error(*code, at, message).hint((*hint).to_owned());
            return;
        }
        let merge = || "merge keys are not read: an alias can stand for a whole value".to_owned();
        let meant = || self.problems.meant(name, known.iter().copied());
        let hint = if name == "<<" { Some(merge()) } else { meant() };
        self.problems.error(Code::UnknownKey, at, format!("unknown key `{}`", clipped(name))).hint(hint);
    }

    fn at(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }
}

/// Keys that people put into the wrong map: where, which, the diagnostic's code, and where they belong.
const ELSEWHERE: &[(&str, &str, Code, &str)] = &[
    ("RepoFile", "workspace", Code::RaisesRights, "only `crossgate.yaml` names the workspace"),
    ("RepoFile", "forge", Code::RaisesRights, "only `crossgate.yaml` sets the forge"),
    ("RepoFile", "repos", Code::RaisesRights, "only `crossgate.yaml` declares repos"),
    ("RepoFile", "pipelines", Code::RaisesRights, "only `crossgate.yaml` sets the pipelines"),
    ("RepoFile", "semaphores", Code::RaisesRights, "only `crossgate.yaml` declares semaphores"),
    ("RepoFile", "policy", Code::RaisesRights, "only `crossgate.yaml` sets the policy"),
    (
        "RepoCommon",
        "sanity",
        Code::RaisesRights,
        "only `crossgate.yaml` says which drivers gate a common change",
    ),
    ("ScenarioFile", "version", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "forge", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "repos", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "common", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "drivers", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "jobs", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "pipelines", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "semaphores", Code::UnknownKey, "it belongs under `workspace`"),
    ("ScenarioFile", "policy", Code::UnknownKey, "it belongs under `workspace`"),
    ("Driver", "mode", Code::UnknownKey, "it belongs under `common_changes`"),
    ("Driver", "jobs", Code::UnknownKey, "they belong under `own_changes` or `common_changes.jobs`"),
    ("Driver", "deadline", Code::UnknownKey, "it belongs under `common_changes`"),
    ("Driver", "absent", Code::UnknownKey, "it belongs under `common_changes`"),
    ("Driver", "until", Code::UnknownKey, "it belongs under `common_changes`"),
    ("Driver", "runner", Code::UnknownKey, "it belongs under `ci`"),
    ("Driver", "contact", Code::UnknownKey, "it belongs under `team`"),
    ("Driver", "reviewers", Code::UnknownKey, "they belong under `team`"),
    ("Driver", "depends_on", Code::UnknownKey, "it belongs to the driver's repo, under `repos`"),
];

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            const EXPECTED: &str = "a whole number, at most 4294967295";
            match self.text(EXPECTED)?.parse::<u32>() {
                Ok(number) if matches!(self.node.value, Value::Text(_, true)) => visitor.visit_u32(number),
                _ => Err(self.mismatch(EXPECTED)),
            }
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let text = self.text("text")?;
            if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                let message = "expected text without control characters".to_owned();
                return Err(Fault::new(Code::InvalidValue, message));
            }
            visitor.visit_borrowed_str(text)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text, _) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items { reader: self, items: items.iter() }),
            Value::Map(entries) => visitor.visit_map(Pairs::new(self, entries, None)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text("`true` or `false`")? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    texts! { deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == FIELD {
            visitor.visit_seq(Parts { reader: self, placed: false })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::List(items) = &self.node.value else {
            let mut fault = self.mismatch("a list");
            if let (Some(text), None) = (self.node.text(), &fault.hint) {
                fault.hint = Some(format!("put it in brackets: `[{}]`", clipped(text)));
            }
            return Err(fault);
        };
        bound(items.len())?;
        visitor.visit_seq(Items { reader: self, items: items.iter() })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = self.entries(&visitor)?;
        bound(entries.len())?;
        visitor.visit_map(Pairs::new(self, entries, None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = self.entries(&visitor)?;
        for entry in entries {
            if !self.lenient && !fields.contains(&entry.name()) {
                self.unknown_key(entry, name, fields);
            }
        }
        visitor.visit_map(Pairs::new(self, entries, Some(fields)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == KIND {
            let kind = self.node.kind();
            return if variants.contains(&kind) {
                visitor.visit_enum(Kind { reader: self, kind })
            } else {
                Err(self.mismatch(&(&visitor as &dyn Expected).to_string()))
            };
        }
        visitor.visit_enum(Word(self.text(&format!("one of {}", quoted(variants)))?))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// An enum of this name is chosen by what stands there: its variants are `text`, `list` and `map`, or some of these.
/// A type says so with `#[serde(rename = "crossgate-kind")]`.
const KIND: &str = "crossgate-kind";

/// A value of an enum that is chosen by the kind of the value.
struct Kind<'de, 'p> {
    reader: Reader<'de, 'p>,
    kind: &'static str,
}

impl<'de> EnumAccess<'de> for Kind<'de, '_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let word: StrDeserializer<'de, Fault> = self.kind.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Kind<'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.reader.deserialize_map(visitor)
    }
}

/// One of the words of an enum.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = <StrDeserializer<'de, Fault> as EnumAccess<'de>>::Variant;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Fault> {
        let word: StrDeserializer<'de, Fault> = self.0.into_deserializer();
        word.variant_seed(seed)
    }
}

/// A place, then the value that stands there.
struct Parts<'de, 'p> {
    reader: Reader<'de, 'p>,
    placed: bool,
}

impl<'de> SeqAccess<'de> for Parts<'de, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        if !self.placed {
            self.placed = true;
            let Place { file, line, column, end_line, end_column, start, len } = self.reader.node.at;
            let numbers = [file, line, column, end_line, end_column, start, len];
            return seed.deserialize(SeqDeserializer::new(numbers.into_iter())).map(Some);
        }
        Ok(seed.deserialize(self.reader).map_err(|fault| self.reader.record(fault)).ok())
    }
}

struct Items<'de, 'p> {
    reader: Reader<'de, 'p>,
    items: std::slice::Iter<'de, std::rc::Rc<Node>>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.items.next().map(|item| seed.deserialize(self.reader.at(item))).transpose()
    }
}

struct Pairs<'de, 'p> {
    reader: Reader<'de, 'p>,
    entries: std::slice::Iter<'de, Entry>,
    /// If given, other keys are passed over.
    known: Option<&'static [&'static str]>,
    value: Option<&'de Node>,
}

impl<'de, 'p> Pairs<'de, 'p> {
    fn new(reader: Reader<'de, 'p>, entries: &'de [Entry], known: Option<&'static [&'static str]>) -> Self {
        Self { reader, entries: entries.iter(), known, value: None }
    }
}

impl<'de> MapAccess<'de> for Pairs<'de, '_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let known = self.known;
        let Some(entry) = self.entries.find(|entry| known.is_none_or(|known| known.contains(&entry.name())))
        else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        seed.deserialize(self.reader.at(&entry.key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let node = self.value.take().expect("serde asks for a value after its key");
        seed.deserialize(self.reader.at(node))
    }
}

/// Reads text, or a map with one key that stands for a prefix: `soft: lint` is `soft:lint`.
pub(crate) fn prefixed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<(Option<String>, String), D::Error> {
    struct PrefixVisitor;

    impl<'de> Visitor<'de> for PrefixVisitor {
        type Value = (Option<String>, String);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a job, or `soft:` and a job")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(match text.split_once(':') {
                Some((prefix, rest)) => (Some(prefix.trim().to_owned()), rest.trim().to_owned()),
                None => (None, text.to_owned()),
            })
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let pairs: Vec<(String, String)> =
                std::collections::BTreeMap::deserialize(MapAccessDeserializer::new(map))?
                    .into_iter()
                    .collect();
            match <[(String, String); 1]>::try_from(pairs) {
                Ok([(prefix, rest)]) => Ok((Some(prefix), rest)),
                Err(_) => Err(de::Error::custom("expected a job, or `soft:` and a job")),
            }
        }
    }

    deserializer.deserialize_any(PrefixVisitor)
}
