//! Debug information outside of the binary: found by build id or by link, and only when it is the right one.

use std::fs;
use std::path::{Path, PathBuf};

use highwater_symbol::{Missing, Options};

use crate::programs::{rust, tool};
use crate::subject::{Place, Subject, only};

const SAMPLED: u64 = 500;

/// A program stripped of its debug information, that information, and what is found with both in one file.
struct Split {
    directory: tempfile::TempDir,
    binary: PathBuf,
    debug: PathBuf,
    whole: Vec<Vec<Place>>,
}

impl Split {
    fn new(arguments: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let binary = rust(directory.path(), arguments);
        let mut subject = Subject::of(&binary, SAMPLED);
        subject.run(&only(&[]));
        tool(directory.path(), "objcopy --only-keep-debug demo demo.dbg");
        tool(directory.path(), "strip demo");
        Self { debug: directory.path().join("demo.dbg"), binary, whole: subject.places(), directory }
    }

    /// What is found in the stripped file and these places.
    fn found(&self, options: &Options) -> Vec<Vec<Place>> {
        let mut subject = Subject::of(&self.binary, SAMPLED);
        subject.run(options);
        subject.places()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn lines(places: &[Vec<Place>]) -> usize {
    places.iter().flatten().filter(|it| it.line > 0).count()
}

fn build_id(path: &Path) -> String {
    let subject = Subject::of(path, 1);
    subject.profile.string(subject.profile.mappings()[0].build_id).to_owned()
}

#[test]
fn by_build_id() {
    let split = Split::new("");
    assert_eq!(lines(&split.found(&only(&[]))), 0);
    let id = build_id(&split.binary);
    let place = split.path("symbols/.build-id").join(&id[..2]);
    fs::create_dir_all(&place).unwrap();
    fs::copy(&split.debug, place.join(format!("{}.debug", &id[2..]))).unwrap();
    assert_eq!(split.found(&only(&[&split.path("symbols")])), split.whole);
}

#[test]
fn by_link_with_a_build_id() {
    let split = Split::new("");
    tool(split.directory.path(), "objcopy --add-gnu-debuglink=demo.dbg demo");
    assert_eq!(split.found(&only(&[])), split.whole);
    fs::create_dir(split.path(".debug")).unwrap();
    fs::rename(&split.debug, split.path(".debug/demo.dbg")).unwrap();
    assert_eq!(split.found(&only(&[])), split.whole);
}

#[test]
fn by_link_with_a_checksum_that_must_be_right() {
    let split = Split::new("-C link-arg=-Wl,--build-id=none");
    assert_eq!(build_id(&split.binary), "");
    tool(split.directory.path(), "objcopy --add-gnu-debuglink=demo.dbg demo");
    assert_eq!(split.found(&only(&[])), split.whole);
    // The planted fault: one byte behind its end, which changes nothing but the checksum.
    let mut bytes = fs::read(&split.debug).unwrap();
    bytes.push(0);
    fs::write(&split.debug, bytes).unwrap();
    assert_eq!(lines(&split.found(&only(&[]))), 0);
}

#[test]
fn a_debug_file_of_another_build_is_refused() {
    let split = Split::new("");
    tool(split.directory.path(), "objcopy --add-gnu-debuglink=demo.dbg demo");
    let other = Split::new("-C opt-level=1");
    assert_ne!(build_id(&split.binary), build_id(&other.binary));
    fs::copy(&other.debug, &split.debug).unwrap();
    assert_eq!(lines(&split.found(&only(&[]))), 0);
}

#[test]
fn a_debug_file_is_enough_when_the_binary_is_gone() {
    let split = Split::new("");
    let options = Options { binaries: vec![split.debug.clone()], ..only(&[]) };
    let mut subject = Subject::of(&split.binary, SAMPLED);
    subject.moved_to("/nonexistent/demo");
    let summary = subject.run(&options);
    assert_eq!(summary.missing().count(), 0);
    assert_eq!(subject.places(), split.whole);
}

#[test]
fn the_symbol_table_that_distributions_leave_is_read() {
    let split = Split::new("");
    let names = |places: &[Vec<Place>]| places.iter().filter(|it| !it.is_empty()).count();
    let stripped = names(&split.found(&only(&[])));
    tool(split.directory.path(), "objcopy --strip-debug demo.dbg mini");
    tool(split.directory.path(), "xz --keep mini");
    tool(split.directory.path(), "objcopy --add-section .gnu_debugdata=mini.xz demo");
    let found = split.found(&only(&[]));
    assert!(names(&found) > stripped + found.len() / 2, "{} {stripped}", names(&found));
    for (found, whole) in found.iter().zip(&split.whole) {
        if let ([found], Some(whole)) = (&found[..], whole.last()) {
            let plain = found.symbol.split_once(".llvm.").map_or(&*found.symbol, |it| it.0);
            // Folded functions have one address and several names.
            assert!(plain == whole.symbol || found.file.is_empty(), "{found:?} {whole:?}");
        }
    }
}

#[test]
fn more_debug_information_than_allowed_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "");
    let mut subject = Subject::of(&binary, SAMPLED);
    let summary = subject.run(&Options { max_debug_bytes: 1 << 20, ..only(&[]) });
    let reason = summary.mappings[0].unusable.as_deref().unwrap();
    assert!(reason.contains("more than the limit of 1048576 bytes"), "{reason}");
    assert_eq!((summary.mappings[0].missing.clone(), summary.with_lines()), (None::<Missing>, 0));
    assert!(summary.resolved() > 0);
}
