//! The definitions in a file: functions, types, traits, macros and the like, from its syntax tree.

use std::fmt;

use syn::visit::{self, Visit};
use syn::{ImplItemFn, Item, TraitItemFn, Variant};

/// Kind of a definition, displayed as its keyword.
#[derive(Clone, Copy)]
pub enum Kind {
    Const,
    Enum,
    Fn,
    Macro,
    Mod,
    Static,
    Struct,
    Trait,
    Type,
    Union,
    Variant,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Const => "const",
            Self::Enum => "enum",
            Self::Fn => "fn",
            Self::Macro => "macro",
            Self::Mod => "mod",
            Self::Static => "static",
            Self::Struct => "struct",
            Self::Trait => "trait",
            Self::Type => "type",
            Self::Union => "union",
            Self::Variant => "variant",
        })
    }
}

/// Calls `define` with the name, the kind and the line (counted from 0) of each definition in `text`.
///
/// # Errors
/// When the text is not a Rust source file.
pub fn definitions(text: &str, define: impl FnMut(String, Kind, usize)) -> syn::Result<()> {
    let result = syn::parse_file(text).map(|file| Collector { define }.visit_file(&file));
    // The parser keeps every text it has parsed for its spans, and never frees them by itself.
    proc_macro2::extra::invalidate_current_thread_spans();
    result
}

struct Collector<F> {
    define: F,
}

impl<F: FnMut(String, Kind, usize)> Collector<F> {
    fn found(&mut self, name: &syn::Ident, kind: Kind) {
        (self.define)(name.to_string(), kind, name.span().start().line.saturating_sub(1));
    }
}

impl<'ast, F: FnMut(String, Kind, usize)> Visit<'ast> for Collector<F> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(it) => self.found(&it.ident, Kind::Const),
            Item::Enum(it) => self.found(&it.ident, Kind::Enum),
            Item::Fn(it) => self.found(&it.sig.ident, Kind::Fn),
            Item::Macro(it) => it.ident.iter().for_each(|name| self.found(name, Kind::Macro)),
            Item::Mod(it) => self.found(&it.ident, Kind::Mod),
            Item::Static(it) => self.found(&it.ident, Kind::Static),
            Item::Struct(it) => self.found(&it.ident, Kind::Struct),
            Item::Trait(it) => self.found(&it.ident, Kind::Trait),
            Item::Type(it) => self.found(&it.ident, Kind::Type),
            Item::Union(it) => self.found(&it.ident, Kind::Union),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.found(&it.sig.ident, Kind::Fn);
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_trait_item_fn(&mut self, it: &'ast TraitItemFn) {
        self.found(&it.sig.ident, Kind::Fn);
        visit::visit_trait_item_fn(self, it);
    }

    fn visit_variant(&mut self, it: &'ast Variant) {
        self.found(&it.ident, Kind::Variant);
        visit::visit_variant(self, it);
    }
}
