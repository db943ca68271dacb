//! Linker names to names for people.

use cpp_demangle::{DemangleOptions, Symbol};
use highwater_names::spelling::tidy;
use highwater_profile::BoundedText;

/// A demangled name longer than this is not shown: a short hostile name can stand for one without end.
const MAX_NAME_BYTES: usize = 64 << 10;

/// The name as in the source, without the hash or crate disambiguators that differ between builds. Names that
/// are neither Rust's nor C++'s stay unchanged, and so do names that are damaged or far too long.
pub(crate) fn demangle(linker_name: &str) -> String {
    rust(linker_name).or_else(|| cpp(linker_name)).unwrap_or_else(|| linker_name.to_owned())
}

/// Whether the name is mangled, so that it contains the function's whole path.
pub(crate) fn is_mangled(linker_name: &str) -> bool {
    rustc_demangle::try_demangle(linker_name).is_ok() || parse_cpp(linker_name).is_some()
}

/// The path in a name of Rust's legacy mangling, which has no type arguments.
pub(crate) fn legacy(linker_name: &str) -> Option<String> {
    let is_legacy = linker_name.trim_start_matches('_').starts_with("ZN");
    is_legacy.then(|| rust(linker_name)).flatten()
}

fn rust(linker_name: &str) -> Option<String> {
    let name = rustc_demangle::try_demangle(linker_name).ok()?;
    let mut out = BoundedText::new(MAX_NAME_BYTES);
    std::fmt::write(&mut out, format_args!("{name:#}")).ok()?;
    Some(tidy(&out.into_string()))
}

fn cpp(linker_name: &str) -> Option<String> {
    let symbol = parse_cpp(linker_name)?;
    let mut out = BoundedText::new(MAX_NAME_BYTES);
    symbol.structured_demangle(&mut out, &DemangleOptions::default()).ok()?;
    Some(out.into_string())
}

fn parse_cpp(linker_name: &str) -> Option<Symbol<&str>> {
    // The demangler would parse any text as a type; only names with the prefix are mangled.
    linker_name.starts_with("_Z").then(|| Symbol::new(linker_name).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rust_manglings_lose_their_hashes() {
        assert_eq!(
            demangle("_ZN5alloc7raw_vec11finish_grow17h0123456789abcdefE"),
            "alloc::raw_vec::finish_grow"
        );
        assert_eq!(demangle("_RNvCs15kBYyAo9fc_7mycrate7example"), "mycrate::example");
        assert_eq!(demangle("malloc"), "malloc");
        assert!(!is_mangled("malloc"));
    }

    #[test]
    fn cpp_names_are_spelled_with_their_arguments() {
        assert_eq!(demangle("_ZN4demo5Index3addEPKcj"), "demo::Index::add(char const*, unsigned int)");
        assert!(is_mangled("_ZN4demo5Index3addEPKcj"));
        // Not a C++ name, although it could be parsed as a type.
        assert_eq!(demangle("i"), "i");
        assert_eq!(demangle("_Znonsense"), "_Znonsense");
    }

    #[test]
    fn an_endless_name_is_unchanged() {
        // Each argument is a pair of the previous one, and so twice as long.
        let mut name = "_Z1fSt4pairIiiE".to_owned();
        for digit in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars() {
            name.push_str(&format!("S_IS{digit}_S{digit}_E"));
            if digit == '1' {
                assert!(demangle(&name).ends_with("std::pair<int, int> > >)"), "{}", demangle(&name));
            }
        }
        assert!(is_mangled(&name));
        assert_eq!(demangle(&name), name);
        let nested = format!("_Z1f{}i", "P".repeat(100_000));
        assert_eq!(demangle(&nested), nested);
    }
}
