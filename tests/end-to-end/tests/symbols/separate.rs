//! Debug information outside of the binary: found by build id or by link, and only if it is the right one.

use std::fs;
use std::path::{Path, PathBuf};

use highwater_symbol::{Missing, Options};

use crate::programs::{rust, tool};
use crate::subject::{Place, Subject, only};

const SAMPLED: u64 = 500;

/// A program without its debug information, that information, and the result for both in one file.
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
        let mut subject = Subject::new(&binary, SAMPLED);
        subject.run(&only(&[]));
        tool(directory.path(), "objcopy --only-keep-debug demo demo.dbg");
        tool(directory.path(), "strip demo");
        Self { debug: directory.path().join("demo.dbg"), binary, whole: subject.places(), directory }
    }

    /// The result for the stripped file with these options.
    fn found(&self, options: &Options) -> Vec<Vec<Place>> {
        let mut subject = Subject::new(&self.binary, SAMPLED);
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
    let subject = Subject::new(path, 1);
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
    // The planted fault: one byte after its end, which only changes the checksum.
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
    let mut subject = Subject::new(&split.binary, SAMPLED);
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
    let mut subject = Subject::new(&binary, SAMPLED);
    let summary = subject.run(&Options { max_debug_bytes: 1 << 20, ..only(&[]) });
    let reason = summary.mappings[0].unusable.as_deref().unwrap();
    assert!(reason.contains("more than the limit of 1048576 bytes"), "{reason}");
    assert_eq!((summary.mappings[0].missing.clone(), summary.with_lines()), (None::<Missing>, 0));
    assert!(summary.resolved() > 0);
}

/// A profile with one stack: code of the program, called by the C library, whose names are known.
fn called_by_libc(binary: &Path) -> Subject {
    let mut subject = Subject::new(binary, 1);
    let own = subject.profile.samples.get(0).stack.to_vec();
    let file = "./csu/../sysdeps/nptl/libc_start_call_main.h";
    let function = subject.profile.add_function("__libc_start_call_main", "__libc_start_call_main", file);
    let line = highwater_profile::Line::new(function, 58);
    let path = subject.profile.strings.intern("/usr/lib/x86_64-linux-gnu/libc.so.6");
    let mapping = highwater_profile::Mapping {
        start: 0x7000_0000,
        limit: 0x7100_0000,
        file: path,
        ..Default::default()
    };
    let mapping = subject.profile.add_mapping(mapping);
    let caller = highwater_profile::Location {
        lines: vec![line],
        ..highwater_profile::Location::at(Some(mapping), 0x7000_1000)
    };
    let caller = subject.profile.add_location(caller);
    subject.profile.samples =
        highwater_profile::Profile::new(subject.profile.sample_types().to_vec()).samples;
    subject.profile.samples.push(&[own[0], caller], &[4096], &[]);
    subject
}

#[test]
fn unnamed_code_stays_and_missing_files_are_named() {
    let split = Split::new("");
    let subject = called_by_libc(&split.binary);
    let file = split.path("heap.pb.gz");
    highwater_profile::file::write_atomically(&file, |out| {
        highwater_profile::pprof::write(&subject.profile, out)
    })
    .unwrap();
    let run = |arguments: &[&str], more: &[&Path]| {
        let mut command = std::process::Command::new(highwater_tests::highwater());
        command
            .args(arguments)
            .arg("--no-cache")
            .args(vec![&file; if arguments[0] == "diff" { 2 } else { 1 }]);
        command.args(more);
        highwater_tests::succeed(&mut command)
    };
    let note = "1 of 1 addresses have no name, because it is stripped";
    for command in ["top", "tree", "diff", "info"] {
        for arguments in [vec![command], vec![command, "--json"]] {
            let answer = run(&arguments, &[]);
            assert!(answer.contains(note), "{arguments:?}: {answer}");
        }
    }
    let row = |answer: &str| {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        (answer["rows"][0]["key"]["label"].as_str().unwrap().to_owned(), answer["header"]["notes"].clone())
    };
    let (label, _) = row(&run(&["top", "--json"], &[]));
    assert!(label.starts_with("demo+0x"), "{label}");
    // The note's advice works.
    let (label, notes) = row(&run(&["top", "--json"], &[Path::new("--binary"), &split.debug]));
    assert!(!label.contains("+0x") && !label.contains("libc_start"), "{label}");
    assert_eq!(notes, serde_json::json!([]));
}

#[test]
fn missing_split_debug_information_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "-C split-debuginfo=packed");
    fs::rename(directory.path().join("demo.dwp"), directory.path().join("elsewhere.dwp")).unwrap();
    let mut subject = Subject::new(&binary, SAMPLED);
    let summary = subject.run(&only(&[]));
    assert!(summary.mappings[0].split_is_missing);
    // A function of the program has no line, instead of a line of a call inlined into it.
    let own = |it: &&Place| it.symbol.contains("4demo");
    let places = subject.places().concat();
    assert!(places.iter().filter(own).count() > 0);
    assert!(places.iter().filter(own).all(|it| it.line == 0 && it.file.is_empty()), "{places:?}");
    fs::rename(directory.path().join("elsewhere.dwp"), directory.path().join("demo.dwp")).unwrap();
    assert!(!Subject::new(&binary, SAMPLED).run(&only(&[])).mappings[0].split_is_missing);
}
