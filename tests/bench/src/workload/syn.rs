//! Real Rust sources, parsed into syntax trees: the typical allocations of a compiler.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::totals::Totals;
use crate::work::Workload;

/// Parsing every file once is one operation. The tree of a file is dropped when the file's next tree exists.
pub struct Syn {
    files: Vec<(String, Option<::syn::File>)>,
}

impl Syn {
    /// Reads all Rust files below a directory.
    pub fn new(directory: &Path) -> Result<Self, Failure> {
        let mut texts = Vec::new();
        collect(directory, &mut texts)
            .map_err(|source| Failure::Io { what: directory.display().to_string(), source })?;
        Ok(Self { files: texts.into_iter().map(|text| (text, None)).collect() })
    }
}

impl Workload for Syn {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        for _ in 0..operations {
            for (text, tree) in &mut self.files {
                *tree = Some(::syn::parse_file(text).map_err(|error| Failure::Input(error.to_string()))?);
            }
        }
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        None
    }
}

/// The texts of the Rust files below `directory`, sorted by name.
fn collect(directory: &Path, texts: &mut Vec<String>) -> std::io::Result<()> {
    let mut paths =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok(())
}
