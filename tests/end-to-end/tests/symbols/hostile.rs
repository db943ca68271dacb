//! Damaged binaries and debug files: cut at any place or with any bit flipped, they cost little and do not
//! end the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::programs::tool;
use crate::subject::{Subject, only};

const SOURCE: &str = "
struct table { int length; long sum; };
static inline long twice(struct table *it) { it->length++; return it->sum * 2; }
long add(struct table *it, long value) { it->sum += value; return twice(it); }
long scale(struct table *it, long by) { it->sum *= by; return add(it, twice(it)); }
";
const FLIPS: u64 = 1500;
/// Time for all damaged copies of one file; each takes about a millisecond.
const PATIENCE: Duration = Duration::from_secs(120);

/// A small library with complete debug information.
fn library(directory: &Path, arguments: &str) -> PathBuf {
    fs::write(directory.join("small.c"), SOURCE).unwrap();
    tool(directory, &format!("gcc -g -O2 -shared -nostdlib -Wl,--build-id small.c -o small.so {arguments}"));
    directory.join("small.so")
}

/// Looks up all addresses of the program `intact` while `victim` is damaged in every way; both may be the
/// same file.
fn survives(intact: &Path, victim: &Path, debug_dir: &Path) {
    let mut original = Subject::new(intact, 60);
    let whole = fs::read(victim).unwrap();
    let sound = original.run(&only(&[debug_dir]));
    assert!(sound.with_lines() > 20, "{sound:?}");
    let start = Instant::now();
    let run = |bytes: &[u8]| {
        fs::write(victim, bytes).unwrap();
        let mut profile = original.profile.clone();
        for id in profile.location_ids() {
            profile.location_mut(id).lines.clear();
        }
        let mut subject = Subject { profile, addresses: Vec::new() };
        let summary = subject.run(&only(&[debug_dir]));
        assert!(summary.resolved() <= sound.resolved());
        // If the file was refused, no names may come from it.
        if summary.missing().next().is_some() {
            assert!(subject.places().concat().is_empty());
        }
        subject.places().concat().len()
    };
    let step = (whole.len() / 500).max(1);
    let frames: Vec<usize> = (0..whole.len()).step_by(step).map(|length| run(&whole[..length])).collect();
    assert!(frames[0] < original.places().concat().len(), "{frames:?}");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..FLIPS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut bytes = whole.clone();
        let place = usize::try_from(random >> 8).unwrap() % bytes.len();
        bytes[place] ^= 1 << (random % 8);
        run(&bytes);
    }
    fs::write(victim, &whole).unwrap();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn a_binary_with_plain_or_packed_sections() {
    for packing in ["none", "zlib", "zstd"] {
        let directory = tempfile::tempdir().unwrap();
        let path = library(directory.path(), "");
        tool(directory.path(), &format!("objcopy --compress-debug-sections={packing} small.so"));
        survives(&path, &path, directory.path());
    }
}

#[test]
fn a_debug_file_and_split_debug_information() {
    let directory = tempfile::tempdir().unwrap();
    let path = library(directory.path(), "");
    tool(directory.path(), "objcopy --only-keep-debug small.so small.so.debug");
    tool(directory.path(), "strip small.so");
    survives(&path, &directory.path().join("small.so.debug"), directory.path());

    let directory = tempfile::tempdir().unwrap();
    let path = library(directory.path(), "-gdwarf-4 -gsplit-dwarf");
    let split = fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path());
    let unit = split.into_iter().find(|it| it.extension().is_some_and(|it| it == "dwo")).unwrap();
    survives(&path, &unit, directory.path());
    tool(directory.path(), "dwp -e small.so -o small.so.dwp");
    fs::remove_file(unit).unwrap();
    survives(&path, &directory.path().join("small.so.dwp"), directory.path());
}

#[test]
fn sections_that_unpack_to_more_than_is_there_to_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = library(directory.path(), "");
    tool(directory.path(), "objcopy --compress-debug-sections=zlib small.so");
    let mut bytes = fs::read(&path).unwrap();
    // The header of each compressed section states its uncompressed size: it is set to 2^40 bytes.
    let header = [1_u32.to_le_bytes(), 0_u32.to_le_bytes()].concat();
    let places: Vec<usize> =
        (0..bytes.len() - 24).filter(|&it| bytes[it..it + 8] == header && bytes[it + 24] == 0x78).collect();
    assert!(places.len() > 2, "{places:?}");
    for place in places {
        bytes[place + 8..place + 16].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let summary = Subject::new(&path, 60).run(&only(&[]));
    assert!(summary.mappings[0].unusable.as_deref().unwrap().contains("more than the limit"), "{summary:?}");
    assert!(summary.resolved() > 0 && summary.with_lines() == 0);
}
