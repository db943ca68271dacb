//! Short names of functions: the type and the function, which tell most, without paths and generic arguments.

use highwater_names::brackets::{segments, split_closing, split_words};
use highwater_names::plain::plain;

/// Joins a function and the closures in it.
const CLOSURE: &str = "·closure";

/// The short name of a function: `Index::add` for `shop::index::Index::add`, `refresh·closure` for
/// `shop::refresh::{{closure}}`. A name without a path stays as it is.
pub(crate) fn short(function: &str) -> String {
    let name = plain(function);
    let (of_type, path) = match name.strip_prefix('<').and_then(split_closing) {
        Some((inside, rest)) => {
            let implementer = split_words(inside, " as ").map_or(inside, |it| it.0);
            (Some(last(implementer).to_owned()), rest.trim_start_matches(':'))
        }
        None => (None, name.as_str()),
    };
    let mut parts: Vec<&str> = segments(path).into_iter().filter(|it| !it.is_empty()).collect();
    let all = parts.len();
    while parts.len() > 1 && parts.last().is_some_and(|it| it.starts_with('{')) {
        parts.pop();
    }
    let closure = if parts.len() < all { CLOSURE } else { "" };
    let own = parts.pop().unwrap_or(path);
    let above = of_type.or_else(|| parts.pop().filter(|it| is_type(it)).map(str::to_owned));
    match above {
        Some(above) => format!("{above}::{own}{closure}"),
        None => format!("{own}{closure}"),
    }
}

/// The last segment of a type's path; a reference, slice or tuple stays whole.
fn last(path: &str) -> &str {
    segments(path).pop().unwrap_or(path)
}

fn is_type(segment: &str) -> bool {
    segment.starts_with(|it: char| it.is_uppercase() || it == '<' || it == '[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_keeps_the_type_and_the_function() {
        for (name, expected) in [
            ("shop::index::Index::add", "Index::add"),
            ("shop::main", "main"),
            ("main", "main"),
            ("shop::refresh::{{closure}}", "refresh·closure"),
            ("shop::Pool<T>::spawn::{closure#0}::{closure#1}", "Pool::spawn·closure"),
            ("<alloc::vec::Vec<u8> as core::iter::Extend<u8>>::extend::<I>", "Vec::extend"),
            ("alloc::slice::<impl [T]>::to_vec", "[T]::to_vec"),
            ("tokio::runtime::task::core::Core<T,S>::poll", "Core::poll"),
            ("std::rt::lang_start::<()>::{closure#0}", "lang_start·closure"),
            ("runtime.mallocgc", "runtime.mallocgc"),
            ("", ""),
        ] {
            assert_eq!(short(name), expected, "{name}");
        }
    }
}
