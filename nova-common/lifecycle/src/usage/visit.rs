//! Goes through a file and notes what of the API it uses.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprField, ExprMethodCall, ExprStruct, File, FnArg, ImplItem, ItemImpl, ItemMacro, ItemMod,
    ItemTrait, ItemUse, Local, Macro, Member, Pat, PatStruct, Path, Signature, Token, Type, Visibility,
};

use super::modules::{Home, Modules, leaves, segments};
use super::types::{Types, awaited, unwrapped};
use super::{How, Unseen, Usage, Use};
use crate::source::Place;

/// Methods that give the value that they are called of, or one like it.
const SAME: [&str; 5] = ["clone", "as_ref", "as_mut", "borrow", "to_owned"];
/// Methods that give what is in a `Result` or an `Option`, or end the program.
const OPENED: [&str; 5] = ["unwrap", "expect", "unwrap_or_default", "unwrap_or_else", "unwrap_or"];

/// What is known of the crate that a file is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) modules: &'a Modules<'a>,
    pub(super) types: &'a Types<'a>,
    /// The methods that the crate defines itself.
    pub(super) own_methods: &'a BTreeSet<String>,
}

/// Notes what a file uses.
pub(super) fn file(file: &File, path: &str, home: Home, known: Known<'_>, usage: &mut Usage) {
    let mut visitor = Visitor {
        path,
        home,
        known,
        of_trait: None,
        scopes: vec![BTreeMap::new()],
        uses: Vec::new(),
        unseen: Unseen::default(),
    };
    visitor.visit_file(file);
    usage.uses.append(&mut visitor.uses);
    usage.unseen.add(visitor.unseen);
}

struct Visitor<'a> {
    path: &'a str,
    home: Home,
    known: Known<'a>,
    /// The trait of the API that is being implemented.
    of_trait: Option<String>,
    /// The types of variables, as they are written in signatures; the innermost last.
    scopes: Vec<BTreeMap<String, String>>,
    uses: Vec<Use>,
    unseen: Unseen,
}

impl Visitor<'_> {
    fn note(&mut self, item: String, how: How, at: Span) {
        let at = Place { file: self.path.to_owned(), line: at.start().line };
        self.uses.push(Use { item, how, at });
    }

    fn api_path(&self, path: &Path) -> Option<Vec<String>> {
        self.known.modules.api_path(&self.home, &segments(path))
    }

    /// Runs with variables of its own.
    fn scoped(&mut self, work: impl FnOnce(&mut Self)) {
        self.scopes.push(BTreeMap::new());
        work(self);
        self.scopes.pop();
    }

    fn declare(&mut self, pat: &Pat, written: Option<String>) {
        let name = match pat {
            Pat::Ident(it) => &it.ident,
            Pat::Type(it) => return self.declare(&it.pat, self.written(&it.ty).or(written)),
            _ => return,
        };
        let scope = self.scopes.last_mut().expect("a file has a scope");
        // What is declared anew hides what was known.
        scope.insert(name.to_string(), written.unwrap_or_default());
    }

    /// Returns a type as signatures write it, if it is one of the API.
    fn written(&self, ty: &Type) -> Option<String> {
        match ty {
            Type::Reference(it) => self.written(&it.elem),
            Type::Paren(it) => self.written(&it.elem),
            Type::Path(it) if it.qself.is_none() => {
                let path = self.api_path(&it.path)?;
                path.first().filter(|_| path.len() == 1).cloned()
            }
            _ => None,
        }
    }

    /// Returns the type of an expression as signatures write it, if it can be followed.
    fn type_of(&self, expr: &Expr) -> Option<String> {
        let types = self.known.types;
        match expr {
            Expr::Reference(it) => self.type_of(&it.expr),
            Expr::Paren(it) => self.type_of(&it.expr),
            Expr::Group(it) => self.type_of(&it.expr),
            Expr::Try(it) => unwrapped(&self.type_of(&it.expr)?).map(str::to_owned),
            Expr::Await(it) => awaited(&self.type_of(&it.base)?).map(str::to_owned),
            Expr::Struct(it) => self.api_path(&it.path)?.into_iter().next(),
            Expr::Path(it) => self.type_of_path(&it.path),
            Expr::Call(it) => {
                let Expr::Path(function) = &*it.func else { return None };
                let path = self.api_path(&function.path)?;
                let item = types.item(&path)?;
                if path.len() == 1 {
                    Some(item)
                } else {
                    types.result_of(&item).or_else(|| path.into_iter().next())
                }
            }
            Expr::MethodCall(it) => {
                let (of, name) = (self.type_of(&it.receiver)?, it.method.to_string());
                if SAME.contains(&name.as_str()) {
                    return Some(of);
                }
                if OPENED.contains(&name.as_str()) {
                    return unwrapped(&of).map(str::to_owned);
                }
                types.result_of(&types.method(&types.plain(&of)?, &name)?)
            }
            Expr::Field(it) => types.type_of_field(&self.field(it)?),
            _ => None,
        }
    }

    fn type_of_path(&self, path: &Path) -> Option<String> {
        if let Some(name) = path.get_ident() {
            let name = name.to_string();
            if let Some(written) = self.scopes.iter().rev().find_map(|scope| scope.get(&name)) {
                return Some(written.clone()).filter(|written| !written.is_empty());
            }
        }
        // A variant is of its enum's type.
        self.api_path(path)?.into_iter().next()
    }

    fn field(&self, it: &ExprField) -> Option<String> {
        let of = self.known.types.plain(&self.type_of(&it.base)?)?;
        self.known.types.field(&of, &word(&it.member))
    }

    fn note_fields<'m>(&mut self, path: &Path, members: impl Iterator<Item = &'m Member>) {
        let Some(of) = self.api_path(path).and_then(|path| path.into_iter().next()) else { return };
        for member in members {
            if let Some(item) = self.known.types.field(&of, &word(member)) {
                self.note(item, How::Calls, member.span());
            }
        }
    }

    fn note_method(&mut self, it: &ExprMethodCall) {
        let (types, name) = (self.known.types, it.method.to_string());
        if let Some(written) = self.type_of(&it.receiver) {
            if let Some(item) = types.plain(&written).and_then(|of| types.method(&of, &name)) {
                self.note(item, How::Calls, it.method.span());
            }
            return;
        }
        let is_self = matches!(&*it.receiver, Expr::Path(path) if path.path.is_ident("self"));
        if is_self && let Some(item) = self.of_trait.as_ref().and_then(|of| types.method(of, &name)) {
            return self.note(item, How::Calls, it.method.span());
        }
        if self.known.own_methods.contains(&name) {
            return;
        }
        let may_be = types.methods_named(&name);
        self.unseen.unknown_receivers += usize::from(!may_be.is_empty());
        for item in may_be {
            self.note(item, How::ByName, it.method.span());
        }
    }

    fn note_implementation(&mut self, it: &ItemImpl) -> Option<String> {
        let (path, _) = it.trait_.as_ref()?;
        let name = self.api_path(path).filter(|path| path.len() == 1)?.remove(0);
        self.note(name.clone(), How::Implements, path.span());
        for item in &it.items {
            if let ImplItem::Fn(method) = item {
                let item = self.known.types.item(&[name.clone(), method.sig.ident.to_string()]);
                // A method that the API no longer has is still one of the trait's.
                let item =
                    item.filter(|item| *item != name).unwrap_or(format!("{name}::{}", method.sig.ident));
                self.note(item, How::Implements, method.sig.ident.span());
            }
        }
        Some(name)
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_use(&mut self, it: &'ast ItemUse) {
        for leaf in leaves(&it.tree) {
            match self.known.modules.api_path(&self.home, &leaf.path) {
                Some(path) => {
                    if let Some(item) = self.known.types.item(&path) {
                        self.note(item, How::Imports, leaf.tree.span());
                    }
                    self.unseen.exports += usize::from(matches!(it.vis, Visibility::Public(_)));
                }
                None if leaf.name.is_none() && self.known.modules.is_foreign(&self.home, &leaf.path) => {
                    self.unseen.foreign_globs += 1;
                }
                None => {}
            }
        }
    }

    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        let inner = self.home.child(&it.ident.to_string());
        let outer = std::mem::replace(&mut self.home, inner);
        visit::visit_item_mod(self, it);
        self.home = outer;
    }

    fn visit_item_impl(&mut self, it: &'ast ItemImpl) {
        let outer = std::mem::take(&mut self.of_trait);
        self.of_trait = self.note_implementation(it);
        self.visit_generics(&it.generics);
        if let Some((path, _)) = &it.trait_ {
            // The trait is noted; what is in its brackets is not yet.
            path.segments.iter().for_each(|segment| self.visit_path_arguments(&segment.arguments));
        }
        self.visit_type(&it.self_ty);
        it.items.iter().for_each(|item| self.visit_impl_item(item));
        self.of_trait = outer;
    }

    fn visit_item_trait(&mut self, it: &'ast ItemTrait) {
        let outer = std::mem::take(&mut self.of_trait);
        visit::visit_item_trait(self, it);
        self.of_trait = outer;
    }

    fn visit_item_fn(&mut self, it: &'ast syn::ItemFn) {
        self.scoped(|inner| visit::visit_item_fn(inner, it));
    }

    fn visit_impl_item_fn(&mut self, it: &'ast syn::ImplItemFn) {
        self.scoped(|inner| visit::visit_impl_item_fn(inner, it));
    }

    fn visit_trait_item_fn(&mut self, it: &'ast syn::TraitItemFn) {
        self.scoped(|inner| visit::visit_trait_item_fn(inner, it));
    }

    fn visit_signature(&mut self, it: &'ast Signature) {
        visit::visit_signature(self, it);
        for argument in &it.inputs {
            if let FnArg::Typed(argument) = argument {
                let written = self.written(&argument.ty);
                self.declare(&argument.pat, written);
            }
        }
    }

    fn visit_block(&mut self, it: &'ast Block) {
        self.scoped(|inner| visit::visit_block(inner, it));
    }

    fn visit_local(&mut self, it: &'ast Local) {
        visit::visit_local(self, it);
        let written = it.init.as_ref().and_then(|init| self.type_of(&init.expr));
        self.declare(&it.pat, written);
    }

    fn visit_path(&mut self, it: &'ast Path) {
        let is_variable = it.get_ident().is_some_and(|name| {
            let name = name.to_string();
            self.scopes.iter().any(|scope| scope.contains_key(&name))
        });
        if !is_variable && let Some(item) = self.api_path(it).and_then(|path| self.known.types.item(&path)) {
            self.note(item, How::Names, it.span());
        }
        visit::visit_path(self, it);
    }

    fn visit_expr_method_call(&mut self, it: &'ast ExprMethodCall) {
        self.note_method(it);
        visit::visit_expr_method_call(self, it);
    }

    fn visit_expr_field(&mut self, it: &'ast ExprField) {
        if let Some(item) = self.field(it) {
            self.note(item, How::Calls, it.member.span());
        }
        visit::visit_expr_field(self, it);
    }

    fn visit_expr_struct(&mut self, it: &'ast ExprStruct) {
        self.note_fields(&it.path, it.fields.iter().map(|field| &field.member));
        visit::visit_expr_struct(self, it);
    }

    fn visit_pat_struct(&mut self, it: &'ast PatStruct) {
        self.note_fields(&it.path, it.fields.iter().map(|field| &field.member));
        visit::visit_pat_struct(self, it);
    }

    fn visit_item_macro(&mut self, it: &'ast ItemMacro) {
        if it.ident.is_some() {
            self.unseen.macro_definitions += 1;
        } else {
            self.visit_macro(&it.mac);
        }
    }

    fn visit_macro(&mut self, it: &'ast Macro) {
        self.visit_path(&it.path);
        // Most macros take expressions or statements; what else one takes only it knows.
        if let Ok(exprs) = it.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            exprs.iter().for_each(|expr| self.visit_expr(expr));
        } else if let Ok(statements) = it.parse_body_with(Block::parse_within) {
            for statement in &statements {
                self.visit_stmt(statement);
            }
        } else {
            self.unseen.macro_calls += 1;
        }
    }
}

fn word(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
