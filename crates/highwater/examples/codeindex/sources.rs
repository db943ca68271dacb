//! The text to index: every Rust source file of every package that a workspace depends on.
//!
//! Lines are numbered through the whole corpus, so that one small number identifies file and line. The index
//! stores nothing else.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

/// Why the sources could not be found or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The host platform could not be read from `rustc`.
    #[error("cannot ask rustc for the host platform: {0}")]
    Host(String),
    /// `cargo metadata` failed.
    #[error("cannot read the workspace: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// A file or directory of a package could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The corpus does not fit 32-bit offsets.
    #[error("{} and the files before it hold more than 4 GiB", path.display())]
    TooLarge { path: PathBuf },
}

/// One source file.
pub struct Document {
    /// Package directory and path below it: `syn-3.0.9/src/lib.rs`.
    pub name: String,
    /// The whole file.
    pub text: String,
    /// Byte offset of each line.
    line_starts: Vec<u32>,
    /// Number of the first line, counted from the start of the corpus.
    pub first_line: u32,
}

impl Document {
    /// The line at a position within the file, without its line break.
    pub fn line(&self, position: usize) -> &str {
        let start = self.line_starts[position] as usize;
        let end = self.line_starts.get(position + 1).map_or(self.text.len(), |&next| next as usize);
        self.text[start..end].trim_end()
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.line_starts.len()
    }
}

/// All source files, in the order of their paths.
pub struct Corpus {
    documents: Vec<Document>,
    bytes: u64,
}

impl Corpus {
    /// Reads the sources of the workspace that `manifest` (default: the current directory) belongs to, at
    /// most `limit` files.
    pub fn read(manifest: Option<&Path>, limit: usize) -> Result<Self, SourceError> {
        let mut corpus = Self { documents: Vec::new(), bytes: 0 };
        let mut lines = 0;
        for (path, name) in source_files(manifest)?.into_iter().take(limit) {
            let text = read_text(&path)?;
            corpus.bytes += text.len() as u64;
            // A file has at most as many lines as bytes, so offsets and line numbers fit into 32 bits.
            if corpus.bytes > u64::from(u32::MAX) {
                return Err(SourceError::TooLarge { path });
            }
            let line_starts = line_starts(&text);
            let first_line = lines;
            lines += line_starts.len() as u32;
            corpus.documents.push(Document { name, text, line_starts, first_line });
        }
        Ok(corpus)
    }

    /// All files.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Size of all texts in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of lines of all files.
    pub fn lines(&self) -> u32 {
        self.documents.last().map_or(0, |last| last.first_line + last.lines() as u32)
    }

    /// The file that contains a line of the corpus, and the line's position there.
    pub fn locate(&self, line: u32) -> (&Document, usize) {
        let after = self.documents.partition_point(|document| document.first_line <= line);
        let document = &self.documents[after - 1];
        (document, (line - document.first_line) as usize)
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let mut starts = Vec::with_capacity(text.len() / 32);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        starts.push(start);
        start += line.len() as u32;
    }
    starts.shrink_to_fit();
    starts
}

/// Some parsers have test data that is deliberately not UTF-8; its readable part is indexed.
fn read_text(path: &Path) -> Result<String, SourceError> {
    let bytes = fs::read(path).map_err(|source| SourceError::Read { path: path.into(), source })?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Every source file with its displayed name. A file that belongs to two packages (one is inside the other's
/// directory) is included once.
fn source_files(manifest: Option<&Path>) -> Result<BTreeMap<PathBuf, String>, SourceError> {
    let mut command = MetadataCommand::new();
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    // Packages for other platforms are not on the disk after a build, and cargo would download them.
    command.other_options(["--filter-platform".into(), host_platform()?]);
    let mut files = BTreeMap::new();
    for package in command.exec()?.packages {
        let manifest = package.manifest_path.as_std_path();
        if let Some(directory) = manifest.parent() {
            let shown_from = directory.parent().unwrap_or(directory);
            collect(directory, shown_from, &mut files)?;
        }
    }
    Ok(files)
}

fn host_platform() -> Result<String, SourceError> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "host-tuple"])
        .output()
        .map_err(|error| SourceError::Host(error.to_string()))?;
    if !output.status.success() {
        return Err(SourceError::Host(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn collect(
    directory: &Path,
    shown_from: &Path,
    files: &mut BTreeMap<PathBuf, String>,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: directory.into(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            let name = entry.file_name();
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                collect(&path, shown_from, files)?;
            }
        } else if kind.is_file() && path.extension() == Some(OsStr::new("rs")) {
            let name = path.strip_prefix(shown_from).unwrap_or(&path).display().to_string();
            files.insert(path, name);
        }
    }
    Ok(())
}
