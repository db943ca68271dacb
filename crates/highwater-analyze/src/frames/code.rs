//! Whose code a frame is, for views that show the reader's own code first.

use highwater_names::library::{self, ModuleKind};
use highwater_names::source::{self, Origin};
use serde::Serialize;

use crate::frames::attribution::judge;
use crate::frames::class::FrameClass;
use crate::frames::frame::Frame;

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The program's own code, and everything that nothing tells apart from it.
    Own,
    /// A package that the program was built with.
    Dependency,
    /// The standard library, the C library, and the code that starts programs and threads.
    Runtime,
}

impl Code {
    /// Judges a function by its name, the path of its source file, and the program or library it is in, as far
    /// as they are known.
    pub fn new(function: Option<&str>, file: Option<&str>, module: Option<&str>) -> Self {
        let judged = judge(function, file);
        let origin = file.map_or(Origin::Elsewhere, source::source);
        match (judged.class, origin) {
            (FrameClass::Recorder | FrameClass::Entry | FrameClass::Shim, _) => Self::Runtime,
            _ if function.is_some_and(|it| it.starts_with("__rust_")) => Self::Runtime,
            (_, Origin::Fetched(_) | Origin::Unpacked(_)) => Self::Dependency,
            (FrameClass::Plumbing, _) | (_, Origin::Toolchain(_)) => Self::Runtime,
            _ if file.is_some_and(source::is_in_c_library) => Self::Runtime,
            _ if file.is_some_and(source::is_in_library) => Self::Dependency,
            _ if file.is_none() && judged.crate_name.is_none() => match module.and_then(library::kind) {
                Some(ModuleKind::System | ModuleKind::Allocator) => Self::Runtime,
                _ => Self::Own,
            },
            _ => Self::Own,
        }
    }
}

impl Frame {
    /// Whose code the frame is.
    pub fn code(&self) -> Code {
        Code::new(self.function.as_deref(), self.file.as_deref(), self.module.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_by_its_source_and_else_by_its_name() {
        let registry = "/home/u/.cargo/registry/src/index.crates.io-1/tokio-1.47.0/src/task.rs";
        let toolchain = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs";
        for (function, file, module, expected) in [
            (Some("shop::index::Index::add"), Some("src/index.rs"), None, Code::Own),
            (Some("tokio::task::poll"), Some(registry), None, Code::Dependency),
            (Some("bytes::BytesMut::new"), Some("/v/bytes-1.10.0/src/lib.rs"), None, Code::Dependency),
            (Some("alloc::vec::Vec<T>::push"), Some(toolchain), None, Code::Runtime),
            (Some("core::ops::function::FnOnce::call_once"), None, None, Code::Runtime),
            (Some("__libc_start_call_main"), None, Some("/lib/x86_64-linux-gnu/libc.so.6"), Code::Runtime),
            (Some("__rust_try"), None, Some("/usr/bin/shop"), Code::Runtime),
            (Some("start_thread"), Some("./nptl/pthread_create.c"), None, Code::Runtime),
            (None, None, Some("/usr/bin/shop"), Code::Own),
            (None, None, Some("/lib/x86_64-linux-gnu/libc.so.6"), Code::Runtime),
        ] {
            assert_eq!(Code::new(function, file, module), expected, "{function:?} {file:?}");
        }
    }
}
