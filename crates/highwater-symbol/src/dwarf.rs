//! Frames from debug information, inlined calls included.

use std::path::Path;

use addr2line::Loader;

/// One source position of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Name as the linker sees it, or as the debug information has it.
    pub(crate) name: Option<String>,
    /// Path of the source file.
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// The debug information of one file.
pub(crate) struct DebugInfo(Loader);

impl DebugInfo {
    /// Opens the debug information in the file at `path`, with the file that it shares parts with, if it names
    /// one. `None` when it is damaged: then names come from the symbol table.
    pub(crate) fn open(path: &Path, shared: Option<&Path>) -> Option<Self> {
        Loader::new_with_sup(path, shared).ok().map(Self)
    }

    /// The source positions of an address, innermost first. Empty when the file does not know it.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        let Ok(mut found) = self.0.find_frames(address) else { return frames };
        // Damaged debug information ends the list early; what was read before is right.
        while let Ok(Some(frame)) = found.next() {
            let location = frame.location.as_ref();
            frames.push(Frame {
                name: frame.function.as_ref().and_then(|it| Some(it.raw_name().ok()?.into_owned())),
                file: location.and_then(|it| it.file).map(str::to_owned),
                line: location.and_then(|it| it.line),
            });
        }
        frames
    }
}
