//! What attributes say of an item's life.

use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, ItemTrait, LitInt, LitStr, Meta, Path, Token, Variant};

use super::tokens::normal;
use crate::cycle::{Entry, Facet};

/// Attributes on which others rely as on a signature.
const TERMS: [&str; 4] = ["cfg", "cfg_attr", "repr", "serde"];

/// Returns an item's entry, with what `#[deprecated(since = "1.0.0", note = "…")]` says: version `1.(n-1)` is cycle *n*.
pub(super) fn entry(signature: String, attrs: &[Attribute]) -> syn::Result<Entry> {
    let terms = terms(attrs);
    let terms = (!terms.is_empty()).then(|| terms.join("; "));
    let mut entry = Entry { signature, terms, deprecated_in: None, note: None };
    let Some(attr) = named(attrs, "deprecated") else { return Ok(entry) };
    if let Meta::List(list) = &attr.meta {
        list.parse_nested_meta(|meta| {
            let value: LitStr = meta.value()?.parse()?;
            if meta.path.is_ident("since") {
                let minor = value.value().split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
                entry.deprecated_in = minor.map(|minor| minor + 1);
            } else if meta.path.is_ident("note") {
                entry.note = Some(value.value());
            }
            Ok(())
        })?;
    }
    if entry.deprecated_in.is_none() || entry.note.is_none() {
        let how = "expected `#[deprecated(since = \"1.0.0\", note = \"what to do instead\")]`";
        return Err(syn::Error::new(attr.span(), how));
    }
    Ok(entry)
}

/// Lists what attributes say of when an item is there, how it is written and how it is laid out.
pub(super) fn terms(attrs: &[Attribute]) -> Vec<String> {
    let told = attrs.iter().filter(|attr| TERMS.iter().any(|term| attr.path().is_ident(term)));
    told.map(|attr| normal(&attr.meta)).collect()
}

/// Lists what a variant says beside its name and its fields.
pub(super) fn terms_of_variant(variant: &Variant) -> Vec<String> {
    let mut told = terms(&variant.attrs);
    told.extend(is_open(&variant.attrs).then(|| "non_exhaustive".to_owned()));
    told.extend(variant.discriminant.as_ref().map(|(_, number)| format!("= {}", normal(number))));
    told
}

/// Returns the facet that a trait is, if `#[driver_facet(…)]` says so.
pub(super) fn facet(it: &ItemTrait) -> syn::Result<Option<Facet>> {
    let Some(attr) = named(&it.attrs, "driver_facet") else { return Ok(None) };
    let mut facet = Facet {
        name: String::new(),
        version: 0,
        trait_name: it.ident.to_string(),
        since: 0,
        deprecated_in: None,
        removed_in: None,
        replacement: None,
        adapts: None,
        base: false,
        fingerprint: String::new(),
    };
    attr.parse_nested_meta(|meta| {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match key.as_str() {
            "name" => facet.name = text(&meta)?,
            "version" => facet.version = number(&meta)?,
            "since" => facet.since = number(&meta)?,
            "deprecated_in" => facet.deprecated_in = Some(number(&meta)?),
            "removed_in" => facet.removed_in = Some(number(&meta)?),
            "replacement" => facet.replacement = Some(text(&meta)?),
            "base" => facet.base = true,
            "adapts" => facet.adapts = Some(text(&meta)?),
            _ => return Err(meta.error("not known of a facet")),
        }
        Ok(())
    })?;
    if facet.name.is_empty() || facet.version == 0 || facet.since == 0 {
        return Err(syn::Error::new(attr.span(), "a facet has a `name`, a `version` and a `since`"));
    }
    if facet.deprecated_in.is_some() != facet.removed_in.is_some() {
        let both = "a facet that is to leave says both `deprecated_in` and `removed_in`";
        return Err(syn::Error::new(attr.span(), both));
    }
    Ok(Some(facet))
}

/// What a derive stands for, as items: `impl Clone for X` and the like.
pub(super) struct Derived {
    /// The traits.
    pub(super) traits: Vec<Path>,
    /// Whether it is a closed error of the API, and of which class.
    pub(super) error: Option<ErrorClass>,
    /// The version of an object of the API.
    pub(super) object: Option<String>,
}

/// What a call of that error does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorClass {
    Plain,
    Mutation,
    Instance,
}

/// Reads what an item derives.
pub(super) fn derived(attrs: &[Attribute]) -> syn::Result<Derived> {
    let mut derived = Derived { traits: Vec::new(), error: None, object: None };
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let paths = attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
        for path in paths {
            match path.segments.last().map(|last| last.ident.to_string()).as_deref() {
                Some("ApiError") => derived.error = Some(error_class(attrs)?),
                Some("ApiObject") => derived.object = Some(object_version(attrs, attr)?),
                _ => derived.traits.push(path),
            }
        }
    }
    Ok(derived)
}

fn error_class(attrs: &[Attribute]) -> syn::Result<ErrorClass> {
    let mut class = ErrorClass::Plain;
    if let Some(attr) = named(attrs, "api_error") {
        attr.parse_nested_meta(|meta| {
            class = match meta.path.get_ident().map(Ident::to_string).as_deref() {
                Some("mutation") => ErrorClass::Mutation,
                Some("instance") => ErrorClass::Instance,
                _ => return Err(meta.error("expected `mutation` or `instance`")),
            };
            Ok(())
        })?;
    }
    Ok(class)
}

fn object_version(attrs: &[Attribute], derive: &Attribute) -> syn::Result<String> {
    let mut version = None;
    if let Some(attr) = named(attrs, "api") {
        attr.parse_nested_meta(|meta| {
            version = Some(text(&meta)?);
            Ok(())
        })?;
    }
    version.ok_or_else(|| syn::Error::new(derive.span(), "an object says `#[api(version = \"1.0\")]`"))
}

/// Returns what the caller does about a condition: `#[recovery(Reject)]`.
pub(super) fn recovery(variant: &Variant) -> syn::Result<Ident> {
    let lacking = || syn::Error::new(variant.span(), "a condition says `#[recovery(…)]`");
    named(&variant.attrs, "recovery").ok_or_else(lacking)?.parse_args()
}

/// Returns whether an item is for the API's own macros alone.
pub(super) fn is_hidden(attrs: &[Attribute]) -> bool {
    let mut docs = attrs.iter().filter(|attr| attr.path().is_ident("doc"));
    docs.any(|attr| matches!(&attr.meta, Meta::List(list) if list.tokens.to_string() == "hidden"))
}

/// Returns whether an item is there for tests alone.
pub(super) fn is_for_tests(attrs: &[Attribute]) -> bool {
    let mut conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    conditions.any(|attr| matches!(&attr.meta, Meta::List(list) if list.tokens.to_string() == "test"))
}

/// Returns whether a type may grow.
pub(super) fn is_open(attrs: &[Attribute]) -> bool {
    named(attrs, "non_exhaustive").is_some()
}

/// Finds an attribute by the last word of its path: macros are named with or without their crate.
fn named<'a>(attrs: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attrs.iter().find(|attr| attr.path().segments.last().is_some_and(|last| last.ident == name))
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

fn number(meta: &ParseNestedMeta<'_>) -> syn::Result<u32> {
    meta.value()?.parse::<LitInt>()?.base10_parse()
}
