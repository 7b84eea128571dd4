//! The description of a facet: data that the core, the suite and the life cycle read.

use proc_macro2::TokenStream;
use quote::quote;

use super::Facet;
use super::args::Leaving;
use super::method::{Method, Shape};
use crate::source::normal;

pub(super) fn description(facet: &Facet) -> TokenStream {
    let constant = facet.constant();
    let (trait_name, told) = (facet.name.to_string(), &facet.summary);
    let (name, version, since) = (&facet.args.name, facet.args.version, facet.args.since);
    let fingerprint = fingerprint(facet);
    let leaving = option(facet.args.leaving.as_ref().map(|leaving| {
        let Leaving { deprecated_in, removed_in, replacement } = leaving;
        quote! {
            crate::Leaving {
                deprecated_in: #deprecated_in,
                removed_in: #removed_in,
                replacement: #replacement,
            }
        }
    }));
    let methods = facet.methods.iter().filter_map(method);
    let doc = format!("Describes [`{trait_name}`].");
    quote! {
        #[doc = #doc]
        pub const #constant: crate::Facet = crate::Facet {
            name: #name,
            version: #version,
            trait_name: #trait_name,
            summary: #told,
            since: #since,
            leaving: #leaving,
            fingerprint: #fingerprint,
            methods: &[#(#methods),*],
        };
    }
}

fn method(method: &Method) -> Option<TokenStream> {
    let Shape::Call(call) = &method.shape else { return None };
    let (name, told) = (method.signature.ident.to_string(), &method.summary);
    let signature = normal(&method.signature);
    let error = &call.error;
    let repeated = option(call.repeated.as_ref().map(|told| quote!(#told)));
    Some(quote! {
        crate::Method {
            name: #name,
            signature: #signature,
            summary: #told,
            repeated: #repeated,
            error: <#error>::DESCRIPTION,
        }
    })
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::std::option::Option::None),
        |value| quote!(::std::option::Option::Some(#value)),
    )
}

/// Digests name, version and signatures (FNV-1a, 64 bits): equal where callers and drivers understand each other.
fn fingerprint(facet: &Facet) -> u64 {
    let mut whole = format!("{} {}\n", facet.args.name, facet.args.version);
    for method in &facet.methods {
        whole.push_str(&normal(&method.signature));
        whole.push('\n');
    }
    whole
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
