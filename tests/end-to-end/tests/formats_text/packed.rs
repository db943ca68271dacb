//! Files compressed by the real tools, under any name.

use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_profile::{Format, Limits, Profile, ReadError, read};
use highwater_tests::succeed;

use super::support::golden;

fn zstd(content: &[u8], options: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (plain, packed) = (directory.path().join("plain"), directory.path().join("packed"));
    fs::write(&plain, content).unwrap();
    succeed(Command::new("zstd").args(["--quiet", "-o"]).arg(&packed).args(options).arg(&plain));
    fs::read(packed).unwrap()
}

fn content(name: &str) -> Vec<u8> {
    fs::read(golden(name)).unwrap()
}

#[test]
fn zstd_is_unpacked_frame_by_frame() {
    let plain = content("go/sampled/heap.txt");
    let expected = read(&plain, &Limits::default()).unwrap().samples.total(0);
    let (one, two) = plain.split_at(plain.len() / 3);
    // A frame that only contains a comment: its magic number, the length of the content, and the content.
    let remark = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], &b"abc"[..]].concat();
    for packed in [
        zstd(&plain, &[]),
        zstd(&plain, &["-19", "--no-check"]),
        zstd(&plain, &["--ultra", "-22", "--long=27"]),
        [zstd(one, &[]), remark.clone(), zstd(two, &[])].concat(),
    ] {
        let profile = read(&packed, &Limits::default()).unwrap();
        assert_eq!((profile.source.format, profile.samples.total(0)), (Format::GoText, expected));
    }
}

#[test]
fn every_cut_and_every_flipped_byte_of_zstd_is_noticed() {
    let packed = zstd(&content("jemalloc/sampled/heap"), &[]);
    for length in 5..packed.len() {
        match read(&packed[..length], &Limits::default()) {
            Err(ReadError::Truncated { .. }) => {}
            other => panic!("{length} of {}: {other:?}", packed.len()),
        }
    }
    // Some bits have no meaning; then the uncompressed content must be unchanged.
    let written = |profile: &Profile| {
        let mut out = Vec::new();
        highwater_profile::write(Format::Json, profile, &mut out).unwrap();
        out
    };
    let whole = written(&read(&packed, &Limits::default()).unwrap());
    let mut unnoticed = 0;
    for at in 0..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x10;
        if let Ok(profile) = read(&damaged, &Limits::default()) {
            assert!(written(&profile) == whole, "byte {at}");
            unnoticed += 1;
        }
    }
    assert!(unnoticed * 100 < packed.len(), "{unnoticed} of {}", packed.len());
}

#[test]
fn an_uncompressed_size_beyond_the_limit_is_refused() {
    let bomb = zstd(&vec![b'x'; 64 << 20], &["-19"]);
    assert!(bomb.len() < 10_000);
    for limits in [
        Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() },
        Limits { max_memory_bytes: 1 << 20, ..Limits::default() },
    ] {
        assert!(matches!(read(&bomb, &limits), Err(ReadError::TooLarge { limit_bytes: 1_048_576 })));
    }
}

#[test]
fn the_name_of_a_file_means_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for (name, format) in [
        ("jemalloc/sampled/heap", Format::Jemalloc),
        ("gperftools/sampled/heap", Format::Gperftools),
        ("go/sampled/heap.txt", Format::GoText),
        ("go/sampled/heap.pb.gz", Format::Pprof),
        ("memray/leaks/allocations.csv", Format::MemrayCsv),
        ("folded/jeprof/stacks.folded", Format::Folded),
    ] {
        let path = directory.path().join("misleading.json");
        fs::copy(golden(name), &path).unwrap();
        let read = |path: &Path| highwater_profile::file::read(path, &Limits::default()).unwrap();
        assert_eq!(read(&path).source.format, format, "{name}");
        if name.ends_with(".gz") {
            continue;
        }
        succeed(Command::new("gzip").arg("--force").arg(&path));
        assert_eq!(read(&path.with_extension("json.gz")).source.format, format, "{name}, gzipped");
    }
}
