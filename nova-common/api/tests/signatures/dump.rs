//! The public items of a crate, read from its source, with normalised signatures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use quote::ToTokens;
use serde::{Deserialize, Serialize};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Fields, ImplItem, Item, ItemImpl, ItemTrait, Meta, Signature, Token, TraitItem, UseTree,
};
use syn::{Visibility, parse_file};

/// What is known of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) signature: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deprecated_in: Option<u32>,
}

/// The items by name, such as `NodeDesc::memory`.
#[derive(Debug, Default)]
pub(crate) struct Signatures(pub(crate) BTreeMap<String, Entry>);

#[derive(Serialize, Deserialize)]
struct Line {
    item: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
struct Cycle {
    items: Vec<Line>,
}

impl Signatures {
    /// Reads every source file of a directory.
    pub(crate) fn of_dir(dir: &Path) -> Self {
        let mut all = Self::default();
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                all.0.append(&mut Self::of_dir(&path).0);
                continue;
            }
            all.0.append(&mut Self::of_source(&fs::read_to_string(&path).unwrap()).0);
        }
        all
    }

    /// Reads one source file.
    pub(crate) fn of_source(source: &str) -> Self {
        // Documentation may change freely, also inside macros.
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: Vec<_> = source.lines().filter(is_code).collect();
        let mut all = Self::default();
        for item in parse_file(&code.join("\n")).unwrap().items {
            all.read(&item);
        }
        all
    }

    pub(crate) fn from_json(text: &str) -> Self {
        let cycle: Cycle = serde_json::from_str(text).unwrap();
        Self(cycle.items.into_iter().map(|line| (line.item, line.entry)).collect())
    }

    /// Writes one line an item, so that a change is one line of a diff.
    pub(crate) fn to_json(&self, cycle: u32) -> String {
        let line = |(item, entry): (&String, &Entry)| {
            let line = Line { item: item.clone(), entry: entry.clone() };
            format!("    {}", serde_json::to_string(&line).unwrap())
        };
        let lines: Vec<_> = self.0.iter().map(line).collect();
        format!("{{\n  \"cycle\": {cycle},\n  \"items\": [\n{}\n  ]\n}}\n", lines.join(",\n"))
    }

    /// Lists what `source` has and `self` has not (`+`), and the other way round (`-`).
    pub(crate) fn differences(&self, source: &Self) -> Vec<String> {
        let only_in = |these: &Self, those: &Self, sign: &str| {
            let differing = these.0.iter().filter(|(item, entry)| those.0.get(*item) != Some(*entry));
            differing.map(|(item, entry)| format!("  {sign} {item}: {entry:?}")).collect::<Vec<_>>()
        };
        [only_in(self, source, "-"), only_in(source, self, "+")].concat()
    }

    fn add(&mut self, item: String, attrs: &[Attribute], signature: &str) {
        let entry = Entry { signature: signature.to_owned(), deprecated_in: deprecated_in(attrs) };
        assert!(!self.0.contains_key(&item), "two items called `{item}`");
        self.0.insert(item, entry);
    }

    fn read(&mut self, item: &Item) {
        match item {
            Item::Use(it) if is_pub(&it.vis) => self.read_use(&it.tree),
            Item::Const(it) if is_pub(&it.vis) => self.add(it.ident.to_string(), &it.attrs, &tokens(&it.ty)),
            Item::Fn(it) if is_pub(&it.vis) => {
                self.add(it.sig.ident.to_string(), &it.attrs, &tokens(&it.sig));
            }
            Item::Struct(it) if is_pub(&it.vis) => {
                let name = it.ident.to_string();
                let (generics, fields) = (tokens(&it.generics), self.read_fields(&name, &it.fields));
                let closed = if is_open(&it.attrs) { "non_exhaustive".to_owned() } else { fields };
                self.add(name.clone(), &it.attrs, &format!("struct {generics} {closed}"));
                self.read_derives(&name, &it.attrs);
            }
            Item::Enum(it) if is_pub(&it.vis) => {
                let name = it.ident.to_string();
                let bare = |variant: &syn::Variant| {
                    let (ident, fields) = (&variant.ident, tokens(&variant.fields));
                    let recovery = variant.attrs.iter().find(|attr| attr.path().is_ident("recovery"));
                    let recovery =
                        recovery.map(|attr| format!(" => {}", attr.parse_args::<syn::Ident>().unwrap()));
                    format!("{ident}{fields}{}", recovery.unwrap_or_default())
                };
                let variants: Vec<_> = it.variants.iter().map(bare).collect();
                let open = is_open(&it.attrs);
                let closed = if open { "non_exhaustive".to_owned() } else { variants.join(", ") };
                self.add(name.clone(), &it.attrs, &format!("enum {} {closed}", tokens(&it.generics)));
                for variant in it.variants.iter().filter(|_| open) {
                    self.add(format!("{name}::{}", variant.ident), &variant.attrs, &bare(variant));
                }
                self.read_derives(&name, &it.attrs);
            }
            Item::Trait(it) if is_pub(&it.vis) => self.read_trait(it),
            Item::Impl(it) => self.read_impl(it),
            Item::Macro(it) => self.read_macro(it),
            _ => {}
        }
    }

    fn read_use(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree)),
            UseTree::Name(name) => self.add(format!("use {}", name.ident), &[], "exported"),
            UseTree::Rename(name) => self.add(format!("use {}", name.rename), &[], "exported"),
            UseTree::Glob(_) => panic!("a glob hides what the API offers: name the items"),
        }
    }

    /// Public fields are items; the returned text says whether a literal of the type can be written.
    fn read_fields(&mut self, name: &str, fields: &Fields) -> String {
        for (field, index) in fields.iter().zip(0..).filter(|(field, _)| is_pub(&field.vis)) {
            let field_name = field.ident.as_ref().map_or_else(|| format!("{index}"), ToString::to_string);
            self.add(format!("{name}.{field_name}"), &field.attrs, &tokens(&field.ty));
        }
        let all_public = fields.iter().all(|field| is_pub(&field.vis));
        if all_public { format!("with {} fields", fields.len()) } else { "opaque".to_owned() }
    }

    fn read_derives(&mut self, name: &str, attrs: &[Attribute]) {
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
            let Ok(derives) = attr.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated)
            else {
                panic!("a derive of `{name}` that cannot be read")
            };
            for derive in derives {
                self.add(format!("impl {} for {name}", tokens(&derive)), &[], "derived");
            }
        }
    }

    fn read_trait(&mut self, it: &ItemTrait) {
        let name = it.ident.to_string();
        let header = format!("trait {} : {}", tokens(&it.generics), tokens(&it.supertraits));
        self.add(name.clone(), &it.attrs, &header);
        for item in &it.items {
            match item {
                TraitItem::Fn(method) => {
                    let need = if method.default.is_some() { "provided" } else { "required" };
                    let signature = format!("{need} {}", tokens(&method.sig));
                    self.add(format!("{name}::{}", method.sig.ident), &method.attrs, &signature);
                }
                TraitItem::Const(it) => {
                    let need = if it.default.is_some() { "provided" } else { "required" };
                    self.add(
                        format!("{name}::{}", it.ident),
                        &it.attrs,
                        &format!("{need} {}", tokens(&it.ty)),
                    );
                }
                TraitItem::Type(it) => {
                    self.add(
                        format!("{name}::{}", it.ident),
                        &it.attrs,
                        &format!("required {}", tokens(&it.bounds)),
                    );
                }
                other => panic!("an item of `{name}` that cannot be read: {}", tokens(other)),
            }
        }
    }

    fn read_impl(&mut self, it: &ItemImpl) {
        let owner = tokens(&it.self_ty);
        if let Some((path, _)) = &it.trait_ {
            self.add(format!("impl {} for {owner}", tokens(path)), &it.attrs, &tokens(&it.generics));
            return;
        }
        for item in &it.items {
            let (name, attrs, signature) = match item {
                ImplItem::Fn(method) if is_pub(&method.vis) => {
                    (&method.sig.ident, &method.attrs, tokens::<Signature>(&method.sig))
                }
                ImplItem::Const(it) if is_pub(&it.vis) => (&it.ident, &it.attrs, tokens(&it.ty)),
                _ => continue,
            };
            self.add(format!("{owner}::{name}"), attrs, &signature);
        }
    }

    /// What a macro makes is not expanded: its definition and each use of it are recorded as they stand.
    fn read_macro(&mut self, it: &syn::ItemMacro) {
        let body = tokens(&it.mac.tokens);
        let item = if let Some(name) = &it.ident {
            format!("macro {name}")
        } else {
            let made = body.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            format!("{}! {made}", tokens(&it.mac.path))
        };
        self.add(item, &it.attrs, &body);
    }
}

/// Trailing commas come and go with the formatting.
fn tokens<T: ToTokens>(it: &T) -> String {
    it.to_token_stream().to_string().replace(" ,)", ")").replace(" , }", " }")
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_open(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("non_exhaustive"))
}

/// Reads `#[deprecated(since = "1.0.0", …)]`: version `1.(n-1)` is cycle *n*.
fn deprecated_in(attrs: &[Attribute]) -> Option<u32> {
    let attr = attrs.iter().find(|attr| attr.path().is_ident("deprecated"))?;
    let mut cycle = None;
    let Meta::List(list) = &attr.meta else { panic!("`#[deprecated]` must say `since` and `note`") };
    list.parse_nested_meta(|meta| {
        let value: syn::LitStr = meta.value()?.parse()?;
        if meta.path.is_ident("since") {
            let minor = value.value().split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
            cycle = minor.map(|minor| minor + 1);
        }
        Ok(())
    })
    .unwrap();
    Some(cycle.expect("`since` is a version such as `1.0.0`"))
}
