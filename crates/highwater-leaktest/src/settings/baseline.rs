//! The baseline: leaks that are known, so that the harness can be adopted before all of them are mended.
//!
//! It is a directory of JSON reports, as the harness itself writes them. A leak is known if one of the
//! reports has one of the same program and test, started in the same function; its line and its name may have
//! changed since. Or, by site, if one of them has one of the same kind and name that was started in the same
//! function, or at the same line, whatever the test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miniserde::json;

use super::rules::By;
use crate::finding::{Excess, Leak};

/// Leaks that are known.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    reports: Vec<Report>,
    by: By,
}

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
    pub(crate) fn read(directory: &Path, by: By) -> Result<Self, BaselineError> {
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
        Ok(Self { reports, by })
    }

    /// Whether it has this leak.
    pub(crate) fn has(&self, program: &str, leak: &Leak) -> bool {
        let is_same = |known: &Leak| match self.by {
            By::Test => {
                known.test == leak.test && known.kind == leak.kind && function(known) == function(leak)
            }
            By::Site => known.kind == leak.kind && name(known) == name(leak) && has_site(known, leak),
        };
        self.of(program).any(|it| it.leaks.iter().any(is_same))
    }

    /// Whether it has this limit not kept by the same calls.
    pub(crate) fn has_excess(&self, program: &str, excess: &Excess) -> bool {
        let is_same =
            |known: &Excess| (self.by == By::Site || known.test == excess.test) && excess.is_as(known);
        self.of(program).any(|it| it.memory.iter().flatten().any(is_same))
    }

    fn of<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a Report> {
        self.reports.iter().filter(move |it| self.by == By::Site || it.program == program)
    }
}

/// The function to act on. The baseline may be of a build with the other mangling, or of an earlier version
/// of the harness.
fn function(leak: &Leak) -> Option<String> {
    leak.site().map(|frame| highwater_names::plain::plain(&frame.function))
}

/// The name that it has in every test.
fn name(leak: &Leak) -> Option<String> {
    leak.has_own_name().then(|| leak.name_without_numbers())
}

/// Whether it was started where the known one was. The line tells when a test that starts it itself has a new
/// name.
fn has_site(known: &Leak, leak: &Leak) -> bool {
    let line = |leak: &Leak| leak.site().and_then(|it| Some((it.file.clone()?, it.line?)));
    function(known) == function(leak) || line(known).is_some_and(|it| Some(it) == line(leak))
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
            id: None,
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
        let baseline = Baseline::read(directory.path(), By::Test).unwrap();
        assert!(baseline.has("p", &leak("t", "f", 7)));
        assert!(baseline.has("p", &leak("t", "f::<u8>", 1)), "the other mangling's spelling");
        assert!(!baseline.has("p", &leak("t", "g", 1)));
        assert!(!baseline.has("p", &leak("u", "f", 1)));
        assert!(!baseline.has("q", &leak("t", "f", 1)));
    }

    #[test]
    fn by_site_the_test_is_of_no_account() {
        let directory = tempfile::tempdir().unwrap();
        let unnamed = Leak { name: "tests::a".to_owned(), ..leak("tests::a", "mine::unnamed", 4) };
        let numbered = Leak { name: "w-1".to_owned(), ..leak("tests::a", "mine::pool", 5) };
        let body = Leak { name: "b".to_owned(), ..leak("tests::a", "mine::tests::a", 9) };
        let at = |mut leak: Leak, file: &str| {
            leak.spawned[0].file = Some(file.to_owned());
            leak
        };
        let excess = Excess {
            test: "tests::a".to_owned(),
            limit: crate::finding::Limit::Blocks,
            allowed: 1,
            found: 2,
            waited_ms: 0,
            sites: vec![],
        };
        let known = Findings {
            program: "p".to_owned(),
            leaks: vec![
                leak("tests::a", "f", 1),
                unnamed.clone(),
                numbered.clone(),
                at(body.clone(), "a.rs"),
            ],
            memory: vec![excess.clone()],
            ..Findings::default()
        };
        fs::write(directory.path().join("p-1.json"), json::to_string(&known)).unwrap();
        let [by_test, by_site] = [By::Test, By::Site].map(|it| Baseline::read(directory.path(), it).unwrap());
        let elsewhere = |leak: &Leak| Leak { test: "tests::other".to_owned(), ..leak.clone() };
        let known_elsewhere = [
            leak("t", "f::<u8>", 7),
            Leak { name: "tests::other".to_owned(), ..elsewhere(&unnamed) },
            Leak { name: "w-22".to_owned(), ..elsewhere(&numbered) },
            // Its test was renamed, and so was the function that starts it.
            at(Leak { name: "b".to_owned(), ..leak("tests::b", "mine::tests::b", 9) }, "a.rs"),
        ];
        for it in &known_elsewhere {
            assert!(by_site.has("p", it) && by_site.has("q", it), "{it:?}");
            assert!(!by_test.has("p", it), "{it:?}");
        }
        let (a, f) = (leak("t", "f", 1), leak("t", "g", 1));
        for it in [
            Leak { name: "other".to_owned(), ..a.clone() },
            Leak { kind: Kind::Task, ..a },
            f,
            Leak { name: "other".to_owned(), ..elsewhere(&unnamed) },
            at(Leak { name: "b".to_owned(), ..leak("t", "g", 9) }, "b.rs"),
        ] {
            assert!(!by_site.has("p", &it), "{it:?}");
        }
        let excess = Excess { test: "tests::other".to_owned(), ..excess };
        assert!(by_site.has_excess("q", &excess) && !by_test.has_excess("p", &excess));
    }

    #[test]
    fn reports_of_earlier_versions_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let known = json::to_string(&leak("t", "f", 1));
        let report = format!("{{\"program\": \"p\", \"tests\": 1, \"leaks\": [{known}]}}");
        fs::write(directory.path().join("p-1.json"), report).unwrap();
        assert!(Baseline::read(directory.path(), By::Test).unwrap().has("p", &leak("t", "f", 2)));
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let fault = |path: &Path| Baseline::read(path, By::Test).unwrap_err().to_string();
        assert!(fault(&directory.path().join("none")).contains("cannot read the baseline"));
        assert!(fault(directory.path()).contains("has no reports"));
        fs::write(directory.path().join("x.json"), "{}").unwrap();
        let said = fault(directory.path());
        assert!(said.contains("x.json") && said.contains("write the baseline anew"), "{said}");
    }
}
