//! `#[derive(ApiObject)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, LitStr, Visibility};

use crate::reading::{summary, version};
use crate::source::normal;

type Version = (u16, u16);

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let shape =
        "an object of the API is a struct with named fields, the first of them `object: Header<Self>`";
    let Data::Struct(data) = &input.data else { return Err(Error::new(input.span(), shape)) };
    let Fields::Named(fields) = &data.fields else { return Err(Error::new(input.span(), shape)) };
    let mut fields = fields.named.iter();
    if fields.next().and_then(|first| first.ident.as_ref()).is_none_or(|name| name != "object") {
        return Err(Error::new(input.ident.span(), shape));
    }
    if !input.attrs.iter().any(|attr| attr.path().is_ident("non_exhaustive")) {
        let open = "objects grow: add `#[non_exhaustive]`, and a constructor for what must be given";
        return Err(Error::new(input.ident.span(), open));
    }
    let current = version_of(&input.attrs, "version")?.ok_or_else(|| {
        Error::new(input.ident.span(), "say which version of the object this is: `#[api(version = \"1.0\")]`")
    })?;
    let name = &input.ident;
    let told = summary(&input.attrs, "object", name.span())?;
    let described = fields.map(|field| describe(field, current)).collect::<syn::Result<Vec<_>>>()?;
    let (written, (major, minor)) = (name.to_string(), current);
    Ok(quote! {
        impl crate::Object for #name {
            const NAME: &'static str = #written;
            const VERSION: crate::Version = crate::Version { major: #major, minor: #minor };
            const SUMMARY: &'static str = #told;
            const FIELDS: &'static [crate::FieldDescription] = &[#(#described),*];
        }
    })
}

fn describe(field: &Field, current: Version) -> syn::Result<TokenStream> {
    let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    if !matches!(field.vis, Visibility::Public(_)) {
        return Err(Error::new(field.span(), format!("objects are plain data: make `{name}` public")));
    }
    let told = summary(&field.attrs, "field", field.span())?;
    let since = version_of(&field.attrs, "since")?.unwrap_or((current.0, 0));
    if since > current {
        let late = format!(
            "`{name}` came in {}.{}, after this version of the object: raise `#[api(version = …)]` with it",
            since.0, since.1
        );
        return Err(Error::new(field.span(), late));
    }
    if since.1 > 0 && !has_serde_default(&field.attrs) {
        let lacking = format!("an older writer leaves `{name}` out: give it `#[serde(default)]`");
        return Err(Error::new(field.span(), lacking));
    }
    let ty = &field.ty;
    let (shape, (major, minor)) = (normal(ty), since);
    Ok(quote! {
        crate::FieldDescription {
            name: #name,
            shape: #shape,
            summary: #told,
            since: crate::Version { major: #major, minor: #minor },
        }
    })
}

/// Reads `#[api(KEY = "1.0")]`.
fn version_of(attrs: &[Attribute], key: &str) -> syn::Result<Option<Version>> {
    let mut found = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("api")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident(key) {
                return Err(meta.error(format_args!("expected `{key} = \"1.0\"`")));
            }
            found = Some(version(&meta.value()?.parse::<LitStr>()?)?);
            Ok(())
        })?;
    }
    Ok(found)
}

fn has_serde_default(attrs: &[Attribute]) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident("serde")).any(|attr| {
        let mut found = false;
        // What else serde takes is serde's to check.
        let read = attr.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("default");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
        read.is_ok() && found
    })
}
