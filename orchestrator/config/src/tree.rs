//! YAML to a tree in which every node knows its place. Bounded in depth, nodes and what aliases stand for.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_yaml::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span};

use crate::code::Code;
use crate::content::{Place, number};
use crate::problems::Problems;

/// Deepest nesting of lists and maps; the grammar needs eight.
const MAX_DEPTH: usize = 32;

/// Most nodes of one file, an alias counting as all that it stands for.
const MAX_NODES: usize = 250_000;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
    /// How many nodes it is made of, itself included.
    nodes: usize,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Text, and whether it stands without quotes.
    Text(String, bool),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// A key, which is always text, and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Rc<Node>,
    pub(crate) value: Rc<Node>,
}

impl Entry {
    pub(crate) fn name(&self) -> &str {
        self.key.text().unwrap_or_default()
    }
}

impl Node {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text, _) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether it is what YAML takes for nothing: no text, `~` or `null`, without quotes.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Text(text, true) if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Names the kind of its value.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(..) => "text",
            Value::List(_) => "list",
            Value::Map(_) => "map",
        }
    }

    /// Says what it is, for people.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Text(..) if self.is_nothing() => "nothing".to_owned(),
            Value::Text(text, _) => format!("`{}`", clipped(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// Cuts a text down to what fits into a message.
pub(crate) fn clipped(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Reads a file. What is wrong with its YAML is recorded; `None` if there is no tree then.
pub(crate) fn parse(file: u32, problems: &Problems) -> Option<Rc<Node>> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let text = problems.text(file);
    let mut builder =
        Builder { file, problems, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    for item in Parser::new_from_str_with_options(text, options) {
        match item
            .map_err(|error| builder.syntax(&error))
            .and_then(|(event, span)| builder.take(event, &span))
        {
            Ok(()) => {}
            Err(Refused) => return None,
        }
    }
    // An empty file is a map in which everything is missing.
    let given = builder.root.filter(|root| !root.is_nothing());
    Some(
        given.unwrap_or_else(|| {
            Rc::new(Node { at: Place::top(file), value: Value::Map(Vec::new()), nodes: 1 })
        }),
    )
}

/// The file cannot be used any further; why is recorded.
struct Refused;

enum Open {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, seen: BTreeMap<String, Place>, key: Option<Rc<Node>> },
}

struct Frame {
    at: Place,
    anchor: usize,
    open: Open,
}

struct Builder<'a> {
    file: u32,
    problems: &'a Problems,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, Rc<Node>>,
    nodes: usize,
    root: Option<Rc<Node>>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Refused> {
        let at = place(self.file, span);
        if event.tag().is_some() {
            self.problems
                .error(Code::YamlTag, at, "tags are not supported")
                .hint("remove the `!tag`; values are read by what their key expects".to_owned());
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Text(text.into_owned(), style == ScalarStyle::Plain);
                self.finish(Node { at, value, nodes: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.start(at, anchor, Open::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let open = Open::Map { entries: Vec::new(), seen: BTreeMap::new(), key: None };
                self.start(at, anchor, open)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(at, anchor),
            Event::DocumentStart(..) if self.root.is_some() => {
                self.problems.error(Code::YamlSyntax, at, "a second document: expected one in a file");
                Err(Refused)
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, at: Place, anchor: usize, open: Open) -> Result<(), Refused> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_complex(at, &format!("nested more than {MAX_DEPTH} deep")));
        }
        self.open.push(Frame { at, anchor, open });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        let Some(Frame { at, anchor, open }) = self.open.pop() else { return Err(Refused) };
        let (value, inside) = match open {
            Open::List(items) => {
                let inside: usize = items.iter().map(|item| item.nodes).sum();
                (Value::List(items), inside)
            }
            Open::Map { entries, .. } => {
                let inside: usize = entries.iter().map(|entry| 1 + entry.value.nodes).sum();
                (Value::Map(entries), inside)
            }
        };
        self.finish(Node { at, value, nodes: 1 + inside }, anchor)
    }

    fn alias(&mut self, at: Place, anchor: usize) -> Result<(), Refused> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.problems.error(Code::YamlSyntax, at, "an alias inside of what it stands for");
            return Err(Refused);
        };
        self.nodes += node.nodes;
        self.add(node)
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Refused> {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.nodes += 1;
        self.add(node)
    }

    fn add(&mut self, node: Rc<Node>) -> Result<(), Refused> {
        if self.nodes > MAX_NODES {
            return Err(self.too_complex(node.at, &format!("more than {MAX_NODES} values, aliases followed")));
        }
        match self.open.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map { entries, seen, key }) => match key.take() {
                None if node.text().is_some() => *key = Some(node),
                None => {
                    let message = format!("expected a name as key, found {}", node.describe());
                    self.problems.error(Code::YamlSyntax, node.at, message);
                    return Err(Refused);
                }
                Some(name) => put(entries, seen, Entry { key: name, value: node }, self.problems),
            },
        }
        Ok(())
    }

    fn syntax(&self, error: &ScanError) -> Refused {
        let span = Span::new(*error.marker(), *error.marker());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_complex(place(self.file, &span), &format!("nested more than {MAX_DEPTH} deep"));
        }
        self.problems.error(Code::YamlSyntax, place(self.file, &span), error.info());
        Refused
    }

    fn too_complex(&self, at: Place, how: &str) -> Refused {
        self.problems
            .error(Code::TooComplex, at, format!("the file is too complex: {how}"))
            .hint(self.problems.smaller.to_owned());
        Refused
    }
}

fn put(entries: &mut Vec<Entry>, seen: &mut BTreeMap<String, Place>, entry: Entry, problems: &Problems) {
    let name = entry.name().to_owned();
    if let Some(first) = seen.get(&name) {
        problems
            .error(Code::DuplicateKey, entry.key.at, format!("`{}` is set twice", clipped(&name)))
            .related(*first, "first set here")
            .hint("remove one of them".to_owned());
    } else {
        seen.insert(name, entry.key.at);
        entries.push(entry);
    }
}

fn place(file: u32, span: &Span) -> Place {
    let start = span.start.byte_offset().unwrap_or_default();
    let end = span.end.byte_offset().unwrap_or(start).max(start);
    Place {
        file,
        line: number(span.start.line()),
        column: number(span.start.col() + 1),
        end_line: number(span.end.line()),
        end_column: number(span.end.col() + 1),
        start: number(start),
        len: number(end - start),
    }
}
