//! `#[derive(ApiError)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Fields, Ident, Type, Variant};

use crate::reading::summary;

/// The reactions there are, as `Recovery` has them.
const RECOVERIES: [&str; 5] = ["RetrySameNode", "Reschedule", "Reject", "VerifyThenDecide", "FenceLost"];

/// What an error must hold, by what its method does.
const OF_ALL: [&str; 1] = ["Backend"];
const OF_MUTATIONS: [&str; 2] = ["StaleEpoch", "Interrupted"];
const OF_INSTANCES: [&str; 2] = ["UnknownInstance", "WrongPower"];

struct Condition<'a> {
    variant: &'a Ident,
    payload: &'a Type,
    meaning: String,
    recovery: Ident,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.span(), "an error of the API is an enum: one variant per condition"));
    };
    if let Some(open) = input.attrs.iter().find(|attr| attr.path().is_ident("non_exhaustive")) {
        return Err(Error::new(
            open.span(),
            "errors of the API are closed: remove `#[non_exhaustive]`; a new condition comes with a new call",
        ));
    }
    let conditions = data.variants.iter().map(condition).collect::<syn::Result<Vec<_>>>()?;
    let (mutation, instance) = class(input)?;
    let needed = OF_ALL
        .iter()
        .chain(OF_MUTATIONS.iter().filter(|_| mutation))
        .chain(OF_INSTANCES.iter().filter(|_| instance));
    for needed in needed {
        if !conditions.iter().any(|condition| condition.variant == needed) {
            let lacking = format!("the variant `{needed}` is missing: every error of such a call has it");
            return Err(Error::new(input.ident.span(), lacking));
        }
    }
    let name = &input.ident;
    let told = summary(&input.attrs, "error", name.span())?;
    let described = describe(name, &told, &conditions);
    let converted = convert(name, &conditions);
    let mutation = mutation.then(|| {
        quote! {
            impl crate::MutationError for #name {
                fn recovery(&self) -> crate::Recovery {
                    Self::recovery(self)
                }
            }
        }
    });
    let instance = instance.then(|| quote! { impl crate::InstanceError for #name {} });
    Ok(quote! { #described #converted #mutation #instance })
}

/// Reads `#[api_error(mutation)]` and `#[api_error(instance)]`; the latter is a mutation too.
fn class(input: &DeriveInput) -> syn::Result<(bool, bool)> {
    let (mut mutation, mut instance) = (false, false);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("api_error")) {
        attr.parse_nested_meta(|meta| {
            instance |= meta.path.is_ident("instance");
            mutation |= instance || meta.path.is_ident("mutation");
            if meta.path.is_ident("instance") || meta.path.is_ident("mutation") {
                return Ok(());
            }
            Err(meta.error(
                "expected `mutation` (the call changes something) or `instance` (one that must exist)",
            ))
        })?;
    }
    Ok((mutation, instance))
}

fn condition(variant: &Variant) -> syn::Result<Condition<'_>> {
    let payload = match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
        _ => {
            let how = format!("a condition is a type of its own: write `{0}({0})`", variant.ident);
            return Err(Error::new(variant.ident.span(), how));
        }
    };
    let meaning = summary(&variant.attrs, "condition", variant.ident.span())?;
    let choices = || format!("one of {}", RECOVERIES.map(|one| format!("`{one}`")).join(", "));
    let attr = variant.attrs.iter().find(|attr| attr.path().is_ident("recovery")).ok_or_else(|| {
        let decide = format!("decide what the caller does about it: `#[recovery(…)]`, {}", choices());
        Error::new(variant.ident.span(), decide)
    })?;
    let recovery: Ident = attr.parse_args()?;
    if !RECOVERIES.iter().any(|known| recovery == known) {
        return Err(Error::new(
            recovery.span(),
            format!("`{recovery}` is no recovery: expected {}", choices()),
        ));
    }
    Ok(Condition { variant: &variant.ident, payload, meaning, recovery })
}

fn describe(name: &Ident, told: &str, conditions: &[Condition<'_>]) -> TokenStream {
    let variants: Vec<_> = conditions.iter().map(|condition| condition.variant).collect();
    let recoveries: Vec<_> = conditions.iter().map(|condition| &condition.recovery).collect();
    let meanings: Vec<_> = conditions.iter().map(|condition| &condition.meaning).collect();
    let payloads: Vec<_> =
        conditions.iter().map(|condition| crate::source::normal(condition.payload)).collect();
    let (text, names) = (name.to_string(), variants.iter().map(ToString::to_string));
    quote! {
        impl #name {
            /// Describes the error: its conditions and what the caller does about each.
            pub const DESCRIPTION: crate::ErrorDescription = crate::ErrorDescription {
                name: #text,
                summary: #told,
                conditions: &[#(crate::Condition {
                    variant: #names,
                    payload: #payloads,
                    meaning: #meanings,
                    recovery: crate::Recovery::#recoveries,
                }),*],
            };

            /// Returns what the caller does about it.
            pub fn recovery(&self) -> crate::Recovery {
                match self {
                    #(Self::#variants(_) => crate::Recovery::#recoveries,)*
                }
            }
        }
    }
}

fn convert(name: &Ident, conditions: &[Condition<'_>]) -> TokenStream {
    let variants: Vec<_> = conditions.iter().map(|condition| condition.variant).collect();
    let payloads = conditions.iter().map(|condition| condition.payload);
    quote! {
        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    #(Self::#variants(condition) => condition.fmt(f),)*
                }
            }
        }

        impl ::std::error::Error for #name {
            fn source(&self) -> ::std::option::Option<&(dyn ::std::error::Error + 'static)> {
                match self {
                    #(Self::#variants(condition) => ::std::error::Error::source(condition),)*
                }
            }
        }

        #(impl ::std::convert::From<#payloads> for #name {
            fn from(condition: #payloads) -> Self {
                Self::#variants(condition)
            }
        })*
    }
}
