//! The erased side of a facet: what the core calls, and the type that lacks it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use super::Facet;
use super::method::{Argument, Call, Method, Shape, borrowed};

/// Implements the facet for the type that has no value.
pub(super) fn absent(facet: &Facet) -> TokenStream {
    let name = &facet.name;
    let methods = facet.methods.iter().map(|method| {
        let signature = &method.signature;
        let arguments = method.arguments();
        let unused = arguments.iter().map(|argument| argument.name);
        quote! {
            #signature {
                #(let _ = #unused;)*
                async move { match self.0 {} }
            }
        }
    });
    quote! {
        #[allow(deprecated, reason = "what leaves is lacked too")]
        impl #name for crate::Absent {
            #(#methods)*
        }
    }
}

/// Makes the object-safe form of the facet, and the calls through it.
pub(super) fn erased(facet: &Facet) -> TokenStream {
    let name = &facet.name;
    let erased = format_ident!("Erased{name}");
    let declared = facet.methods.iter().map(declared);
    let defined = facet.methods.iter().map(|method| defined(name, method));
    let doc = format!("[`{name}`] behind a pointer.");
    let bounds = if facet.args.base { quote!(Send + Sync + 'static) } else { quote!(Send + Sync) };
    let calls = calls(facet, &erased);
    quote! {
        #[doc = #doc]
        pub(crate) trait #erased: #bounds {
            #(#declared;)*
        }

        #[allow(deprecated, reason = "what leaves is called as long as it is there")]
        impl<T: #name> #erased for T {
            #(#defined)*
        }

        #calls
    }
}

fn declared(method: &Method) -> TokenStream {
    let (ident, arguments) = (&method.signature.ident, parameters(method));
    match &method.shape {
        Shape::Call(call) => {
            let output = &call.output;
            quote!(fn #ident<'call>(&'call self, #arguments) -> crate::erased::Pending<'call, #output>)
        }
        Shape::Accessor(path) => {
            let erased = erased_path(path);
            quote!(fn #ident(&self) -> ::std::option::Option<&dyn #erased>)
        }
        Shape::Events => {
            quote!(fn #ident(&self) -> ::std::boxed::Box<dyn crate::events::ErasedEventSource + '_>)
        }
        Shape::Plain => {
            let output = &method.signature.output;
            quote!(fn #ident<'call>(&'call self, #arguments) #output)
        }
    }
}

fn defined(name: &Ident, method: &Method) -> TokenStream {
    let (signature, ident) = (declared(method), &method.signature.ident);
    let arguments = method.arguments();
    let passed = arguments.iter().map(|argument| argument.name);
    let call = quote!(<Self as #name>::#ident(self, #(#passed),*));
    let body = match &method.shape {
        Shape::Call(_) => quote!(::std::boxed::Box::pin(#call)),
        Shape::Events => quote!(::std::boxed::Box::new(#call)),
        Shape::Accessor(path) => {
            let erased = erased_path(path);
            quote!(#call.map(|facet| facet as &dyn #erased))
        }
        Shape::Plain => call,
    };
    quote! { #signature { #body } }
}

/// Makes the type through which the core calls: it guards every call.
fn calls(facet: &Facet, erased: &Ident) -> TokenStream {
    let name = &facet.name;
    let dynamic = format_ident!("Dyn{name}");
    let constant = facet.constant();
    let methods = facet.methods.iter().map(|method| guarded(facet, method));
    let deprecation = facet.deprecation();
    let doc = format!("The calls of [`{name}`], guarded: see [`DynDriver`](crate::DynDriver).");
    let (fields, generics) = if facet.args.base {
        (
            quote!(pub(crate) erased: ::std::boxed::Box<dyn #erased>, pub(crate) guard: crate::erased::Guard),
            quote!(),
        )
    } else {
        (quote!(pub(crate) erased: &'a dyn #erased, pub(crate) guard: &'a crate::erased::Guard), quote!(<'a>))
    };
    let hidden = if facet.args.base { quote!() } else { quote!(<'_>) };
    quote! {
        #[doc = #doc]
        #deprecation
        pub struct #dynamic #generics { #fields }

        #[allow(deprecated, reason = "what leaves is called as long as it is there")]
        impl ::std::fmt::Debug for #dynamic #hidden {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!(#dynamic)).field("fingerprint", &#constant.fingerprint).finish_non_exhaustive()
            }
        }

        #[allow(deprecated, reason = "what leaves is called as long as it is there")]
        impl #dynamic #hidden { #(#methods)* }
    }
}

fn guarded(facet: &Facet, method: &Method) -> TokenStream {
    let (ident, attrs) = (&method.signature.ident, &method.attrs);
    let arguments = method.arguments();
    let names: Vec<_> = arguments.iter().map(|argument| argument.name).collect();
    let types = arguments.iter().map(|argument| argument.ty);
    let parameters = quote!(#(#names: #types),*);
    match &method.shape {
        Shape::Call(call) => {
            let body = act(call, &arguments, ident, &facet.args.name);
            let output = &call.output;
            quote! {
                #(#attrs)*
                pub async fn #ident(&self, #parameters) -> #output {
                    #body
                }
            }
        }
        Shape::Accessor(path) => {
            let doc = format!(
                "Returns the facet [`{}`](crate::{}), if the driver has it on a node.",
                last(path),
                last(path)
            );
            let (dynamic, capability) = (format_ident!("Dyn{}", last(path)), capability(path));
            let guard = if facet.args.base { quote!(&self.guard) } else { quote!(self.guard) };
            quote! {
                #[doc = #doc]
                pub fn #ident(&self, node: &crate::NodeName) -> ::std::option::Option<crate::#dynamic<'_>> {
                    let offered = || {
                        let erased = self.erased.#ident()?;
                        self.erased.offers(node, crate::Capability::#capability).then_some(erased)
                    };
                    let erased = crate::erased::unless_it_panics(stringify!(#ident), offered)?;
                    ::std::option::Option::Some(crate::#dynamic { erased, guard: #guard })
                }
            }
        }
        Shape::Events => quote! {
            #(#attrs)*
            pub fn #ident(&self) -> crate::DynEventSource<'_> {
                let opened = || ::std::option::Option::Some(self.erased.#ident());
                let erased = crate::erased::unless_it_panics(stringify!(#ident), opened);
                crate::DynEventSource { erased, guard: &self.guard }
            }
        },
        Shape::Plain => {
            let output = &method.signature.output;
            quote! {
                #(#attrs)*
                pub fn #ident(&self, #parameters) #output {
                    self.erased.#ident(#(#names),*)
                }
            }
        }
    }
}

/// Calls that change something are fenced and end with their [`Call`]; the others have a time of their own.
fn act(call: &Call, arguments: &[Argument<'_>], ident: &Ident, facet: &str) -> TokenStream {
    let method = format!("{facet}.{ident}");
    let span = quote!(::tracing::debug_span!("driver.call", "driver.method" = #method));
    let names = arguments.iter().map(|argument| argument.name);
    // A driver may act before it returns its future: made inside, it panics inside.
    let pending = quote!(async move { self.erased.#ident(#(#names),*).await });
    if call.repeated.is_none() {
        return quote!(self.guard.ask(stringify!(#ident), #span, #pending).await);
    }
    let (context, target) = (arguments[0].name, &arguments[1]);
    let name = target.name;
    let target = if matches!(target.ty, syn::Type::Reference(_)) { quote!(#name) } else { quote!(&#name) };
    let span = quote! {
        ::tracing::debug_span!(
            "driver.call",
            "driver.method" = #method,
            "op.id" = #context.op_id.as_str(),
            "op.attempt" = #context.attempt,
        )
    };
    quote! {
        self.guard.fence(#context, crate::OnNode::node(#target))?;
        self.guard.act(stringify!(#ident), #span, #context, #pending).await
    }
}

fn parameters(method: &Method) -> TokenStream {
    let arguments = method.arguments();
    let names = arguments.iter().map(|argument| argument.name);
    let types = arguments.iter().map(|argument| borrowed(argument.ty));
    quote!(#(#names: #types),*)
}

fn last(path: &syn::Path) -> String {
    path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
}

fn erased_path(path: &syn::Path) -> TokenStream {
    let name = format_ident!("Erased{}", last(path));
    quote!(crate::facets::#name)
}

/// A facet keeps its capability over its versions: that of `VolumesV2` is `Volumes`.
fn capability(path: &syn::Path) -> Ident {
    let name = last(path);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let bare = if bare.len() < name.len() { bare.strip_suffix('V').unwrap_or(&name) } else { &name };
    format_ident!("{bare}")
}
