//! The baseline: leaks that are known, so that the harness can be adopted before all of them are mended.
//!
//! It is a directory of JSON reports, as the harness itself writes them. A leak is known if one of the reports has one of the
//! same program and test, started in the same function; its line and its name may have changed since.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miniserde::json;

use crate::finding::Leak;
use crate::memory::Excess;

/// Leaks that are known.
#[derive(Debug, Default)]
pub(crate) struct Baseline(Vec<Report>);

/// What is needed of a report. Other versions of the harness may have more in theirs, or less.
#[derive(Debug, miniserde::Deserialize)]
struct Report {
    program: String,
    leaks: Vec<Leak>,
    memory: Option<Vec<Excess>>,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BaselineError {
    #[error("cannot read the baseline {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: not a report of this harness; write the baseline anew", path.display())]
    Syntax { path: PathBuf },
    #[error("the baseline {} has no reports (*.json) in it", path.display())]
    Empty { path: PathBuf },
}

impl Baseline {
    /// Reads all reports of a directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, BaselineError> {
        let fail = |source| BaselineError::Read { path: directory.to_owned(), source };
        let mut reports = Vec::new();
        for entry in fs::read_dir(directory).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_none_or(|it| it != "json") {
                continue;
            }
            let text = fs::read_to_string(&path)
                .map_err(|source| BaselineError::Read { path: path.clone(), source })?;
            reports.push(json::from_str(&text).map_err(|_| BaselineError::Syntax { path })?);
        }
        if reports.is_empty() {
            return Err(BaselineError::Empty { path: directory.to_owned() });
        }
        Ok(Self(reports))
    }

    /// Whether it has this leak.
    pub(crate) fn has(&self, program: &str, leak: &Leak) -> bool {
        // The baseline may be of a build with the other mangling, or of an earlier version of the harness.
        let function = |leak: &Leak| leak.site().map(|frame| highwater_tasks::plain(&frame.function));
        let is_same = |known: &Leak| {
            known.test == leak.test && known.kind == leak.kind && function(known) == function(leak)
        };
        self.of(program).any(|it| it.leaks.iter().any(is_same))
    }

    /// Whether it has this limit not kept by the same calls.
    pub(crate) fn has_excess(&self, program: &str, excess: &Excess) -> bool {
        self.of(program).any(|it| it.memory.iter().flatten().any(|known| excess.is_as(known)))
    }

    fn of<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a Report> {
        self.0.iter().filter(move |it| it.program == program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Activity, Findings, Frame, Kind, Origin};

    fn leak(test: &str, function: &str, line: u32) -> Leak {
        let frame =
            Frame { function: function.to_owned(), file: None, line: Some(line), origin: Origin::Own };
        Leak {
            test: test.to_owned(),
            kind: Kind::Thread,
            name: "a".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 500,
            parent: None,
            spawned: vec![frame],
            now: vec![],
        }
    }

    #[test]
    fn a_known_leak_is_known_by_its_function() {
        let directory = tempfile::tempdir().unwrap();
        let known =
            Findings { program: "p".to_owned(), leaks: vec![leak("t", "f", 1)], ..Findings::default() };
        fs::write(directory.path().join("p-1.json"), json::to_string(&known)).unwrap();
        fs::write(directory.path().join("README"), "not a report").unwrap();
        let baseline = Baseline::read(directory.path()).unwrap();
        assert!(baseline.has("p", &leak("t", "f", 7)));
        assert!(baseline.has("p", &leak("t", "f::<u8>", 1)), "the other mangling's spelling");
        assert!(!baseline.has("p", &leak("t", "g", 1)));
        assert!(!baseline.has("p", &leak("u", "f", 1)));
        assert!(!baseline.has("q", &leak("t", "f", 1)));
    }

    #[test]
    fn reports_of_earlier_versions_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let known = json::to_string(&leak("t", "f", 1));
        let report = format!("{{\"program\": \"p\", \"tests\": 1, \"leaks\": [{known}]}}");
        fs::write(directory.path().join("p-1.json"), report).unwrap();
        assert!(Baseline::read(directory.path()).unwrap().has("p", &leak("t", "f", 2)));
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let fault = |path: &Path| Baseline::read(path).unwrap_err().to_string();
        assert!(fault(&directory.path().join("none")).contains("cannot read the baseline"));
        assert!(fault(directory.path()).contains("has no reports"));
        fs::write(directory.path().join("x.json"), "{}").unwrap();
        let said = fault(directory.path());
        assert!(said.contains("x.json") && said.contains("write the baseline anew"), "{said}");
    }
}
