//! The modules of a crate, and the file that each is written in.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, Meta};

use crate::tidy::tree::{Source, Tree};

/// A module's name, from the crate's root on; empty for the root itself.
pub type Name = Vec<String>;

/// One module.
#[derive(Default)]
pub struct Module {
    /// The files it is written in: more than one where each platform has its own.
    pub files: BTreeSet<String>,
    /// Names of the constants that it defines.
    pub constants: BTreeSet<String>,
}

/// The modules below one root file, without those that only tests have.
#[derive(Default)]
pub struct Modules {
    modules: BTreeMap<Name, Module>,
}

impl Modules {
    /// The modules of the crate whose root is the file `root`.
    pub fn of(tree: &Tree, root: &str) -> Self {
        let mut modules = Self::default();
        modules.add_file(tree, root, true, &Name::new());
        modules
    }

    /// The module with this name.
    pub fn get(&self, name: &[String]) -> Option<&Module> {
        self.modules.get(name)
    }

    /// Every module and every file it is written in.
    pub fn files(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.modules.iter().flat_map(|(name, it)| it.files.iter().map(move |file| (name, file.as_str())))
    }

    fn add_file(&mut self, tree: &Tree, path: &str, is_root: bool, name: &Name) {
        let Some(source) = tree.sources().iter().find(|source| source.path == path) else { return };
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.trim_end_matches(".rs");
        let below =
            if is_root || stem == "mod" { directory.to_owned() } else { format!("{directory}/{stem}") };
        let place = Place { tree, source, beside: directory, below };
        self.add_items(&place, &source.syntax.items, name);
    }

    fn add_items(&mut self, place: &Place<'_>, items: &[Item], name: &Name) {
        let module = self.modules.entry(name.clone()).or_default();
        module.files.insert(place.source.path.clone());
        for item in items {
            if let Item::Const(constant) = item {
                module.constants.insert(constant.ident.to_string());
            }
        }
        for item in items {
            let Item::Mod(child) = item else { continue };
            if is_for_tests(&child.attrs) {
                continue;
            }
            let own = child.ident.to_string();
            let name = [name.as_slice(), std::slice::from_ref(&own)].concat();
            let below = format!("{}/{own}", place.below);
            match (&child.content, path_attribute(&child.attrs)) {
                (Some((_, items)), _) => self.add_items(&Place { below, ..*place }, items, &name),
                (None, Some(path)) => {
                    self.add_file(place.tree, &format!("{}/{path}", place.beside), true, &name);
                }
                (None, None) => {
                    self.add_file(place.tree, &format!("{below}.rs"), false, &name);
                    self.add_file(place.tree, &format!("{below}/mod.rs"), false, &name);
                }
            }
        }
    }
}

/// Where the files of the modules are that a source declares.
struct Place<'a> {
    tree: &'a Tree,
    source: &'a Source,
    /// The source's own directory, from which `#[path]` counts.
    beside: &'a str,
    /// The directory of its modules.
    below: String,
}

/// Whether an item with these attributes is compiled for tests only.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition))
        }
        _ => false,
    })
}

fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") || list.path.is_ident("any") => {
            let parts =
                list.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated);
            let mut parts = parts.into_iter().flatten();
            if list.path.is_ident("all") {
                parts.any(|it| needs_test(&it))
            } else {
                parts.all(|it| needs_test(&it))
            }
        }
        _ => false,
    }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        pair.path.is_ident("path").then(|| text.value())
    })
}
