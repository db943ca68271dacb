//! What all instances of a generic function are called.

use crate::brackets::closing;
use crate::function::{path_head, split_qualified};

/// `name` without type arguments and numbers of closures, as far as it says that it has them: what all
/// instances of a generic function are called, in either mangling and with or without debug information.
pub fn without_arguments(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        let behind = |byte: &str| rest.strip_prefix(byte);
        if next == '<' && begins_arguments(&out, rest) {
            let inner = &rest[1..];
            let end = closing(inner).unwrap_or(inner.len());
            rest = inner.get(end + 1..).unwrap_or_default();
            out.truncate(out.trim_end_matches("::").len());
        } else if let Some(after) = behind("{{closure}}") {
            out.push_str("{closure}");
            rest = after;
        } else if let Some((_, after)) = behind("{closure#").and_then(|it| it.split_once('}')) {
            out.push_str("{closure}");
            rest = after;
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    // A method of a type is called so with and without brackets around a type that has a path.
    let inherent = out.strip_prefix('<').and_then(|inner| {
        let (of, implements) = split_qualified(&out);
        let is_path = implements.is_none() && path_head(of).is_some();
        is_path.then(|| format!("{of}{}", &inner[of.len() + 1..]))
    });
    inherent.unwrap_or(out)
}

/// Whether the `<` at the beginning of `rest`, behind `before`, begins arguments, and not a type in front of
/// `::`.
fn begins_arguments(before: &str, rest: &str) -> bool {
    let turbofish = before.ends_with("::") && !rest.starts_with("<impl ");
    let named = before.ends_with(|it: char| it.is_alphanumeric() || matches!(it, '_' | '}'));
    // In C++ it may be the name of an operator.
    turbofish || named && !before.ends_with("operator")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_one_name_in_all_spellings() {
        for (name, expected) in [
            ("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec::push"),
            ("<alloc::vec::Vec<demo::Session>>::push", "alloc::vec::Vec::push"),
            ("alloc::vec::Vec<demo::Session>::push", "alloc::vec::Vec::push"),
            ("demo::sum::<u64, 2>", "demo::sum"),
            ("demo::sum", "demo::sum"),
            ("demo::Index<T>::show::{{closure}}", "demo::Index::show::{closure}"),
            ("<demo::Index<u8>>::show::{closure#1}", "demo::Index::show::{closure}"),
            (
                "<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop",
                "<alloc::vec::Vec as core::ops::drop::Drop>::drop",
            ),
            ("alloc::slice::<impl [T]>::to_vec", "alloc::slice::<impl [T]>::to_vec"),
            ("<[demo::A<u8>]>::to_vec", "<[demo::A]>::to_vec"),
            ("<fn(u8) -> a::B<u8> as demo::Call>::call", "<fn(u8) -> a::B as demo::Call>::call"),
            ("core::ptr::drop_in_place::<alloc::vec::Vec<fn() -> u8>>", "core::ptr::drop_in_place"),
            ("demo::Index<K>::operator<(int)", "demo::Index::operator<(int)"),
            ("push<u8, alloc::alloc::Global>", "push"),
            ("a<", "a"),
            ("", ""),
        ] {
            assert_eq!(without_arguments(name), expected, "{name}");
        }
    }
}
