//! What the attribute makes of a function.
//!
//! Alone it stands for the built-in `#[test]`. Beside another attribute that makes a test it must be the last
//! one: that one turns an async function into one that runs it and calls for parameters, and only then is
//! there a body to put the check around. So it puts itself, as `__around`, behind all others.
//!
//! The tasks of an async test are waited for inside of its runtime: its body becomes a future that ends when
//! they have. In front of the other attribute that is the function's body, behind it the `async` block that
//! the other one has made of that.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Block, Expr, ItemFn, ReturnType, Stmt, Type, parse2};

use crate::options::Options;

/// `#[test(arguments)] item`.
pub(crate) fn test(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    // A faulty option is reported once, at its place.
    let options = Options::parse(arguments.clone())?;
    let mut function: ItemFn = parse2(item)?;
    let makes_test = function.attrs.iter().any(makes_test);
    if makes_test {
        if function.sig.asyncness.is_some() && !options.runs_futures() {
            let body = settled(&function.sig.output, &function.block);
            function.block = syn::parse_quote!({ #body.await });
        }
        function.attrs.push(syn::parse_quote!(#[::highwater_leaktest::__around(#arguments)]));
        return Ok(quote!(#function));
    }
    let function = around(arguments, quote!(#function))?;
    Ok(quote!(#[::core::prelude::v1::test] #function))
}

/// `#[__around(arguments)] item`.
pub(crate) fn around(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options = Options::parse(arguments)?;
    let ItemFn { attrs, vis, mut sig, mut block, .. } = parse2(item)?;
    match (sig.asyncness.take(), options.block_on()) {
        (Some(_), Some(block_on)) => {
            let body = settled(&sig.output, &block);
            block = syn::parse_quote!({ #block_on(#body) });
        }
        (Some(asynchronous), None) => {
            let advice = "an async test needs an attribute that runs it, such as `#[tokio::test]`, or a function: \
                          `#[highwater_leaktest::test(block_on = \"smol::block_on\")]`";
            return Err(syn::Error::new_spanned(asynchronous, advice));
        }
        (None, Some(_)) => {
            return Err(syn::Error::new_spanned(
                &sig.ident,
                "`block_on` is for async tests, and this is none",
            ));
        }
        (None, None) => settle_within(&mut block),
    }
    let options = options.expression();
    let should_panic = attrs.iter().any(|it| it.path().is_ident("should_panic"));
    let name = &sig.ident;
    // A closure needs the type, or `?` in it would leave the error's type open.
    let output = match &sig.output {
        ReturnType::Default => quote!(-> ()),
        ReturnType::Type(_, returned) if matches!(**returned, Type::ImplTrait(_) | Type::Never(_)) => {
            quote!()
        }
        output => quote!(#output),
    };
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            ::highwater_leaktest::private::run(
                #options,
                #should_panic,
                ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                move || #output #block,
            )
        }
    })
}

/// The body of an async test as a future that ends when its tasks have.
fn settled(output: &ReturnType, body: &Block) -> TokenStream {
    let output = match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, returned) if matches!(**returned, Type::ImplTrait(_) | Type::Never(_)) => {
            quote!(_)
        }
        ReturnType::Type(_, returned) => quote!(#returned),
    };
    quote!(::highwater_leaktest::private::settle::<#output>(async move #body))
}

/// The same for a function that begins with `let body = async { … };`, which it will have a runtime run.
fn settle_within(body: &mut Block) {
    let Some(Stmt::Local(local)) = body.stmts.first_mut() else { return };
    let Some(init) = &mut local.init else { return };
    if let Expr::Async(future) = &*init.expr {
        init.expr = syn::parse_quote!(::highwater_leaktest::private::settle(#future));
    }
}

/// Whether this attribute, too, makes a test of what it stands at.
fn makes_test(attribute: &Attribute) -> bool {
    let Some(last) = attribute.path().segments.last() else { return false };
    ["test", "rstest", "test_case", "case"].iter().any(|it| last.ident == it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: TokenStream, item: TokenStream) -> String {
        test(arguments, item).unwrap().to_string()
    }

    #[test]
    fn alone_it_makes_a_test_of_its_own() {
        let text = expanded(
            quote!(),
            quote!(
                fn a() -> Result<(), E> {
                    b()?;
                    Ok(())
                }
            ),
        );
        assert!(text.starts_with("# [:: core :: prelude :: v1 :: test] fn a ()"), "{text}");
        assert!(text.contains("move || -> Result < () , E > {"), "{text}");
        assert!(text.contains("denies_blocks : false , } , } , false ,"), "{text}");
    }

    #[test]
    fn a_test_that_should_panic_is_told_apart() {
        let text = expanded(
            quote!(),
            quote!(
                #[should_panic(expected = "x")]
                fn a() {
                    panic!("x")
                }
            ),
        );
        assert!(text.contains("true ,"), "{text}");
    }

    #[test]
    fn beside_another_it_goes_last() {
        for other in [quote!(tokio::test), quote!(rstest), quote!(test)] {
            let text = expanded(quote!(grace = "2s"), quote!(#[#other] #[cfg(unix)] async fn a() {}));
            let place = text.find("__around (grace = \"2s\")").expect("it stays");
            assert!(place > text.find("cfg").expect("so does the other"), "{text}");
            assert!(!text.contains("prelude"), "{text}");
        }
    }

    #[test]
    fn an_async_function_without_a_runtime_is_refused() {
        let error = test(
            quote!(),
            quote!(
                async fn a() {}
            ),
        )
        .unwrap_err();
        assert!(error.to_string().contains("#[tokio::test]"));
    }

    #[test]
    fn tasks_are_waited_for_inside_of_the_runtime() {
        let front = expanded(
            quote!(),
            quote!(
                #[tokio::test]
                async fn a() -> R {
                    b().await
                }
            ),
        );
        assert!(front.contains("settle :: < R > (async move { b () . await }) . await"), "{front}");
        let behind = around(
            quote!(),
            quote!(
                fn a() {
                    let body = async { b().await };
                    block_on(body)
                }
            ),
        )
        .unwrap()
        .to_string();
        assert!(
            behind.contains("let body = :: highwater_leaktest :: private :: settle (async { b"),
            "{behind}"
        );
        let own = expanded(
            quote!(block_on = "smol::block_on"),
            quote!(
                async fn a() {}
            ),
        );
        assert!(
            own.contains("smol :: block_on (:: highwater_leaktest :: private :: settle :: < () > (async"),
            "{own}"
        );
        let nothing_to_run = test(
            quote!(block_on = "smol::block_on"),
            quote!(
                fn a() {}
            ),
        );
        assert!(nothing_to_run.is_err());
    }
}
