//! Item by item.

use std::collections::BTreeSet;

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, Fields, File, Generics, ImplItem, Item, ItemEnum, ItemImpl, ItemMacro, ItemTrait,
};
use syn::{Ident, TraitItem, Type, UseTree, Visibility};

use super::attributes::{ErrorClass, derived, entry, facet, is_for_tests, is_hidden, is_open, recovery};
use super::attributes::{terms, terms_of_variant};
use super::tokens::normal;
use super::{Surface, SurfaceError, place, unclear};
use crate::cycle::Facet;

/// Reads items into a surface.
pub(super) struct Reader<'a> {
    surface: Surface,
    path: &'a str,
    /// Types and traits that are nobody else's business, and what is said of them neither.
    private: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Prepares for a crate of these items.
    pub(super) fn new<'i>(items: impl Iterator<Item = &'i Item>) -> Self {
        let (mut private, mut public) = (BTreeSet::new(), BTreeSet::new());
        for item in items {
            let (name, vis, attrs) = match item {
                Item::Struct(it) => (&it.ident, &it.vis, &it.attrs),
                Item::Enum(it) => (&it.ident, &it.vis, &it.attrs),
                Item::Trait(it) => (&it.ident, &it.vis, &it.attrs),
                _ => continue,
            };
            let of = if is_pub(vis) && !is_hidden(attrs) { &mut public } else { &mut private };
            of.insert(name.to_string());
        }
        let private = private.difference(&public).cloned().collect();
        Self { surface: Surface::default(), path: "", private }
    }

    /// Reads a file.
    pub(super) fn read_file(&mut self, path: &'a str, file: &File) -> Result<(), SurfaceError> {
        self.path = path;
        for item in &file.items {
            self.read(item).map_err(|error| unclear(path, &error))?;
        }
        Ok(())
    }

    /// Returns what was read.
    pub(super) fn finish(mut self) -> Surface {
        self.surface.facets.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        self.surface
    }

    fn add(
        &mut self,
        item: impl Into<String>,
        at: &impl Spanned,
        attrs: &[Attribute],
        signature: impl Into<String>,
    ) -> syn::Result<()> {
        let item = item.into();
        if let Some(there) = self.surface.places.get(&item) {
            return Err(syn::Error::new(at.span(), format!("`{item}` is there already: {there}")));
        }
        self.surface.places.insert(item.clone(), place(self.path, at));
        self.surface.items.insert(item, entry(signature.into(), attrs)?);
        Ok(())
    }

    /// Adds to what others rely on of an item beside its signature.
    fn add_terms(&mut self, item: &str, terms: impl IntoIterator<Item = String>) {
        let Some(entry) = self.surface.items.get_mut(item) else { return };
        let told = entry.terms.take().into_iter().chain(terms).collect::<Vec<_>>().join("; ");
        entry.terms = Some(told).filter(|told| !told.is_empty());
    }

    fn read(&mut self, item: &Item) -> syn::Result<()> {
        match item {
            // What other modules hand on, the crate's root exports, or nobody sees it.
            Item::Use(it) if is_pub(&it.vis) && self.path.ends_with("lib.rs") => self.read_use(&it.tree),
            Item::Const(it) if is_offered(&it.vis, &it.attrs) => {
                self.add(it.ident.to_string(), &it.ident, &it.attrs, normal(&it.ty))?;
                self.add_terms(&it.ident.to_string(), number(&it.expr));
                Ok(())
            }
            Item::Static(it) if is_offered(&it.vis, &it.attrs) => {
                self.add(it.ident.to_string(), &it.ident, &it.attrs, format!("static {}", normal(&it.ty)))
            }
            Item::Type(it) if is_offered(&it.vis, &it.attrs) => {
                let (name, generics) = (it.ident.to_string(), normal(&it.generics));
                self.add(&name, &it.ident, &it.attrs, format!("type{generics} {}", normal(&it.ty)))?;
                self.add_terms(&name, demands(&it.generics));
                Ok(())
            }
            Item::Fn(it) if is_offered(&it.vis, &it.attrs) => {
                self.add(it.sig.ident.to_string(), &it.sig.ident, &it.attrs, normal(&it.sig))
            }
            Item::Struct(it) if is_offered(&it.vis, &it.attrs) => {
                let name = &it.ident;
                let fields = self.read_fields(name, &it.fields)?;
                let shape = if is_open(&it.attrs) { "non_exhaustive" } else { &fields };
                let signature = format!("struct{} {shape}", normal(&it.generics));
                self.add(name.to_string(), name, &it.attrs, signature)?;
                self.add_terms(&name.to_string(), demands(&it.generics));
                self.read_derives(name, &it.attrs)
            }
            Item::Enum(it) if is_offered(&it.vis, &it.attrs) => self.read_enum(it),
            Item::Trait(it) if is_offered(&it.vis, &it.attrs) => self.read_trait(it),
            Item::Impl(it) => self.read_impl(it),
            Item::Macro(it) => self.read_macro(it),
            Item::Mod(it) if is_offered(&it.vis, &it.attrs) && !is_for_tests(&it.attrs) => {
                let how =
                    "items are exported at the top: make the module private and name them in a `pub use`";
                Err(syn::Error::new(it.ident.span(), how))
            }
            _ => Ok(()),
        }
    }

    fn read_use(&mut self, tree: &UseTree) -> syn::Result<()> {
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree),
            UseTree::Group(group) => group.items.iter().try_for_each(|tree| self.read_use(tree)),
            UseTree::Name(name) => self.add(format!("use {}", name.ident), name, &[], "exported"),
            UseTree::Rename(name) => self.add(format!("use {}", name.rename), name, &[], "exported"),
            UseTree::Glob(glob) => {
                Err(syn::Error::new(glob.span(), "a glob hides what the API offers: name the items"))
            }
        }
    }

    /// Public fields are items; the returned text says whether a literal of the type can be written.
    fn read_fields(&mut self, name: &Ident, fields: &Fields) -> syn::Result<String> {
        for (field, index) in fields.iter().zip(0..).filter(|(field, _)| is_pub(&field.vis)) {
            let field_name = field.ident.as_ref().map_or_else(|| format!("{index}"), ToString::to_string);
            self.add(format!("{name}.{field_name}"), field, &field.attrs, normal(&field.ty))?;
        }
        let all_public = fields.iter().all(|field| is_pub(&field.vis));
        Ok(if all_public { format!("with {} fields", fields.len()) } else { "opaque".to_owned() })
    }

    fn read_enum(&mut self, it: &ItemEnum) -> syn::Result<()> {
        let name = &it.ident;
        let bare = |variant: &syn::Variant| format!("{}{}", variant.ident, normal(&variant.fields));
        if derived(&it.attrs)?.error.is_some() {
            let names: Vec<_> = it.variants.iter().map(|variant| variant.ident.to_string()).collect();
            self.add(name.to_string(), name, &it.attrs, format!("error {}", names.join(", ")))?;
            for variant in &it.variants {
                let item = format!("{name}::{}", variant.ident);
                let signature = format!("{} => {}", normal(&variant.fields), recovery(variant)?);
                self.add(item, variant, &variant.attrs, signature)?;
            }
            return self.read_derives(name, &it.attrs);
        }
        let open = is_open(&it.attrs);
        let variants: Vec<_> = it.variants.iter().map(bare).collect();
        let closed = if open { "non_exhaustive".to_owned() } else { variants.join(", ") };
        self.add(name.to_string(), name, &it.attrs, format!("enum{} {closed}", normal(&it.generics)))?;
        for variant in it.variants.iter().filter(|_| open) {
            self.add(format!("{name}::{}", variant.ident), variant, &variant.attrs, bare(variant))?;
        }
        self.add_terms(&name.to_string(), demands(&it.generics));
        for variant in &it.variants {
            let told = terms_of_variant(variant);
            let told = (!told.is_empty()).then(|| format!("{}: {}", variant.ident, told.join(", ")));
            self.add_terms(&name.to_string(), told);
        }
        self.read_derives(name, &it.attrs)
    }

    fn read_derives(&mut self, name: &Ident, attrs: &[Attribute]) -> syn::Result<()> {
        let derived = derived(attrs)?;
        for path in &derived.traits {
            self.add(format!("impl {} for {name}", normal(path)), path, &[], "derived")?;
        }
        if let Some(version) = derived.object {
            self.add(format!("impl Object for {name}"), name, &[], "")?;
            self.add(format!("object {name}"), name, &[], version)?;
        }
        let made: &[&str] = match derived.error {
            None => return Ok(()),
            Some(ErrorClass::Plain) => &["Error"],
            Some(ErrorClass::Mutation) => &["Error", "MutationError"],
            Some(ErrorClass::Instance) => &["Error", "MutationError", "InstanceError"],
        };
        self.add(format!("{name}::recovery"), name, &[], "fn recovery(&self) -> Recovery")?;
        made.iter().try_for_each(|made| self.add(format!("impl {made} for {name}"), name, &[], "derived"))
    }

    fn read_trait(&mut self, it: &ItemTrait) -> syn::Result<()> {
        let name = &it.ident;
        let supertraits = normal(&it.supertraits);
        let colon = if supertraits.is_empty() { "" } else { ": " };
        let header = format!("trait{}{colon}{supertraits}", normal(&it.generics));
        self.add(name.to_string(), name, &it.attrs, header)?;
        let unsafety = it.unsafety.map(|_| "unsafe".to_owned());
        self.add_terms(&name.to_string(), unsafety.into_iter().chain(demands(&it.generics)));
        for item in &it.items {
            let (member, attrs, has_default, signature) = match item {
                TraitItem::Fn(it) => (&it.sig.ident, &it.attrs, it.default.is_some(), normal(&it.sig)),
                TraitItem::Const(it) => (&it.ident, &it.attrs, it.default.is_some(), normal(&it.ty)),
                TraitItem::Type(it) => (&it.ident, &it.attrs, false, normal(&it.bounds)),
                other => return Err(syn::Error::new(other.span(), "not known of a trait of the API")),
            };
            let need = if has_default { "provided" } else { "required" };
            self.add(format!("{name}::{member}"), member, attrs, format!("{need} {signature}"))?;
        }
        let Some(mut facet) = facet(it)? else { return Ok(()) };
        facet.fingerprint = fingerprint(&facet, it);
        if let Some(entry) = self.surface.items.get_mut(&facet.trait_name) {
            entry.deprecated_in = facet.deprecated_in;
            entry.note = facet.replacement.as_ref().map(|other| format!("implement `{other}` instead"));
        }
        if !facet.base && facet.adapts.is_none() {
            self.add(format!("impl {name} for Absent"), name, &[], "")?;
        }
        self.surface.facets.push(facet);
        Ok(())
    }

    fn read_impl(&mut self, it: &ItemImpl) -> syn::Result<()> {
        let owner = normal(&it.self_ty);
        if last_word(&it.self_ty).is_some_and(|word| self.private.contains(&word)) || is_for_tests(&it.attrs)
        {
            return Ok(());
        }
        if let Some((path, _)) = &it.trait_ {
            let is_ours =
                path.segments.last().is_some_and(|last| self.private.contains(&last.ident.to_string()));
            let item = format!("impl {} for {owner}", normal(path));
            if is_ours {
                return Ok(());
            }
            self.add(&item, path, &it.attrs, normal(&it.generics))?;
            self.add_terms(&item, demands(&it.generics).into_iter().chain(types_of(it)));
            return Ok(());
        }
        let of_all: Vec<_> = bounds(&it.generics).into_iter().chain(terms(&it.attrs)).collect();
        for item in &it.items {
            let (name, attrs, signature) = match item {
                ImplItem::Fn(it) if is_offered(&it.vis, &it.attrs) => {
                    (&it.sig.ident, &it.attrs, normal(&it.sig))
                }
                ImplItem::Const(it) if is_offered(&it.vis, &it.attrs) => {
                    (&it.ident, &it.attrs, normal(&it.ty))
                }
                _ => continue,
            };
            let member = format!("{owner}::{name}");
            self.add(&member, name, attrs, signature)?;
            self.add_terms(&member, of_all.iter().cloned());
        }
        Ok(())
    }

    /// Reads what a macro makes wherever it is used, under the names of its variables.
    fn read_made(&mut self, name: &Ident, it: &ItemMacro) {
        let Some(made) = written_by(it.mac.tokens.clone()) else { return };
        let mut reader = Reader::new(made.items.iter());
        // What it makes that this reader does not understand, the definition's own line still tells.
        if reader.read_file(self.path, &made).is_err() {
            return;
        }
        for (item, entry) in reader.surface.items {
            let item = format!("made by {name}: {item}");
            self.surface.places.entry(item.clone()).or_insert_with(|| place(self.path, &name));
            self.surface.items.insert(item, entry);
        }
    }

    /// What a macro makes is not expanded: its definition and each use of it are recorded as they stand.
    fn read_macro(&mut self, it: &ItemMacro) -> syn::Result<()> {
        let body = normal(&it.mac.tokens);
        let item = if let Some(name) = &it.ident {
            self.read_made(name, it);
            format!("macro {name}")
        } else {
            let made = body.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            format!("{}! {made}", normal(&it.mac.path))
        };
        self.add(item, it, &it.attrs, body)
    }
}

/// Returns what a type or trait demands of its parameters behind `where`.
fn demands(generics: &Generics) -> Option<String> {
    generics.where_clause.as_ref().map(normal)
}

/// Returns what an `impl` demands of its parameters.
fn bounds(generics: &Generics) -> Vec<String> {
    let named = Some(normal(generics)).filter(|named| named.contains(':'));
    named.into_iter().chain(demands(generics)).collect()
}

/// Lists the types that an `impl` of a trait chooses.
fn types_of(it: &ItemImpl) -> Vec<String> {
    let chosen = it.items.iter().filter_map(|item| match item {
        ImplItem::Type(it) => Some(format!("type {} = {}", it.ident, normal(&it.ty))),
        _ => None,
    });
    chosen.collect()
}

/// Returns the value of a constant that is one number or text; what is computed may grow.
fn number(value: &Expr) -> Option<String> {
    matches!(value, Expr::Lit(_)).then(|| format!("= {}", normal(value)))
}

/// Digests a facet (FNV-1a, 64 bits), as the macro `driver_facet` does.
fn fingerprint(facet: &Facet, it: &ItemTrait) -> String {
    let mut text = format!("{} {}\n", facet.name, facet.version);
    for item in &it.items {
        if let TraitItem::Fn(method) = item {
            text.push_str(&normal(&method.sig));
            text.push('\n');
        }
    }
    crate::released::Digest::of(&text).to_string()
}

/// Returns what a macro of one arm writes, with the names of its variables for what they stand for and without what
/// is repeated.
fn written_by(tokens: TokenStream) -> Option<File> {
    let mut trees = tokens.into_iter();
    let arms = trees.by_ref().filter_map(|tree| match tree {
        TokenTree::Group(group) => Some(group),
        _ => None,
    });
    let [_, body] = <[_; 2]>::try_from(arms.collect::<Vec<_>>()).ok()?;
    syn::parse2(spelled_out(body.stream())).ok()
}

fn spelled_out(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.into_iter().peekable();
    let mut out = Vec::new();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '$' => {
                if matches!(trees.peek(), Some(TokenTree::Group(_))) {
                    // `$( … )` goes, with the separator and the sign behind it.
                    trees.next();
                    let is_sign = |tree: &TokenTree| matches!(tree, TokenTree::Punct(it) if matches!(it.as_char(), '*' | '+' | '?'));
                    if trees.next().is_some_and(|tree| !is_sign(&tree)) {
                        trees.next();
                    }
                }
            }
            TokenTree::Group(group) => {
                let inner = spelled_out(group.stream());
                out.push(TokenTree::Group(Group::new(group.delimiter(), inner)));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

/// Returns the last word of a type's path, such as `Own` of `own::Own<'a>`.
fn last_word(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(it) => it.path.segments.last().map(|last| last.ident.to_string()),
        Type::Reference(it) => last_word(&it.elem),
        _ => None,
    }
}

fn is_offered(vis: &Visibility, attrs: &[Attribute]) -> bool {
    is_pub(vis) && !is_hidden(attrs) && !is_for_tests(attrs)
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}
