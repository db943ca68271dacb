//! The name and the version of a package, from the name of the directory into which cargo unpacks it.

use std::borrow::Cow;

/// A package of Rust code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    /// Its name, as its directory has it: `md-5`.
    pub name: &'a str,
    /// Its version, where the directory has one: `0.10.6`.
    pub version: Option<&'a str>,
}

impl<'a> Package<'a> {
    /// The package in a directory of this name.
    pub(crate) fn of(directory: &'a str) -> Self {
        let (name, version) =
            name_and_version(directory).map_or((directory, None), |(name, version)| (name, Some(version)));
        Self { name, version }
    }

    /// The name of its crate in paths of code: `md_5`.
    pub fn crate_name(self) -> Cow<'a, str> {
        if self.name.contains('-') {
            Cow::Owned(self.name.replace('-', "_"))
        } else {
            Cow::Borrowed(self.name)
        }
    }
}

/// Splits `md-5-0.10.6` into `md-5` and `0.10.6`. A name may have digits behind a hyphen, too; a version has
/// three numbers and may have more behind a hyphen or a plus sign. `None` for a directory without one, such
/// as `my-crate` or `index-1949cf8c6b5b557f`.
pub fn name_and_version(directory: &str) -> Option<(&str, &str)> {
    let mut cuts = directory.match_indices('-').map(|(at, _)| (&directory[..at], &directory[at + 1..]));
    cuts.find(|(name, version)| !name.is_empty() && is_version(version))
}

/// Whether the text is a version that cargo accepts: `1.2.3`, `1.2.3-beta.1`, `1.2.3+build`.
fn is_version(text: &str) -> bool {
    let (text, build) = split(text, '+');
    let (numbers, before) = split(text, '-');
    let mut parts = numbers.split('.');
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let has_three = (0..3).all(|_| parts.next().is_some_and(is_number)) && parts.next().is_none();
    has_three && [before, build].into_iter().flatten().all(are_identifiers)
}

/// The text before a sign, and the text after it if the sign is there.
fn split(text: &str, sign: char) -> (&str, Option<&str>) {
    text.split_once(sign).map_or((text, None), |(text, rest)| (text, Some(rest)))
}

fn are_identifiers(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.').all(|it| !it.is_empty() && it.bytes().all(is_sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_separated() {
        for (directory, expected) in [
            ("tokio-1.54.1", Some(("tokio", "1.54.1"))),
            ("md-5-0.10.6", Some(("md-5", "0.10.6"))),
            ("x-2-y-0.1.0-beta.1", Some(("x-2-y", "0.1.0-beta.1"))),
            ("zstd-sys-2.0.16+zstd.1.5.7", Some(("zstd-sys", "2.0.16+zstd.1.5.7"))),
            ("a-1.0.0-rc-2", Some(("a", "1.0.0-rc-2"))),
            ("base64-0.22.1", Some(("base64", "0.22.1"))),
            ("md-5", None),
            ("md-5-0.10", None),
            ("a-1.2.3.4", None),
            ("a-1..3", None),
            ("a-1.2.3-", None),
            ("index.crates.io-1949cf8c6b5b557f", None),
            ("-1.2.3", None),
            ("", None),
        ] {
            assert_eq!(name_and_version(directory), expected, "{directory}");
        }
    }
}
