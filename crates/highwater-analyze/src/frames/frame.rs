//! One frame of a stack as a reader sees it.

use highwater_names::source;
use serde::Serialize;

/// The name of what has no name.
pub(crate) const UNKNOWN: &str = "[unknown]";

/// One frame of a stack: a source position when it is known, an address in a module otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Frame {
    /// The function, without the compiler's hash.
    pub function: Option<String>,
    /// Path of the source file as the debug information gives it.
    pub file: Option<String>,
    /// Line in the file, from 1.
    pub line: Option<i64>,
    /// Path of the program or shared library.
    pub module: Option<String>,
    /// Build id of the module in lower-case hexadecimal.
    pub build_id: Option<String>,
    /// Offset of `address` in the module's file.
    pub module_offset: Option<u64>,
    /// Address in the process that was recorded; 0 when the file does not say.
    pub address: u64,
    /// The crate, as it is spelt in paths of Rust code.
    pub crate_name: Option<String>,
    /// The compiler inlined this function into the next frame's.
    pub inlined: bool,
}

impl Frame {
    /// The frame in one line: `src/index.rs:88 codeindex::index::Index::add`, or `libfoo.so+0x1234` when the function
    /// is not known.
    pub fn label(&self) -> String {
        match (&self.function, self.position()) {
            (Some(function), Some(position)) => format!("{position} {function}"),
            (Some(function), None) => function.clone(),
            (None, Some(position)) => position,
            (None, None) => match (self.short_module(), self.module_offset) {
                (Some(module), Some(offset)) => format!("{module}+{offset:#x}"),
                (Some(module), None) => module.to_owned(),
                // The recorder could not tell its path; the build id is a name as good.
                (None, Some(offset)) if self.build_id.is_some() => {
                    let id = self.build_id.as_deref().unwrap_or_default();
                    format!("[build {}]+{offset:#x}", id.get(..8).unwrap_or(id))
                }
                (None, _) if self.address != 0 => format!("{:#x}", self.address),
                (None, _) => UNKNOWN.to_owned(),
            },
        }
    }

    /// The source file as labels show it: from the crate's directory on in a registry, from `library/` on in
    /// the toolchain, else as it is.
    pub fn short_file(&self) -> Option<&str> {
        self.file.as_deref().map(source::short)
    }

    /// The file name of the module.
    pub fn short_module(&self) -> Option<&str> {
        self.module.as_deref().map(source::file_name)
    }

    /// `path:line`, as far as it is known.
    fn position(&self) -> Option<String> {
        let file = self.short_file()?;
        Some(self.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_what_is_known() {
        let mut frame = Frame::default();
        assert_eq!(frame.label(), "[unknown]");
        frame.address = 0x7f00_1234;
        assert_eq!(frame.label(), "0x7f001234");
        frame.module_offset = Some(0x1234);
        frame.build_id = Some("0123456789abcdef".into());
        assert_eq!(frame.label(), "[build 01234567]+0x1234");
        frame.module = Some("/usr/lib/libfoo.so".into());
        assert_eq!(frame.label(), "libfoo.so+0x1234");
        frame.file = Some("/home/u/.cargo/registry/src/i/syn-3.0.0/src/file.rs".into());
        assert_eq!(frame.label(), "syn-3.0.0/src/file.rs");
        frame.function = Some("syn::parse_file".into());
        frame.line = Some(12);
        assert_eq!(frame.label(), "syn-3.0.0/src/file.rs:12 syn::parse_file");
        frame.file = None;
        assert_eq!(frame.label(), "syn::parse_file");
    }
}
