//! Linker names to names for people.

/// The name as the source spells it, without the hash or crate disambiguators that differ from build to build.
/// Names that are not Rust's stay as they are.
pub(crate) fn demangle(linker_name: &str) -> String {
    match rustc_demangle::try_demangle(linker_name) {
        Ok(name) => format!("{name:#}"),
        Err(_) => linker_name.to_owned(),
    }
}

/// Whether the name is one that the Rust compiler mangled, so that it holds the whole path of the function.
pub(crate) fn is_rust(linker_name: &str) -> bool {
    rustc_demangle::try_demangle(linker_name).is_ok()
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
        assert!(!is_rust("malloc"));
    }
}
