//! The first line of a script: which program reads it.

use std::path::{Path, PathBuf};

use super::program;

/// Longest first line that the kernel reads.
const LINE: usize = 256;

/// The program that the system starts for a file that begins with these bytes, if it is a script. Behind
/// `env` it is the one that `env` finds.
pub(super) fn interpreter(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?;
    let line = line.get(..LINE.min(line.len()))?.split(|it| *it == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let interpreter = words.next()?;
    if Path::new(interpreter).file_name().is_some_and(|it| it == "env") {
        let is_program = |it: &&str| !it.starts_with('-') && !it.contains('=');
        if let Some(found) = words.find(is_program).and_then(|it| program::find(it.as_ref()).ok()) {
            return Some(found);
        }
    }
    Some(PathBuf::from(interpreter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_interpreter() {
        let named = |line: &str| interpreter(line.as_bytes()).map(|it| it.display().to_string());
        assert_eq!(named("#!/bin/sh\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(named("#! /bin/sh -e\n").as_deref(), Some("/bin/sh"));
        assert_eq!(named("#!/usr/bin/env no-such-program-anywhere\n").as_deref(), Some("/usr/bin/env"));
        assert!(named("#!/usr/bin/env -S A=b sh -e\n").is_some_and(|it| it.ends_with("/sh")));
        assert_eq!((named("echo"), named("#!\n"), named("\x7fELF")), (None, None, None));
    }
}
