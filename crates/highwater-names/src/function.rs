//! What a function's name says about the crate whose code it is.
//!
//! Names come from two mangling schemes (`alloc::vec::Vec<T,A>::push`, `<alloc::vec::Vec<u8>>::push`), and
//! from debug information that gives inlined functions without any path (`push<u8>`, `{closure#0}`).

use crate::brackets::{closing, split_words};

/// Whose function a name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A path that begins with this crate.
    Path(&'a str),
    /// A method of a type, with the crates of the type and of the trait as far as they are named. Type
    /// parameters, references to them and primitive types name none.
    Impl {
        /// Crate of the type.
        of: Option<&'a str>,
        /// Crate of the trait.
        implements: Option<&'a str>,
    },
    /// A name without a path: of another language, or cut short by the debug information.
    Bare,
}

/// Whose function `name` is.
pub fn owner(name: &str) -> Owner<'_> {
    if name.starts_with('<') {
        let (of, implements) = split_qualified(name);
        return Owner::Impl { of: crate_of_type(of), implements: implements.and_then(crate_of_type) };
    }
    path_head(name).map_or(Owner::Bare, Owner::Path)
}

/// `name` without the hash that one of the mangling schemes ends it with (`::h` and 16 hexadecimal digits).
pub fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// The path that decides which item a function is: of a method its type's, else its own.
pub fn item_path(name: &str) -> &str {
    if name.starts_with('<') { strip_modifiers(split_qualified(name).0) } else { name }
}

/// The function's own name, without path and type arguments: `new` of `a::B::new::<C>`.
pub fn own_name(function: &str) -> &str {
    let mut depth = 0_usize;
    let mut begin = 0;
    let mut end = None;
    let bytes = function.as_bytes();
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => {
                if depth == 0 {
                    end = Some(place);
                }
                depth += 1;
            }
            // The arrow of a function's type closes nothing.
            b'>' if place == 0 || bytes[place - 1] != b'-' => depth = depth.saturating_sub(1),
            b':' if depth == 0
                && bytes.get(place + 1) != Some(&b':')
                && bytes.get(place + 1) != Some(&b'<') =>
            {
                (begin, end) = (place + 1, None);
            }
            _ => {}
        }
    }
    let name = function.get(begin..end.filter(|it| *it >= begin).unwrap_or(bytes.len()));
    name.unwrap_or(function).trim_end_matches(':')
}

/// Splits `<Type as Trait>::f` (or `<Type>::f`) into the type and the trait.
pub(crate) fn split_qualified(name: &str) -> (&str, Option<&str>) {
    let inner = name.strip_prefix('<').unwrap_or(name);
    let Some(inside) = closing(inner).map(|end| &inner[..end]) else { return (inner, None) };
    match split_words(inside, " as ") {
        Some((of, implements)) => (of, Some(implements)),
        None => (inside, None),
    }
}

/// Strips what may stand in front of the path in a type: references, pointers, `dyn`, the `<` of a
/// projection.
fn strip_modifiers(mut text: &str) -> &str {
    const MODIFIERS: [&str; 9] = ["&", "*", "<", " ", "mut ", "const ", "dyn ", "impl ", "for<"];
    loop {
        if let Some(rest) = MODIFIERS.iter().find_map(|it| text.strip_prefix(it)) {
            text = rest;
        } else if let Some((_, rest)) = text.strip_prefix('\'').and_then(|it| it.split_once([' ', '>'])) {
            text = rest;
        } else {
            return text;
        }
    }
}

fn crate_of_type(text: &str) -> Option<&str> {
    path_head(strip_modifiers(text))
}

/// The first segment of a path, if `text` begins with a path of several.
pub(crate) fn path_head(text: &str) -> Option<&str> {
    let end = text.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'))?;
    let (head, mut rest) = text.split_at(end);
    // Verbose names carry the crate's disambiguator: `demo[1f2e]::f`.
    if let Some((_, behind)) = rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
        rest = behind;
    }
    let is_identifier = head.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    (is_identifier && rest.starts_with("::")).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(of: &'static str, implements: &'static str) -> Owner<'static> {
        let named = |name: &'static str| (!name.is_empty()).then_some(name);
        Owner::Impl { of: named(of), implements: named(implements) }
    }

    #[test]
    fn owners_of_names_of_both_manglings() {
        let cases = [
            ("alloc::raw_vec::RawVecInner<A>::finish_grow", Owner::Path("alloc")),
            ("codeindex::index::Index::add::{{closure}}", Owner::Path("codeindex")),
            ("codeindex[8f1c]::index::add", Owner::Path("codeindex")),
            ("alloc::slice::<impl [T]>::to_vec", Owner::Path("alloc")),
            (
                "<alloc::vec::Vec<T,A> as core::iter::traits::collect::FromIterator<T>>::from_iter",
                of("alloc", "core"),
            ),
            ("<codeindex::Cache as core::fmt::Debug>::fmt", of("codeindex", "core")),
            ("<codeindex::Cache>::get", of("codeindex", "")),
            ("<flate2::gz::read::GzDecoder<R> as std::io::Read>::read", of("flate2", "std")),
            ("<T as alloc::string::ToString>::to_string", of("", "alloc")),
            ("<&'a mut codeindex::Cache as core::fmt::Debug>::fmt", of("codeindex", "core")),
            ("<&T as core::fmt::Debug>::fmt", of("", "core")),
            ("<dyn codeindex::Visit as core::any::Any>::type_id", of("codeindex", "core")),
            ("<<a::B as c::D>::E as f::G>::h", of("a", "f")),
            ("<fn(u8) -> alloc::string::String as demo::Call>::call", of("", "demo")),
            ("<[T; 4] as demo::Call>::call", of("", "demo")),
            ("<[T]>::to_vec", of("", "")),
            ("push<u8, alloc::alloc::Global>", Owner::Bare),
            ("{closure#0}", Owner::Bare),
            ("malloc", Owner::Bare),
            ("operator new(unsigned long)", Owner::Bare),
            ("", Owner::Bare),
            ("<", of("", "")),
            ("<é as ü", of("", "")),
        ];
        for (name, expected) in cases {
            assert_eq!(owner(name), expected, "{name}");
        }
    }

    #[test]
    fn own_names_are_the_last_part() {
        for (function, expected) in [
            ("tokio::runtime::task::core::Cell<T,S>::new", "new"),
            ("new<app::work::{async_fn_env#0}, alloc::sync::Arc<tokio::Handle>>", "new"),
            ("<tokio::runtime::task::core::Cell<app::F, app::S>>::new", "new"),
            ("tokio::task::spawn::spawn::<app::work::{closure#0}>", "spawn"),
            ("spawn<fn() -> core::option::Option<app::T>>", "spawn"),
            ("__rust_alloc", "__rust_alloc"),
            ("{closure#0}<app::T>", "{closure#0}"),
            ("a::b::{{closure}}", "{{closure}}"),
            ("a::Client::connect::<b::C<d::E>>", "connect"),
            ("<a::B as c::D<e::F>>::build", "build"),
            ("core::ptr::drop_in_place<alloc::vec::Vec<u8>>", "drop_in_place"),
            ("a<<b>>", "a"),
            ("<", ""),
            (">", ">"),
            ("", ""),
        ] {
            assert_eq!(own_name(function), expected, "{function}");
        }
    }

    #[test]
    fn hashes_and_arguments_are_stripped() {
        assert_eq!(without_hash("demo::main::h0123456789abcdef"), "demo::main");
        assert_eq!(without_hash("demo::main::harness"), "demo::main::harness");
        assert_eq!(own_name("demo::_::__rg_alloc"), "__rg_alloc");
        assert_eq!(own_name("__rust_alloc"), "__rust_alloc");
        assert_eq!(
            item_path("<&alloc::alloc::Global as core::alloc::Allocator>::allocate"),
            "alloc::alloc::Global"
        );
    }
}
