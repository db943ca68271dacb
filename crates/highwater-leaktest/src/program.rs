//! The name of the test program, as rules, reports and the baseline have it.

use std::env;
use std::sync::LazyLock;

/// File name of the program, without the hash that cargo appends.
pub(crate) fn name() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let path = env::current_exe().unwrap_or_default();
        without_hash(&path.file_stem().unwrap_or_default().to_string_lossy()).to_owned()
    });
    &PROGRAM
}

fn without_hash(name: &str) -> &str {
    let is_hash = |it: &str| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_without_its_hash() {
        assert_eq!(without_hash("reader-0123456789abcdef"), "reader");
        assert_eq!(without_hash("line-reader"), "line-reader");
        assert_eq!(without_hash("reader"), "reader");
    }
}
