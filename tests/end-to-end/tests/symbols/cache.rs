//! Cached names are found without the binary, and never for another build.

use std::fs;
use std::num::NonZero;
use std::path::Path;

use highwater_symbol::{Cache, Options};

use crate::programs::{rust, tool};
use crate::subject::{Subject, only};

const SAMPLED: u64 = 600;

fn with_cache(directory: &Path) -> Options {
    let cache = Cache { directory: directory.to_owned(), max_bytes: Cache::DEFAULT_MAX_BYTES };
    Options { cache: Some(cache), ..only(&[]) }
}

#[test]
fn a_second_run_needs_no_binary() {
    let directory = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options = with_cache(cache.path());
    let binary = rust(directory.path(), "");
    let original = Subject::new(&binary, SAMPLED);
    let run = |options: &Options| {
        let mut subject = Subject { profile: original.profile.clone(), addresses: Vec::new() };
        let summary = subject.run(options);
        (subject.places(), summary)
    };
    let (places, first) = run(&options);
    assert_eq!((first.cached_locations, first.missing().count()), (0, 0));
    let again = run(&options);
    assert_eq!(again.1.cached_locations, original.addresses.len());
    assert_eq!(again.0, places);

    fs::remove_file(&binary).unwrap();
    let (cached, summary) = run(&options);
    assert_eq!((summary.cached_locations, summary.missing().count()), (original.addresses.len(), 0));
    assert_eq!(cached, places);
    // Without the cache the names are unknown, and a damaged cache counts as missing.
    assert_eq!(run(&only(&[])).1.missing().count(), 1);
    let file = fs::read_dir(cache.path().join("v2")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (none, summary) = run(&options);
    assert_eq!((summary.cached_locations, summary.missing().count()), (0, 1));
    assert!(none.concat().is_empty());
}

#[test]
fn another_build_gets_no_cached_names() {
    let directory = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options = with_cache(cache.path());
    Subject::new(&rust(directory.path(), ""), SAMPLED).run(&options);
    let mut other = Subject::new(&rust(directory.path(), "-C opt-level=1"), SAMPLED);
    assert_eq!(other.run(&options).cached_locations, 0);
}

#[test]
fn names_found_without_debug_information_give_way_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options = with_cache(cache.path());
    let binary = rust(directory.path(), "");
    tool(directory.path(), "objcopy --only-keep-debug demo demo.debug");
    tool(directory.path(), "objcopy --strip-debug demo stripped");
    fs::rename(directory.path().join("demo.debug"), directory.path().join("kept")).unwrap();
    fs::rename(directory.path().join("stripped"), &binary).unwrap();
    let mut names = Subject::new(&binary, SAMPLED);
    let summary = names.run(&options);
    assert!(summary.resolved() > 0 && summary.with_lines() == 0);
    fs::rename(directory.path().join("kept"), directory.path().join("demo.debug")).unwrap();
    let mut lines = Subject::new(&binary, SAMPLED);
    assert!(lines.run(&options).with_lines() > 0);
}

#[test]
fn threads_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "-C codegen-units=8");
    let places = |threads| {
        let mut subject = Subject::new(&binary, 3000);
        subject.run(&Options { threads: NonZero::new(threads), ..only(&[]) });
        subject.places()
    };
    assert_eq!(places(1), places(7));
}
