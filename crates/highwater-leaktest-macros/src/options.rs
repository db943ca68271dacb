//! What stands in the attribute's brackets: `grace = "2s", allow(threads = "name-*"), max_blocks = 10`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Lit, LitInt, LitStr, Path};

/// The options as a value of the harness's own type.
#[derive(Default)]
pub(crate) struct Options {
    grace: Option<LitStr>,
    allowed_threads: Vec<LitStr>,
    allowed_tasks: Vec<LitStr>,
    block_on: Option<Path>,
    allowed_blocks: Vec<LitStr>,
    allowed_descriptors: Vec<LitStr>,
    allowed_children: Vec<LitStr>,
    denies_blocks: bool,
    denies_descriptors: bool,
    denies_children: bool,
    max_blocks: Option<LitInt>,
    max_bytes: Option<Lit>,
    max_peak: Option<Lit>,
}

impl Options {
    /// Reads them.
    pub(crate) fn parse(arguments: TokenStream) -> syn::Result<Self> {
        let mut options = Self::default();
        syn::meta::parser(|meta| options.add(&meta)).parse2(arguments)?;
        Ok(options)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("grace") {
            self.grace = Some(meta.value()?.parse()?);
            return Ok(());
        }
        if meta.path.is_ident("allow") {
            return meta.parse_nested_meta(|inner| {
                let allowed = if inner.path.is_ident("threads") {
                    &mut self.allowed_threads
                } else if inner.path.is_ident("tasks") {
                    &mut self.allowed_tasks
                } else if inner.path.is_ident("blocks") {
                    &mut self.allowed_blocks
                } else if inner.path.is_ident("descriptors") {
                    &mut self.allowed_descriptors
                } else if inner.path.is_ident("children") {
                    &mut self.allowed_children
                } else {
                    return Err(inner.error(
                        "`threads = \"…\"`, `tasks = \"…\"`, `descriptors = \"…\"`, `children = \"…\"` and \
                         `blocks = \"…\"` can be allowed",
                    ));
                };
                allowed.push(inner.value()?.parse()?);
                Ok(())
            });
        }
        if meta.path.is_ident("block_on") {
            self.block_on = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            return Ok(());
        }
        if meta.path.is_ident("deny") {
            return meta.parse_nested_meta(|inner| {
                let denied = if inner.path.is_ident("blocks") {
                    &mut self.denies_blocks
                } else if inner.path.is_ident("descriptors") {
                    &mut self.denies_descriptors
                } else if inner.path.is_ident("children") {
                    &mut self.denies_children
                } else {
                    return Err(inner.error(
                        "`blocks`, `descriptors` and `children` can be denied; threads and tasks are, unless they are allowed",
                    ));
                };
                *denied = true;
                Ok(())
            });
        }
        if meta.path.is_ident("max_blocks") {
            self.max_blocks = Some(meta.value()?.parse()?);
            return Ok(());
        }
        if meta.path.is_ident("max_bytes") {
            self.max_bytes = Some(size(meta)?);
            return Ok(());
        }
        if meta.path.is_ident("max_peak") {
            self.max_peak = Some(size(meta)?);
            return Ok(());
        }
        Err(meta.error(
            "the options are `grace = \"…\"`, `block_on = \"…\"`, `allow(threads = \"…\", tasks = \"…\", descriptors = \"…\", \
             children = \"…\", blocks = \"…\")`, `deny(blocks, descriptors, children)`, \
             `max_blocks = 10`, `max_bytes = \"4KiB\"` and `max_peak = \"1MiB\"`",
        ))
    }

    /// The function that is to run the test's future.
    pub(crate) fn block_on(&self) -> Option<&Path> {
        self.block_on.as_ref()
    }

    /// Whether the test's future is run by such a function.
    pub(crate) fn runs_futures(&self) -> bool {
        self.block_on.is_some()
    }

    /// An expression of the harness's type.
    pub(crate) fn expression(&self) -> TokenStream {
        let (threads, tasks, blocks) = (&self.allowed_threads, &self.allowed_tasks, &self.allowed_blocks);
        let (descriptors, children) = (&self.allowed_descriptors, &self.allowed_children);
        let (denies_descriptors, denies_children) = (self.denies_descriptors, self.denies_children);
        // Read by the compiler, at the place of the text.
        let grace = optional(
            self.grace.as_ref().map(|text| quote!(const { ::highwater_leaktest::private::time(#text) })),
        );
        let denies_blocks = self.denies_blocks;
        let max_blocks = optional(self.max_blocks.as_ref().map(|number| quote!(#number)));
        let [max_bytes, max_peak] = [&self.max_bytes, &self.max_peak].map(|it| {
            optional(it.as_ref().map(|size| match size {
                Lit::Str(text) => quote!(const { ::highwater_leaktest::private::size(#text) }),
                number => quote!(#number),
            }))
        });
        quote!(::highwater_leaktest::private::Options {
            grace: #grace,
            allowed_threads: &[#(#threads),*],
            allowed_tasks: &[#(#tasks),*],
            allowed_blocks: &[#(#blocks),*],
            allowed_descriptors: &[#(#descriptors),*],
            allowed_children: &[#(#children),*],
            denied: ::highwater_leaktest::private::Denied {
                descriptors: #denies_descriptors,
                children: #denies_children,
            },
            limits: ::highwater_leaktest::private::Limits {
                max_blocks: #max_blocks,
                max_bytes: #max_bytes,
                max_peak_bytes: #max_peak,
                denies_blocks: #denies_blocks,
            },
        })
    }
}

/// A number of bytes, or a text with a unit.
fn size(meta: &ParseNestedMeta<'_>) -> syn::Result<Lit> {
    let value: Lit = meta.value()?.parse()?;
    match value {
        Lit::Str(_) | Lit::Int(_) => Ok(value),
        other => Err(syn::Error::new_spanned(other, "expected a size such as \"4KiB\" or 4096")),
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(arguments: TokenStream) -> String {
        Options::parse(arguments).err().map(|it| it.to_string()).unwrap_or_default()
    }

    #[test]
    fn options_become_a_value() {
        let options =
            Options::parse(quote!(grace = "2s", allow(threads = "a-*"), allow(threads = "b"))).unwrap();
        let text = options.expression().to_string();
        assert!(text.contains(r#"private :: time ("2s")"#) && text.contains(r#"& ["a-*" , "b"]"#), "{text}");
        // As the harness shows it for several leaks.
        let several = Options::parse(quote!(allow(tasks = "t", threads = "a", threads = "b"))).unwrap();
        let text = several.expression().to_string();
        assert!(text.contains(r#"& ["a" , "b"]"#) && text.contains(r#"& ["t"]"#), "{text}");
        let held = quote!(deny(descriptors), allow(descriptors = "socket*", children = "sleep *"));
        let text = Options::parse(held).unwrap().expression().to_string();
        assert!(text.contains("descriptors : true , children : false"), "{text}");
        assert!(text.contains(r#"& ["socket*"]"#) && text.contains(r#"& ["sleep *"]"#), "{text}");
        let none = Options::parse(TokenStream::new()).unwrap().expression().to_string();
        assert!(none.contains("None") && none.contains("& []"), "{none}");
    }

    #[test]
    fn faults_are_named() {
        assert!(fault(quote!(grace = 2)).contains("string"));
        assert!(fault(quote!(allow(files = "a"))).contains("can be allowed"));
        assert!(fault(quote!(deny(threads))).contains("can be denied; threads and tasks are"));
        assert!(fault(quote!(max_blocks = "a")).contains("integer"));
        assert!(fault(quote!(max_bytes = 1.5)).contains("expected a size"));
        assert!(fault(quote!(garce = "2s")).contains("the options are"));
    }
}
