//! Every use of the `unsafe` keyword in a source that makes code unsafe, from its syntax.
//!
//! The content of a macro call is not parsed; there the tokens after the keyword decide.

use std::fmt;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Meta, Safety, Signature, Visibility};

/// One use.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// The construct that the keyword begins.
    pub kind: Kind,
    /// The keyword's line, 1-based.
    pub line: usize,
    /// The first line of the statement, arm or item around it: a comment may stand above that instead.
    pub statement_line: usize,
}

/// A construct that an `unsafe` keyword begins.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A block.
    Block,
    /// The implementation of an unsafe trait.
    Impl,
    /// A function that code elsewhere can call.
    PublicFunction {
        /// Whether its documentation has a `# Safety` section.
        documented: bool,
    },
    /// Another function.
    Function,
    /// The declaration of an unsafe trait.
    Trait,
    /// Foreign functions or statics.
    ExternBlock,
    /// An attribute that only unsafe code may carry, such as `#[unsafe(no_mangle)]`.
    Attribute,
    /// An unsafe module, whose meaning only a macro can define.
    Module,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block => "unsafe block",
            Self::Impl => "unsafe impl",
            Self::PublicFunction { .. } | Self::Function => "unsafe function",
            Self::Trait => "unsafe trait",
            Self::ExternBlock => "extern block",
            Self::Attribute => "unsafe attribute",
            Self::Module => "unsafe module",
        })
    }
}

/// All uses in a file, in source order.
pub fn find(file: &syn::File) -> Vec<Use> {
    let mut finder = Finder { found: Vec::new(), statement_line: 1 };
    finder.visit_file(file);
    finder.found
}

struct Finder {
    found: Vec<Use>,
    statement_line: usize,
}

impl Finder {
    fn add(&mut self, kind: Kind, span: Span) {
        self.found.push(Use { kind, line: span.start().line, statement_line: self.statement_line });
    }

    /// Visits a part whose first line is the place for a comment about the whole part.
    fn below(&mut self, span: Span, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.statement_line, span.start().line);
        visit(self);
        self.statement_line = outer;
    }

    fn function(&mut self, signature: &Signature, is_public: bool, attributes: &[Attribute]) {
        let Safety::Unsafe(keyword) = &signature.safety else { return };
        let kind = if is_public {
            Kind::PublicFunction { documented: attributes.iter().any(is_safety_heading) }
        } else {
            Kind::Function
        };
        self.add(kind, keyword.span);
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(word) if word == "unsafe" => {
                    let kind = kind_by_neighbour(tokens.get(index + 1));
                    self.below(word.span(), |finder| finder.add(kind, word.span()));
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

fn kind_by_neighbour(next: Option<&TokenTree>) -> Kind {
    match next {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => Kind::Attribute,
        Some(TokenTree::Ident(word)) if word == "impl" => Kind::Impl,
        Some(TokenTree::Ident(word)) if word == "fn" => Kind::Function,
        Some(TokenTree::Ident(word)) if word == "trait" => Kind::Trait,
        Some(TokenTree::Ident(word)) if word == "extern" => Kind::ExternBlock,
        _ => Kind::Block,
    }
}

fn is_safety_heading(attribute: &Attribute) -> bool {
    let Meta::NameValue(pair) = &attribute.meta else { return false };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return false };
    pair.path.is_ident("doc") && text.value().lines().any(|line| line.trim() == "# Safety")
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_stmt(&mut self, node: &'ast syn::Stmt) {
        self.below(node.span(), |finder| visit::visit_stmt(finder, node));
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        self.below(node.span(), |finder| visit::visit_arm(finder, node));
    }

    fn visit_field_value(&mut self, node: &'ast syn::FieldValue) {
        self.below(node.span(), |finder| visit::visit_field_value(finder, node));
    }

    fn visit_item(&mut self, node: &'ast syn::Item) {
        self.below(node.span(), |finder| visit::visit_item(finder, node));
    }

    fn visit_impl_item(&mut self, node: &'ast syn::ImplItem) {
        self.below(node.span(), |finder| visit::visit_impl_item(finder, node));
    }

    fn visit_expr_unsafe(&mut self, node: &'ast syn::ExprUnsafe) {
        self.add(Kind::Block, node.unsafe_token.span);
        visit::visit_expr_unsafe(self, node);
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.function(&node.sig, is_public(&node.vis), &node.attrs);
        visit::visit_item_fn(self, node);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.function(&node.sig, is_public(&node.vis), &node.attrs);
        visit::visit_impl_item_fn(self, node);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        // Treated as public like its trait, although the trait may be private: a private trait's contract
        // should be documented too.
        self.function(&node.sig, true, &node.attrs);
        visit::visit_trait_item_fn(self, node);
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        if let Some(keyword) = &node.unsafety {
            self.add(Kind::Impl, keyword.span);
        }
        visit::visit_item_impl(self, node);
    }

    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        if let Some(keyword) = &node.unsafety {
            self.add(Kind::Trait, keyword.span);
        }
        visit::visit_item_trait(self, node);
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if let Some(keyword) = &node.unsafety {
            self.add(Kind::Module, keyword.span);
        }
        visit::visit_item_mod(self, node);
    }

    fn visit_item_foreign_mod(&mut self, node: &'ast syn::ItemForeignMod) {
        // Unsafe with or without the keyword: its declarations are trusted without a check. Its functions
        // need no separate use.
        self.add(Kind::ExternBlock, node.abi.extern_token.span);
    }

    fn visit_attribute(&mut self, node: &'ast Attribute) {
        if node.path().is_ident("unsafe") {
            self.add(Kind::Attribute, node.pound_token.span);
        } else if let Meta::List(list) = &node.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        self.tokens(node.tokens.clone());
    }
}
