//! The methods of a facet, and what is wrong with one that cannot be erased.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Ident, LitStr, Pat, PathArguments, ReceiverKind, ReturnType,
    Signature, TraitItemFn, Type, TypeImplTrait, TypeParamBound, parse_quote,
};

use crate::reading::summary;

/// One method as it was written.
pub(super) struct Method {
    pub(super) signature: Signature,
    pub(super) attrs: Vec<Attribute>,
    pub(super) summary: String,
    pub(super) shape: Shape,
}

/// What a method is, by its return type.
pub(super) enum Shape {
    /// A call of the back end.
    Call(Box<Call>),
    /// The accessor of a facet: its trait.
    Accessor(Box<syn::Path>),
    /// The source of events.
    Events,
    /// A plain answer.
    Plain,
}

/// A call of the back end.
pub(super) struct Call {
    pub(super) output: Type,
    pub(super) error: Type,
    /// What a repetition does, if the call changes something.
    pub(super) repeated: Option<String>,
}

/// An argument of a method, without `self`.
pub(super) struct Argument<'a> {
    pub(super) name: &'a Ident,
    pub(super) ty: &'a Type,
}

impl Method {
    /// Reads a method, and moves what it says of repetitions into its documentation.
    pub(super) fn read(function: &mut TraitItemFn) -> syn::Result<Self> {
        let signature = function.sig.clone();
        let told = summary(&function.attrs, "method", signature.ident.span())?;
        let repeated = take_repeated(&mut function.attrs)?;
        let method =
            Self { shape: shape(&signature, repeated)?, signature, attrs: Vec::new(), summary: told };
        method.check_arguments()?;
        let attrs = function.attrs.clone();
        if let Shape::Call(call) = &method.shape {
            document(function, call);
        }
        Ok(Self { attrs, ..method })
    }

    pub(super) fn arguments(&self) -> Vec<Argument<'_>> {
        let typed = self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let named = typed.filter_map(|typed| match &*typed.pat {
            Pat::Ident(pat) => Some(Argument { name: &pat.ident, ty: &typed.ty }),
            _ => None,
        });
        named.collect()
    }

    fn check_arguments(&self) -> syn::Result<()> {
        let by_reference = "a facet's method takes `&self`: drivers are shared between calls";
        match self.signature.inputs.first() {
            Some(FnArg::Receiver(it)) if matches!(it.kind, ReceiverKind::Reference(_, _, None)) => {}
            other => {
                return Err(Error::new(
                    other.map_or_else(|| self.signature.span(), syn::spanned::Spanned::span),
                    by_reference,
                ));
            }
        }
        if let Some(generic) = self.signature.generics.params.first() {
            return Err(Error::new(
                generic.span(),
                "a facet's method has no generics: it must fit behind `dyn`",
            ));
        }
        if self.arguments().len() + 1 != self.signature.inputs.len() {
            return Err(Error::new(self.signature.span(), "give each argument a plain name"));
        }
        let calls = self.arguments().iter().filter(|argument| mentions_call(argument.ty)).count();
        let takes_call = self.arguments().first().is_some_and(|first| is_call(first.ty));
        let guarded = takes_call && matches!(self.shape, Shape::Call(_));
        if calls != usize::from(guarded) {
            return Err(Error::new(
                self.signature.ident.span(),
                "only a future whose first argument is `call: &Call` is fenced and ended with its call: take the \
                 `Call` so, or not at all",
            ));
        }
        let Shape::Call(call) = &self.shape else { return Ok(()) };
        match (takes_call, &call.repeated) {
            (true, None) => Err(Error::new(
                self.signature.ident.span(),
                "a call that changes something may come twice: say what a repetition does, such as \
                 `#[repeated(\"succeeds if it is paused\")]`",
            )),
            (false, Some(_)) => Err(Error::new(
                self.signature.ident.span(),
                "`#[repeated]` is for calls that change something: take `call: &Call` first, or remove it",
            )),
            (true, Some(_)) if self.arguments().len() < 2 => Err(Error::new(
                self.signature.ident.span(),
                "after `&Call` comes what is changed, such as `instance: &InstanceRef`: its node is fenced",
            )),
            _ => Ok(()),
        }
    }
}

fn take_repeated(attrs: &mut Vec<Attribute>) -> syn::Result<Option<String>> {
    let Some(place) = attrs.iter().position(|attr| attr.path().is_ident("repeated")) else { return Ok(None) };
    Ok(Some(attrs.remove(place).parse_args::<LitStr>()?.value()))
}

fn document(function: &mut TraitItemFn, call: &Call) {
    let error = &call.error;
    let errors = format!(
        "\n# Errors\n[`{}`] says which, and what the caller does about each.",
        crate::source::normal(error)
    );
    function.attrs.push(parse_quote!(#[doc = #errors]));
    if let Some(repeated) = &call.repeated {
        let text = format!("\n# Repeated\nWith the same `op_id`: {repeated}.");
        function.attrs.push(parse_quote!(#[doc = #text]));
    }
}

fn is_call(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let is_last = |path: &syn::Path| path.segments.last().is_some_and(|last| last.ident == "Call");
    reference.mutability.is_none() && matches!(&*reference.elem, Type::Path(path) if is_last(&path.path))
}

/// Returns whether a type is, or holds, a `Call`.
fn mentions_call(ty: &Type) -> bool {
    struct Looking(bool);
    impl<'ast> syn::visit::Visit<'ast> for Looking {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            self.0 |= path.segments.last().is_some_and(|last| last.ident == "Call");
            syn::visit::visit_path(self, path);
        }
    }
    let mut looking = Looking(false);
    syn::visit::Visit::visit_type(&mut looking, ty);
    looking.0
}

fn shape(signature: &Signature, repeated: Option<String>) -> syn::Result<Shape> {
    let at = signature.ident.span();
    if let Some(asyncness) = &signature.asyncness {
        return Err(not_a_call(asyncness.span()));
    }
    let ReturnType::Type(_, output) = &signature.output else { return Err(not_a_call(at)) };
    match &**output {
        Type::ImplTrait(it) if names(it, "EventSource").is_some() => Ok(Shape::Events),
        Type::ImplTrait(it) => Ok(Shape::Call(Box::new(call(it, repeated)?))),
        other => Ok(accessor(other).map_or(Shape::Plain, |path| Shape::Accessor(Box::new(path)))),
    }
}

fn not_a_call(at: Span) -> Error {
    Error::new(
        at,
        "a facet's method says `-> impl Future<Output = Result<T, SomeError>> + Send`; drivers write it as `async fn`",
    )
}

/// Returns the arguments of a bound by its name, if the type has it.
fn names<'a>(it: &'a TypeImplTrait, name: &str) -> Option<&'a PathArguments> {
    it.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().filter(|last| last.ident == name).map(|last| &last.arguments)
        }
        _ => None,
    })
}

fn call(it: &TypeImplTrait, repeated: Option<String>) -> syn::Result<Call> {
    let future = names(it, "Future").ok_or_else(|| not_a_call(it.span()))?;
    if names(it, "Send").is_none() {
        return Err(Error::new(it.span(), "add `+ Send`: the agent moves calls between threads"));
    }
    let PathArguments::AngleBracketed(arguments) = future else { return Err(not_a_call(it.span())) };
    let output = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
        _ => None,
    });
    let output = output.ok_or_else(|| not_a_call(it.span()))?;
    let error = error_of(&output).ok_or_else(|| {
        Error::new(
            output.span(),
            "a call answers `Result<T, E>`, where `E` is its own closed error (`#[derive(ApiError)]`)",
        )
    })?;
    Ok(Call { output, error, repeated })
}

fn error_of(output: &Type) -> Option<Type> {
    let Type::Path(path) = output else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.iter().nth(1) {
        Some(GenericArgument::Type(error)) => Some(error.clone()),
        _ => None,
    }
}

/// Reads `Option<&impl Trait>`.
fn accessor(output: &Type) -> Option<syn::Path> {
    let Type::Path(path) = output else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let Some(GenericArgument::Type(Type::Reference(reference))) = arguments.args.first() else { return None };
    let Type::ImplTrait(it) = &*reference.elem else { return None };
    match it.bounds.first() {
        Some(TypeParamBound::Trait(bound)) => Some(bound.path.clone()),
        _ => None,
    }
}

/// Returns a type in which every borrow lasts as long as the call.
pub(super) fn borrowed(ty: &Type) -> Type {
    struct Lasting;
    impl syn::visit_mut::VisitMut for Lasting {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime.get_or_insert_with(|| syn::Lifetime::new("'call", Span::call_site()));
            syn::visit_mut::visit_type_reference_mut(self, reference);
        }
    }
    let mut ty = ty.clone();
    syn::visit_mut::VisitMut::visit_type_mut(&mut Lasting, &mut ty);
    ty
}
