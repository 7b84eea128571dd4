//! What several macros read alike: documentation and attributes.

use proc_macro2::Span;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta};

/// Returns the first paragraph of an item's documentation, on one line.
pub(crate) fn summary(attrs: &[Attribute], what: &str, at: Span) -> syn::Result<String> {
    let lines = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let first: Vec<String> =
        lines.map(|line| line.trim().to_owned()).take_while(|line| !line.is_empty()).collect();
    if first.is_empty() {
        return Err(Error::new(
            at,
            format!("document the {what}: its first sentence goes into the reference of the API"),
        ));
    }
    Ok(first.join(" "))
}

/// Returns the text of a version such as `1.1` as `(major, minor)`.
pub(crate) fn version(text: &LitStr) -> syn::Result<(u16, u16)> {
    let value = text.value();
    let parts =
        value.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parts.ok_or_else(|| Error::new(text.span(), "a version is `MAJOR.MINOR`, such as `1.0`"))
}
