//! The macros of the driver API: facets, objects and errors describe themselves, and a mistake in one is
//! told to its author where it was made.
//!
//! They expand to paths of `nova-api` and are of use only there; drivers need none of them.

mod error;
mod facet;
mod object;
mod reading;
mod source;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemTrait, parse_macro_input};

/// Makes a trait a facet: describes it, and makes the calls that the core makes through it.
///
/// `#[driver_facet(name = "pause", version = 1, since = 1)]`; `name` is the facet's, `since` the cycle it came
/// in. A facet that is to leave says `deprecated_in = 3, removed_in = 4, replacement = "VolumesV2"` too, and
/// the one that follows it `adapts = "Volumes"`: whoever implements the old one has the new one. `base`
/// marks the trait that all drivers implement.
///
/// Each method is documented and says `-> impl Future<Output = Result<T, E>> + Send`; one that takes `&Call`
/// says what a repetition does: `#[repeated("succeeds if it is paused")]`.
#[proc_macro_attribute]
pub fn driver_facet(args: TokenStream, item: TokenStream) -> TokenStream {
    let trait_ = parse_macro_input!(item as ItemTrait);
    facet::expand(args.into(), trait_).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Describes an object that crosses a process boundary: `#[api(version = "1.1")]`.
///
/// The struct has a first field `object: Header<Self>`, documented fields, and is `#[non_exhaustive]`. A field
/// that came later says `#[api(since = "1.1")]` and has a serde default, since older writers leave it out.
#[proc_macro_derive(ApiObject, attributes(api))]
pub fn api_object(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    object::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a closed error of an enum: each variant holds a condition and says `#[recovery(Reject)]`.
///
/// Conditions become the error by `?`, its text and its cause are the condition's. `#[api_error(mutation)]` is
/// for calls that change something, `#[api_error(instance)]` for those that change an instance that exists.
#[proc_macro_derive(ApiError, attributes(api_error, recovery))]
pub fn api_error(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    error::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
