//! `#[driver_facet(…)]`.

mod args;
mod describe;
mod erase;
mod method;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, ItemTrait, TraitItem, parse_quote};

use args::Args;
use method::Method;

/// A facet as it was written.
struct Facet {
    args: Args,
    name: Ident,
    summary: String,
    methods: Vec<Method>,
}

impl Facet {
    /// Returns the name of the facet's description, such as `VOLUMES_V2`.
    fn constant(&self) -> Ident {
        let mut name = String::new();
        for c in self.name.to_string().chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        format_ident!("{name}")
    }
}

pub(crate) fn expand(args: TokenStream, mut trait_: ItemTrait) -> syn::Result<TokenStream> {
    let args = Args::parse(args, trait_.ident.span())?;
    let summary = crate::reading::summary(&trait_.attrs, "facet", trait_.ident.span())?;
    let mut methods = Vec::new();
    for item in &mut trait_.items {
        match item {
            TraitItem::Fn(function) => methods.push(Method::read(function)?),
            other => {
                return Err(syn::Error::new_spanned(
                    other,
                    "a facet has methods only, so that it can be erased",
                ));
            }
        }
    }
    let facet = Facet { name: trait_.ident.clone(), args, summary, methods };
    trait_.attrs.extend(facet.deprecation());
    let described = describe::description(&facet);
    let absent = facet.needs_absent().then(|| erase::absent(&facet));
    let erased = erase::erased(&facet);
    Ok(quote! { #trait_ #described #absent #erased })
}

impl Facet {
    /// Returns the attribute that warns of a facet that leaves.
    fn deprecation(&self) -> Option<Attribute> {
        let (since, note) = self.args.leaving.as_ref()?.notice(&self.name);
        Some(parse_quote!(#[deprecated(since = #since, note = #note)]))
    }

    /// A facet that adapts an older one is had by whoever has that one, and nobody lacks the base.
    fn needs_absent(&self) -> bool {
        !self.args.base && self.args.adapts.is_none()
    }
}
