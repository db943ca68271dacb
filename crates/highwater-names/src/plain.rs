//! One spelling of a function's name, for all manglings and for debug information.
//!
//! The legacy mangling has `a::B<T>::c` and `a::d::{{closure}}`, the v0 mangling `<a::B<u8>>::c::<i32>` and
//! `a::d::{closure#0}`, and debug information `c<u8, i32>` and `{async_fn#0}`. Code that compares names
//! compares this spelling.

use crate::brackets::{split_closing, split_words};

/// The name without hashes, without the arguments of generic types and functions, and without the numbers of
/// closures: `a::B::c`, `a::d::{{closure}}`, `<a::B as a::C>::e`. A name in this spelling stays as it is.
pub fn plain(function: &str) -> String {
    let text = without_hashes(function.trim());
    let (head, rest) = match text.strip_prefix('<').and_then(split_closing) {
        Some((inside, rest)) => (self_type(inside), rest),
        None => (String::new(), text.as_str()),
    };
    let mut name = head;
    let path = path(rest);
    // `a::b::<impl a::C for a::D>::e` is `<a::D as a::C>::e`, and `a::b::<impl a::D>::e` is `a::D::e`.
    match path.rfind("<impl ").and_then(|at| split_closing(&path[at + 1..])) {
        Some((inside, rest)) => {
            let inside = inside.strip_prefix("impl ").unwrap_or(inside);
            match split_words(inside, " for ") {
                Some((of, on)) => name += &format!("<{} as {}>{rest}", path_or_type(on), path_or_type(of)),
                None => name += &format!("{}{rest}", path_or_type(inside)),
            }
        }
        None => name += &path,
    }
    for shim in ["::{{shim:vtable#0}}", "::{{vtable.shim}}", "{{vtable.shim}}"] {
        if let Some(shorter) = name.strip_suffix(shim) {
            name.truncate(shorter.len());
        }
    }
    name
}

/// The spelling of an `<…>` in front of a path.
fn self_type(inside: &str) -> String {
    match split_words(inside, " as ") {
        Some((own, of)) => format!("<{} as {}>", path_or_type(own), path_or_type(of)),
        None if is_path(inside) => path(inside),
        None => format!("<{inside}>"),
    }
}

/// Removes the arguments of a type that is a path; other types stay unchanged.
fn path_or_type(text: &str) -> String {
    if is_path(text) { path(text) } else { text.to_owned() }
}

fn is_path(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_' || it == '{')
        && !["dyn ", "fn(", "unsafe ", "extern ", "for<", "impl "].iter().any(|it| text.starts_with(it))
}

/// A path without the arguments of its parts, and with its closures written `{{closure}}`. An `<impl …>` in
/// the path stays.
fn path(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, behind) = rest.split_at(at);
        name += before;
        if let Some(closure) = behind.strip_prefix('{') {
            let Some(end) = closure.find('}') else { break };
            let is_double = closure.starts_with('{') && closure[end..].starts_with("}}");
            let inside = closure[..end].trim_start_matches('{');
            name += &inside_of_braces(inside);
            rest = &closure[end + 1 + usize::from(is_double)..];
        } else {
            let Some((inside, behind)) = split_closing(&behind[1..]) else {
                rest = behind;
                break;
            };
            if inside.starts_with("impl ") {
                name += &format!("<{inside}>");
            } else if name.ends_with("::") {
                // `a::<T>` is `a`.
                name.truncate(name.len() - 2);
            }
            rest = behind;
        }
    }
    name + rest
}

/// The spelling of a function without a name: `closure#0`, `async_fn_env#0`, `closure_env#1`.
fn inside_of_braces(inside: &str) -> String {
    let kind = inside.split_once('#').map_or(inside, |(kind, _)| kind);
    let kind = kind.strip_suffix("_env").unwrap_or(kind);
    match kind {
        "closure" | "async_fn" | "async_block" | "async_closure" | "coroutine" | "gen_fn" | "gen_block"
        | "async_gen_fn" | "async_gen_block" | "coroutine-closure" | "coroutine_closure" => {
            "{{closure}}".to_owned()
        }
        _ if inside.starts_with("shim") || inside.contains('.') => format!("{{{{{inside}}}}}"),
        _ => format!("{{{kind}}}"),
    }
}

/// Without the legacy mangling's `::h0123456789abcdef` and the other one's `[0123abcd]` behind the names of
/// crates.
fn without_hashes(text: &str) -> String {
    let is_hash = |it: &str| it.len() == 17 && it.starts_with('h') && is_hexadecimal(&it[1..]);
    let text = text.rsplit_once("::").filter(|(_, hash)| is_hash(hash)).map_or(text, |(text, _)| text);
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let end = rest[at..].find(']').map_or(rest.len(), |it| at + it);
        let inside = &rest[at + 1..end];
        let is_of_crate = end < rest.len()
            && (8..=16).contains(&inside.len())
            && is_hexadecimal(inside)
            && rest[..at].ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
        name += &rest[..if is_of_crate { at } else { at + 1 }];
        rest = &rest[if is_of_crate { end + 1 } else { at + 1 }..];
    }
    name + rest
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_hexdigit() && !it.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the same functions: demangled from the legacy mangling, from v0, and for some also from debug
    /// information.
    #[test]
    fn both_manglings_are_spelled_alike() {
        for (legacy, v0, expected) in [
            (
                "tokio::runtime::blocking::pool::Spawner::spawn_thread",
                "<tokio::runtime::blocking::pool::Spawner>::spawn_thread",
                "tokio::runtime::blocking::pool::Spawner::spawn_thread",
            ),
            (
                "tokio::runtime::task::core::Cell<T,S>::new",
                "<tokio::runtime::task::core::Cell<rel::leak_tokio::{closure#0}::{closure#0}, \
                 alloc::sync::Arc<tokio::runtime::scheduler::current_thread::Handle>>>::new",
                "tokio::runtime::task::core::Cell::new",
            ),
            (
                "tokio::task::spawn::spawn",
                "tokio::task::spawn::spawn::<core::future::pending::Pending<()>>",
                "tokio::task::spawn::spawn",
            ),
            (
                "std::sync::once_lock::OnceLock<T>::get_or_init::{{closure}}",
                "<std::sync::once_lock::OnceLock<std::thread::JoinHandle<()>>>::get_or_init::<rel::stay>::{closure#0}",
                "std::sync::once_lock::OnceLock::get_or_init::{{closure}}",
            ),
            (
                "<std::sync::lazy_lock::LazyLock<T,F> as core::ops::deref::Deref>::deref",
                "<std::sync::lazy_lock::LazyLock<u8, fn() -> u8> as core::ops::deref::Deref>::deref",
                "<std::sync::lazy_lock::LazyLock as core::ops::deref::Deref>::deref",
            ),
            (
                "blocking::Executor::grow_pool::h0123456789abcdef",
                "<blocking[48a9b2e1c0d5f7aa]::Executor>::grow_pool",
                "blocking::Executor::grow_pool",
            ),
            ("rel::clean_once::{{closure}}", "rel::clean_once::{closure#0}", "rel::clean_once::{{closure}}"),
            (
                "core::ops::function::FnOnce::call_once{{vtable.shim}}",
                "core::ops::function::FnOnce::call_once::{shim:vtable#0}",
                "core::ops::function::FnOnce::call_once",
            ),
            (
                "core::ptr::drop_in_place<tokio::runtime::runtime::Runtime>",
                "core::ptr::drop_in_place::<tokio::runtime::runtime::Runtime>",
                "core::ptr::drop_in_place",
            ),
            (
                "alloc::slice::<impl alloc::borrow::ToOwned for [T]>::to_owned",
                "<[u8] as alloc::borrow::ToOwned>::to_owned",
                "<[T] as alloc::borrow::ToOwned>::to_owned",
            ),
            ("a::b::<impl a::D<T>>::e", "<a::D<u8>>::e", "a::D::e"),
            ("run<fn(u8) -> u8, u8>", "run::<fn(u8) -> u8, u8>", "run"),
            ("{async_fn#0}<app::T>", "{async_block#1}", "{{closure}}"),
            ("start_thread", "start_thread", "start_thread"),
            ("", "", ""),
        ] {
            assert_eq!(plain(legacy), expected, "{legacy}");
            // Only v0 has the type itself here; the legacy mangling has a type parameter.
            assert_eq!(plain(v0).replace("<[u8] as", "<[T] as"), expected, "{v0}");
            assert_eq!(plain(expected), expected, "a plain name does not change");
        }
    }

    #[test]
    fn malformed_names_do_not_panic() {
        for name in [
            "<",
            "<a",
            "a<",
            "a::<b",
            "{",
            "{a",
            "a[",
            "a[0123abcd",
            "->",
            "<<a>",
            "a>b",
            "<a as>::b",
            "ä<ö>",
        ] {
            let _ = plain(name);
        }
        assert_eq!(plain("operator<"), "operator<");
        assert_eq!(plain("ns::List<int>::push(int const&)"), "ns::List::push(int const&)");
    }
}
