//! What is asked for.

use highwater_recorder::parse_size;

/// The limits that a test sets itself, each of them only if it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most blocks that may be allocated. A block that is reallocated counts once more.
    pub max_blocks: Option<u64>,
    /// The most bytes that may be allocated.
    pub max_bytes: Option<u64>,
    /// The most bytes that may be live at once.
    pub max_peak_bytes: Option<u64>,
    /// Whether no block may stay.
    pub denies_blocks: bool,
}

impl Limits {
    /// Whether there is one.
    pub(crate) fn is_any(self) -> bool {
        self != Self::default()
    }
}

/// A number of bytes such as `4KiB`, for the attribute.
///
/// # Panics
/// When it is none; in a constant that is an error of compilation.
pub const fn size(text: &str) -> u64 {
    match parse_size(text.as_bytes()) {
        Some(bytes) => bytes,
        None => panic!("write a size as a number with a unit: \"512B\", \"4KiB\", \"1MiB\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!([size("7"), size("7B"), size("4KiB"), size("1MiB")], [7, 7, 4096, 1 << 20]);
        assert!(std::panic::catch_unwind(|| size("4kb")).is_err());
    }

    #[test]
    fn one_limit_is_enough() {
        assert!(!Limits::default().is_any());
        assert!(Limits { max_blocks: Some(0), ..Limits::default() }.is_any());
        assert!(Limits { denies_blocks: true, ..Limits::default() }.is_any());
    }
}
