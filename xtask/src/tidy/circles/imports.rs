//! Which files of its crate a file names in its code: by `use`, by paths in expressions and types, and in
//! macro calls.
//!
//! Documentation, attributes, visibilities and what is compiled for tests only name nothing here.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

use super::modules::{Modules, Name, is_for_tests};

/// A name that a file takes from another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that the module is written in.
    pub file: String,
    /// The name as it is written.
    pub path: String,
    /// The line it is written in, 1-based.
    pub line: usize,
}

/// Everything that the file `path`, in which the module `name` is written, takes from other files of its
/// crate.
pub fn find(modules: &Modules, path: &str, name: &Name, syntax: &syn::File) -> Vec<Import> {
    let mut finder = Finder { modules, file: path, module: name.clone(), found: Vec::new() };
    finder.visit_file(syntax);
    finder.found
}

struct Finder<'a> {
    modules: &'a Modules,
    file: &'a str,
    /// The module around the place that is looked at.
    module: Name,
    found: Vec<Import>,
}

impl Finder<'_> {
    /// Notes the file that a path leads to, if it is one of the crate's.
    fn add(&mut self, segments: &[String], line: usize) {
        let Some((mut target, mut rest)) = self.begin(segments) else { return };
        while let Some(next) = rest.first() {
            let below = [target.as_slice(), std::slice::from_ref(next)].concat();
            if self.modules.get(&below).is_none() {
                break;
            }
            (target, rest) = (below, &rest[1..]);
        }
        let Some(module) = self.modules.get(&target) else { return };
        let is_around = self.module.starts_with(&target);
        let is_constant = rest.first().is_some_and(|it| module.constants.contains(it));
        if is_around && is_constant {
            return;
        }
        for file in module.files.iter().filter(|file| *file != self.file) {
            self.found.push(Import { file: file.clone(), path: segments.join("::"), line });
        }
    }

    /// The module that a path begins with, and what is behind it. `None` for a path into another crate.
    fn begin<'s>(&self, segments: &'s [String]) -> Option<(Name, &'s [String])> {
        let mut rest = segments;
        let mut module = self.module.clone();
        match rest.first()?.as_str() {
            "crate" => module.clear(),
            "super" => {
                while rest.first().is_some_and(|it| it == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
                return Some((module, rest));
            }
            "self" => {}
            first => {
                module.push(first.to_owned());
                self.modules.get(&module)?;
            }
        }
        Some((module, &rest[1..]))
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree, &with(path.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|it| self.add_use(it, before)),
            UseTree::Name(name) if name.ident == "self" => self.add(before, name.ident.span().start().line),
            UseTree::Name(name) => self.add(&with(name.ident.to_string()), name.ident.span().start().line),
            UseTree::Rename(name) => self.add(&with(name.ident.to_string()), name.ident.span().start().line),
            UseTree::Glob(glob) => self.add(before, glob.star_token.spans[0].start().line),
        }
    }

    /// Looks for paths in tokens that are no syntax yet.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let mut segments = vec![first.to_string()];
                    while is_colon(at + 1) && is_colon(at + 2) {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                        segments.push(next.to_string());
                        at += 3;
                    }
                    if segments.len() > 1 {
                        self.add(&segments, line);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if let syn::ImplItem::Fn(function) = item
            && is_for_tests(&function.attrs)
        {
            return;
        }
        visit::visit_impl_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.add_use(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
            self.add(&segments, path.segments[0].ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}
