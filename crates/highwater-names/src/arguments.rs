//! Adds type arguments to function names whose linker names do not have them.
//!
//! Rust's legacy mangling writes `alloc::vec::Vec<T,A>::push` for every vector. Debug information has the
//! arguments without the path: `push<demo::Session, alloc::alloc::Global>`. Together they give
//! `alloc::vec::Vec<demo::Session>::push`, which is also the name in the v0 mangling.

use crate::brackets::{self, closing, segments};
use crate::spelling::tidy;

/// The name of a function with its arguments. `path` is its demangled linker name without hash, and
/// `described` the name in debug information, which has no path. `parameters` are what the type parameters of
/// the function and of what it is in are called, in the order of the arguments; none where debug information
/// is for lines only. `None` where the two names do not fit together, or there is nothing to add.
pub fn with_arguments(path: &str, described: &str, parameters: &[String]) -> Option<String> {
    let (base, arguments) = split_arguments(described)?;
    let mut segments = segments(path);
    let closure = base.starts_with("{closure#");
    let last = segments.pop()?;
    if last != base && !(closure && last == "{{closure}}") {
        return None;
    }
    // A closure has the arguments of its enclosing function.
    let mut closures = vec![if closure { base } else { last }];
    while closure && segments.last().is_some_and(|it| *it == "{{closure}}") {
        segments.pop();
        closures.push("{closure}");
    }
    let function = if closure { segments.pop()? } else { closures.pop()? };
    let owner = segments.join("::");
    let (owner, own) = match substitution(&owner, &arguments, parameters) {
        Some((known, own)) => (substitute(&owner, &known), own),
        None => (owner, arguments.iter().map(|it| it.to_string()).collect()),
    };
    let mut name = if owner.is_empty() { String::new() } else { format!("{owner}::") };
    name.push_str(function);
    let own: Vec<String> = own.into_iter().map(|it| readable(&it)).collect();
    if !own.is_empty() {
        name.push_str(&format!("::<{}>", own.join(", ")));
    }
    for closure in closures.iter().rev() {
        name.push_str(&format!("::{closure}"));
    }
    Some(tidy(&name))
}

/// Splits `push<demo::Session, u8>` into `push` and two arguments.
fn split_arguments(name: &str) -> Option<(&str, Vec<&str>)> {
    let Some(open) = name.find('<').filter(|&open| open > 0 && name.ends_with('>')) else {
        return name.starts_with("{closure#").then(|| (name, Vec::new()));
    };
    let arguments = brackets::arguments(&name[open + 1..name.len() - 1])?;
    Some((&name[..open], arguments))
}

/// Parameters and what they stand for, and the arguments of the function itself.
type Substitution<'a> = (Vec<(&'a str, String)>, Vec<String>);

/// The argument for each parameter in `owner`, and the remaining ones, which are the function's own. `None`
/// if this is not certain.
fn substitution<'a>(owner: &'a str, arguments: &[&str], parameters: &[String]) -> Option<Substitution<'a>> {
    let used = parameters_in(owner);
    let is_const = |it: &&str| {
        it.starts_with(|it: char| it.is_ascii_digit() || matches!(it, '-' | '\'' | '{'))
            || matches!(*it, "true" | "false")
    };
    let types: Vec<&str> = arguments.iter().copied().filter(|it| !is_const(it)).collect();
    let constants: Vec<&str> = arguments.iter().copied().filter(is_const).collect();
    if !parameters.is_empty() && parameters.len() == types.len() {
        let value = |name: &str| parameters.iter().position(|it| it == name).map(|at| types[at].to_owned());
        let mut known: Vec<(&str, String)> = Vec::new();
        let mut others = constants.iter();
        for &name in &used {
            // A name that is no type parameter is a constant; constants are in the same order.
            if let Some(value) = value(name).or_else(|| others.next().map(|it| (*it).to_owned())) {
                known.push((name, value));
            }
        }
        let own = parameters.iter().zip(&types).filter(|(name, _)| !used.contains(&name.as_str()));
        let own = own.map(|(_, it)| (*it).to_owned()).chain(others.map(|it| (*it).to_owned()));
        return Some((known, own.collect()));
    }
    // Without the parameters' names, only the order is known. It is the order of the type's own parameters,
    // except in trait implementations, where any order is possible.
    if used.len() > arguments.len() || owner.starts_with('<') && used.len() > 1 {
        return None;
    }
    let (of_owner, own) = arguments.split_at(used.len());
    let known = used.into_iter().zip(of_owner.iter().map(|it| (*it).to_owned())).collect();
    Some((known, own.iter().map(|it| (*it).to_owned()).collect()))
}

/// The words in a text that may be type parameters: inside brackets, and not part of a path.
fn parameters_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    each_word(text, |word, is_alone| {
        if is_alone && !found.contains(&word) {
            found.push(word);
        }
    });
    found
}

fn substitute(text: &str, known: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    each_word(text, |word, is_alone| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        if let Some((_, value)) = known.iter().find(|it| is_alone && it.0 == word) {
            out.push_str(&spaced(&text[from..at]));
            out.push_str(&readable(value));
            from = at + word.len();
        }
    });
    out.push_str(&spaced(&text[from..]));
    out
}

/// The legacy mangling has no space after a comma.
fn spaced(text: &str) -> String {
    text.replace(", ", ",").replace(',', ", ")
}

/// Calls `visit` with every word, and with whether it may be a type parameter.
fn each_word<'a>(text: &'a str, mut visit: impl FnMut(&'a str, bool)) {
    const WORDS: [&str; 24] = [
        "Self", "as", "bool", "char", "const", "dyn", "f32", "f64", "fn", "for", "i128", "i16", "i32", "i64",
        "i8", "impl", "isize", "mut", "str", "u128", "u16", "u32", "u64", "u8",
    ];
    let is_word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth = depth.saturating_sub(1),
            byte if is_word(byte) => {
                let end = bytes[at..].iter().position(|&it| !is_word(it)).map_or(bytes.len(), |it| at + it);
                let word = &text[at..end];
                let before = &text[..at];
                let is_alone = depth > 0
                    && !before.ends_with("::")
                    && !before.ends_with('\'')
                    && !text[end..].starts_with("::")
                    && !text[end..].starts_with('<')
                    && word != "usize"
                    && !byte.is_ascii_digit()
                    && WORDS.binary_search(&word).is_err();
                visit(word, is_alone);
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// A type from debug information in the spelling of names: `a::f::{closure_env#0}<T>` is
/// `a::f<T>::{closure#0}`.
fn readable(of: &str) -> String {
    let mut out = of.to_owned();
    for kind in ["{closure_env#", "{async_fn_env#", "{async_block_env#"] {
        while let Some(at) = out.find(kind) {
            let rest = out.split_off(at);
            let rest = &rest[kind.len()..];
            let Some((number, behind)) = rest.split_once('}') else {
                out.push_str(rest);
                break;
            };
            let arguments = behind.strip_prefix('<').and_then(closing);
            let split = arguments.map_or(0, |end| end + 2);
            let (arguments, behind) = behind.split_at(split);
            let has_path = out.ends_with("::");
            if has_path {
                out.truncate(out.len() - 2);
            }
            out.push_str(arguments);
            if has_path {
                out.push_str("::");
            }
            out.push_str(&format!("{{closure#{number}}}"));
            out.push_str(behind);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, name: &str, parameters: &[&str]) -> Option<String> {
        let parameters: Vec<String> = parameters.iter().map(|it| (*it).to_owned()).collect();
        with_arguments(path, name, &parameters)
    }

    #[test]
    fn arguments_replace_parameters() {
        let cases: [(&str, &str, &[&str], &str); 11] = [
            (
                "alloc::vec::Vec<T,A>::push",
                "push<demo::Session, alloc::alloc::Global>",
                &["T", "A"],
                "alloc::vec::Vec<demo::Session>::push",
            ),
            // The parameters' names decide, not the order.
            (
                "<demo::W<V> as demo::Tr<K>>::go",
                "go<&str, u8>",
                &["K", "V"],
                "<demo::W<u8> as demo::Tr<&str>>::go",
            ),
            ("demo::W<T>::wrap", "wrap<u8, i64>", &["T", "U"], "demo::W<u8>::wrap::<i64>"),
            ("demo::sum", "sum<demo::Session, 2>", &["T"], "demo::sum::<demo::Session, 2>"),
            ("demo::Ring<T,N>::push", "push<u8, 16>", &["T"], "demo::Ring<u8, 16>::push"),
            (
                "demo::sum::{{closure}}::{{closure}}",
                "{closure#1}<demo::Session, 2>",
                &["T"],
                "demo::sum::<demo::Session, 2>::{closure}::{closure#1}",
            ),
            ("demo::main::{{closure}}", "{closure#3}", &[], "demo::main::{closure#3}"),
            ("alloc::slice::<impl [T]>::to_vec", "to_vec<u8>", &["T"], "<[u8]>::to_vec"),
            (
                "alloc::str::<impl alloc::borrow::ToOwned for str>::to_owned",
                "to_owned<u8>",
                &["T"],
                "<str as alloc::borrow::ToOwned>::to_owned::<u8>",
            ),
            (
                "hashbrown::raw::RawTable<T,A>::reserve",
                "reserve<(u8, g::Session), alloc::alloc::Global, m::make::{closure_env#0}<u8>>",
                &["T", "A", "impl Fn"],
                "hashbrown::raw::RawTable<(u8, g::Session)>::reserve::<m::make<u8>::{closure#0}>",
            ),
            (
                "<T as core::convert::Into<U>>::into",
                "into<&str, alloc::string::String>",
                &["T", "U"],
                "<&str as core::convert::Into<alloc::string::String>>::into",
            ),
        ];
        for (path, name, parameters, expected) in cases {
            assert_eq!(named(path, name, parameters).as_deref(), Some(expected), "{path} {name}");
        }
    }

    #[test]
    fn without_parameter_names_only_certain_arguments_are_added() {
        let cases = [
            ("alloc::vec::Vec<T,A>::push", "push<u8, alloc::alloc::Global>", "alloc::vec::Vec<u8>::push"),
            (
                "<demo::W<V> as demo::Tr<K>>::go",
                "go<&str, u8>",
                "<demo::W<V> as demo::Tr<K>>::go::<&str, u8>",
            ),
            (
                "<demo::W<V> as core::ops::drop::Drop>::drop",
                "drop<u8>",
                "<demo::W<u8> as core::ops::drop::Drop>::drop",
            ),
        ];
        for (path, name, expected) in cases {
            assert_eq!(named(path, name, &[]).as_deref(), Some(expected), "{path} {name}");
        }
    }

    #[test]
    fn names_that_do_not_fit_are_unchanged() {
        for (path, name) in [
            ("demo::main", "main"),
            ("demo::f", "g<u8>"),
            ("core::ops::function::FnOnce::call_once{{vtable.shim}}", "call_once<u8>"),
            ("demo::f", "f<u8"),
            ("demo::f", "f<u8>>"),
            ("", "<>"),
        ] {
            assert_eq!(named(path, name, &[]), None, "{path} {name}");
        }
    }
}
