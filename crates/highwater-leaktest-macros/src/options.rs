//! What stands in the attribute's brackets: `grace = "2s", allow(threads = "name-*")`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{LitStr, Path};

/// The options as a value of the harness's own type.
#[derive(Default)]
pub(crate) struct Options {
    grace: Option<LitStr>,
    allowed_threads: Vec<LitStr>,
    block_on: Option<Path>,
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
                if !inner.path.is_ident("threads") {
                    return Err(inner.error("only `threads` can be allowed"));
                }
                self.allowed_threads.push(inner.value()?.parse()?);
                Ok(())
            });
        }
        if meta.path.is_ident("block_on") {
            self.block_on = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            return Ok(());
        }
        Err(meta.error("the options are `grace = \"…\"`, `allow(threads = \"…\")` and `block_on = \"…\"`"))
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
        let threads = &self.allowed_threads;
        let grace = match &self.grace {
            // Read by the compiler, at the place of the text.
            Some(text) => {
                quote!(::core::option::Option::Some(const { ::highwater_leaktest::private::time(#text) }))
            }
            None => quote!(::core::option::Option::None),
        };
        quote!(::highwater_leaktest::private::Options { grace: #grace, allowed_threads: &[#(#threads),*] })
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
        let none = Options::parse(TokenStream::new()).unwrap().expression().to_string();
        assert!(none.contains("None") && none.contains("& []"), "{none}");
    }

    #[test]
    fn faults_are_named() {
        assert!(fault(quote!(grace = 2)).contains("string"));
        assert!(fault(quote!(allow(tasks = "a"))).contains("only `threads`"));
        assert!(fault(quote!(garce = "2s")).contains("the options are"));
    }
}
