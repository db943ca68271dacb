//! One common spelling for names of both Rust manglings.

use crate::brackets::{self, closing};

/// A name in the spelling that both manglings have in common: no brackets around a type that has methods, and
/// no arguments that are the default.
pub fn tidy(name: &str) -> String {
    let name = without_brackets(name).unwrap_or_else(|| name.to_owned());
    let name = without_impl(&name).map_or(name, |it| without_brackets(&it).unwrap_or(it));
    name.replace(", alloc::alloc::Global>", ">")
}

/// `<a::B<C>>::f` is `a::B<C>::f`.
fn without_brackets(name: &str) -> Option<String> {
    let inner = name.strip_prefix('<')?;
    let end = closing(inner)?;
    let of = &inner[..end];
    let is_path = of.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && of
            .find("::")
            .is_some_and(|at| of[..at].bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_'))
        && !brackets::has_outside(of, b' ');
    is_path.then(|| format!("{of}{}", &inner[end + 1..]))
}

/// `a::<impl [T]>::f` is `<[T]>::f`, and `a::<impl B for C>::f` is `<C as B>::f`.
fn without_impl(name: &str) -> Option<String> {
    let at = name.find("::<impl ")?;
    if name[..at].contains('<') {
        return None;
    }
    let inner = &name[at + "::<impl ".len()..];
    let end = closing(inner)?;
    let (of, rest) = (&inner[..end], &inner[end + 1..]);
    let implements = brackets::split_words(of, " for ");
    Some(match implements {
        Some((implements, of)) => format!("<{of} as {implements}>{rest}"),
        None => format!("<{of}>{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_manglings_have_one_spelling() {
        for (name, expected) in [
            ("<alloc::vec::Vec<demo::Session>>::push", "alloc::vec::Vec<demo::Session>::push"),
            ("<demo::A<u8> as demo::B>::f", "<demo::A<u8> as demo::B>::f"),
            ("<[u8]>::to_vec", "<[u8]>::to_vec"),
            ("<&demo::A>::f", "<&demo::A>::f"),
            ("<dyn demo::A>::f", "<dyn demo::A>::f"),
            ("<str>::f", "<str>::f"),
            ("demo::f::<<demo::A>::g::{closure#0}>", "demo::f::<<demo::A>::g::{closure#0}>"),
            ("<", "<"),
            ("<a::b", "<a::b"),
            ("operator new(unsigned long)", "operator new(unsigned long)"),
        ] {
            assert_eq!(tidy(name), expected);
        }
    }
}
