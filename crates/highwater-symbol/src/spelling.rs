//! One common spelling for names of both Rust manglings.

/// A name in the spelling that both manglings share: without brackets around a type with methods, and without
/// default arguments.
pub(crate) fn tidy(name: &str) -> String {
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
        && !top_level(of).contains(' ');
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
    let implements = top_level(of).find(" for ").map(|_| of.split_once(" for ")).unwrap_or_default();
    Some(match implements {
        Some((implements, of)) => format!("<{of} as {implements}>{rest}"),
        None => format!("<{of}>{rest}"),
    })
}

/// `text` without its bracketed parts, so that only the outer level remains.
fn top_level(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(letter),
            _ => {}
        }
    }
    out
}

/// Position of the `>` that closes the bracket whose content `inner` begins with.
pub(crate) fn closing(inner: &str) -> Option<usize> {
    let (mut depth, mut before) = (0_usize, b' ');
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if before == b'-' => {}
            b'>' if depth == 0 => return Some(at),
            b'>' => depth -= 1,
            _ => {}
        }
        before = byte;
    }
    None
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
