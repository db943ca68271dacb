//! What a function's name says about the crate whose code it is.
//!
//! Names come from two mangling schemes (`alloc::vec::Vec<T,A>::push`, `<alloc::vec::Vec<u8>>::push`), and from debug
//! information that gives inlined functions without any path (`push<u8>`, `{closure#0}`).

/// Whose function a name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// A path that begins with this crate.
    Path(&'a str),
    /// A method of a type, with the crates of the type and of the trait as far as they are named. Type parameters,
    /// references to them and primitive types name none.
    Impl { of: Option<&'a str>, implements: Option<&'a str> },
    /// A name without a path: of another language, or cut short by the debug information.
    Bare,
}

/// Whose function `name` is.
pub(crate) fn owner(name: &str) -> Owner<'_> {
    if name.starts_with('<') {
        let (of, implements) = split_qualified(name);
        return Owner::Impl { of: crate_of_type(of), implements: implements.and_then(crate_of_type) };
    }
    path_head(name).map_or(Owner::Bare, Owner::Path)
}

/// `name` without the hash that one of the mangling schemes ends it with (`::h` and 16 hexadecimal digits).
pub(crate) fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// The path that decides which item a function is: of a method its type's, else its own.
pub(crate) fn item_path(name: &str) -> &str {
    if name.starts_with('<') { strip_modifiers(split_qualified(name).0) } else { name }
}

/// The last segment of a path, without type arguments.
pub(crate) fn last_segment(name: &str) -> &str {
    let segment = name.rsplit("::").next().unwrap_or(name);
    segment.split('<').next().unwrap_or(segment)
}

/// `name` without type arguments and numbers of closures, as far as it says that it has them: what all instances of a generic
/// function are called, in either mangling and with or without debug information.
pub(crate) fn without_arguments(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        let behind = |byte: &str| rest.strip_prefix(byte);
        if next == '<' && begins_arguments(&out, rest) {
            let inner = &rest[1..];
            let end = closing(inner);
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

/// Whether the `<` at the beginning of `rest`, behind `before`, begins arguments, and not a type in front of `::`.
fn begins_arguments(before: &str, rest: &str) -> bool {
    let turbofish = before.ends_with("::") && !rest.starts_with("<impl ");
    let named = before.ends_with(|it: char| it.is_alphanumeric() || matches!(it, '_' | '}'));
    // In C++ it may be the name of an operator.
    turbofish || named && !before.ends_with("operator")
}

/// Position of the `>` that closes what `inner` is the beginning of; its end when there is none.
fn closing(inner: &str) -> usize {
    let (mut depth, mut previous) = (0usize, b' ');
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            // The arrow of a function type closes nothing.
            b'>' if previous == b'-' => {}
            b'>' if depth == 0 => return at,
            b'>' => depth -= 1,
            _ => {}
        }
        previous = byte;
    }
    inner.len()
}

/// Splits `<Type as Trait>::f` (or `<Type>::f`) into the type and the trait.
fn split_qualified(name: &str) -> (&str, Option<&str>) {
    let inner = name.strip_prefix('<').unwrap_or(name);
    let mut depth = 0usize;
    let mut of = None;
    let mut previous = b' ';
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            // The arrow of a function type closes nothing.
            b'>' if previous == b'-' => {}
            b'>' if depth == 0 => {
                return match of {
                    None => (&inner[..at], None),
                    Some(end) => (&inner[..end], inner.get(end + " as ".len()..at)),
                };
            }
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && of.is_none() && inner[at..].starts_with(" as ") => of = Some(at),
            _ => {}
        }
        previous = byte;
    }
    (inner, None)
}

/// Strips what may stand in front of the path in a type: references, pointers, `dyn`, the `<` of a projection.
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
fn path_head(text: &str) -> Option<&str> {
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

    #[test]
    fn hashes_and_arguments_are_stripped() {
        assert_eq!(without_hash("demo::main::h0123456789abcdef"), "demo::main");
        assert_eq!(without_hash("demo::main::harness"), "demo::main::harness");
        assert_eq!(last_segment("demo::_::__rg_alloc"), "__rg_alloc");
        assert_eq!(last_segment("__rust_alloc"), "__rust_alloc");
        assert_eq!(
            item_path("<&alloc::alloc::Global as core::alloc::Allocator>::allocate"),
            "alloc::alloc::Global"
        );
    }
}
