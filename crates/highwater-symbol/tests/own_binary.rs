//! The test program symbolizes its own functions, from intact, stripped, wrong and damaged copies of its
//! file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Line, Location, LocationId, Mapping, Profile, ValueType};
use highwater_symbol::{Missing, Options, Summary, SymbolError, symbolize};
use object::Object;

#[inline(never)]
fn landmark(value: &mut u64) -> u32 {
    let line = line!();
    *value = std::hint::black_box(*value) + 1;
    line
}

#[inline(always)]
fn inlined(value: &mut Vec<u64>) -> u32 {
    value.push(std::hint::black_box(1));
    line!() - 1
}

#[inline(never)]
fn with_inlined(value: &mut Vec<u64>) -> u32 {
    inlined(value)
}

/// A profile with one stack whose frames are the first bytes of these functions.
fn profile(addresses: &[usize]) -> Profile {
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    let build_id = own_build_id();
    for &address in addresses {
        let (start, limit, file_offset, path) = mapping_of(address as u64);
        let file = profile.strings.intern(&path);
        let build_id = profile.strings.intern(&build_id);
        let mapping =
            profile.add_mapping(Mapping { start, limit, file_offset, file, build_id, ..Mapping::default() });
        profile.add_location(Location::at(Some(mapping), address as u64));
    }
    let stack: Vec<LocationId> = profile.location_ids().collect();
    profile.samples.push(&stack, &[1], &[]);
    profile
}

fn mapping_of(address: u64) -> (u64, u64, u64, String) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    maps.lines()
        .find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (start, limit) = fields[0].split_once('-')?;
            let (start, limit) = (number(start), number(limit));
            (start..limit)
                .contains(&address)
                .then(|| (start, limit, number(fields[2]), fields[5..].join(" ")))
        })
        .expect("a function of the program is mapped")
}

fn own_path() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn own_build_id() -> String {
    build_id(&fs::read(own_path()).unwrap())
}

fn build_id(file: &[u8]) -> String {
    let object = object::File::parse(file).unwrap();
    let id = object.build_id().unwrap().expect("the linker writes a build id");
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn set_file(profile: &mut Profile, path: &Path) {
    let file = profile.strings.intern(path.to_str().unwrap());
    for id in profile.mapping_ids() {
        profile.mapping_mut(id).file = file;
    }
}

fn set_build_id(profile: &mut Profile, build_id: &str) {
    let build_id = profile.strings.intern(build_id);
    for id in profile.mapping_ids() {
        profile.mapping_mut(id).build_id = build_id;
    }
}

fn nowhere_else() -> Options {
    Options { debug_dirs: Vec::new(), ..Options::default() }
}

fn run(profile: &mut Profile) -> Summary {
    symbolize(profile, &nowhere_else()).unwrap()
}

/// Name, file and line of each source position of a location.
fn frames(profile: &Profile, location: usize) -> Vec<(String, String, i64)> {
    let text = |id| profile.string(id).to_owned();
    let frame = |line: &Line| {
        let function = profile.function(line.function);
        (text(function.name), text(function.file), line.line)
    };
    profile.locations()[location].lines.iter().map(frame).collect()
}

/// Runs a tool of binutils, which is installed on every machine that links programs.
fn tool(name: &str, arguments: &[&str]) {
    let status = Command::new(name).args(arguments).status();
    assert!(status.is_ok_and(|it| it.success()), "{name} {arguments:?}");
}

fn assert_untouched(profile: &Profile) {
    assert!(profile.locations().iter().all(|it| it.lines.is_empty()), "a wrong name is worse than none");
    assert!(profile.mappings().iter().all(|it| !it.has_functions && !it.has_line_numbers));
}

#[test]
fn a_function_gets_its_name_file_and_line() {
    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    let summary = run(&mut profile);
    let frames = frames(&profile, 0);
    let (name, file, line) = frames.last().unwrap();
    assert_eq!(name, "own_binary::landmark");
    assert!(file.ends_with("tests/own_binary.rs"), "{file}");
    // The function's first byte belongs to the line of its signature, one above the returned line.
    assert_eq!(*line, i64::from(landmark(&mut 0)) - 1);
    assert_eq!(summary.missing().count(), 0);
    let outcome = &summary.mappings[0];
    assert_eq!((outcome.locations, outcome.resolved, outcome.with_lines), (1, 1, 1));
    let mapping = &profile.mappings()[0];
    assert!(mapping.has_functions && mapping.has_filenames && mapping.has_line_numbers);
}

#[test]
fn inlined_calls_come_first() {
    let function = with_inlined as fn(&mut Vec<u64>) -> u32 as usize;
    // The inlined call is somewhere in the first bytes of the function.
    let mut profile = profile(&(function..function + 48).collect::<Vec<_>>());
    run(&mut profile);
    let called = i64::from(with_inlined(&mut Vec::new()));
    let found = (0..48).map(|it| frames(&profile, it)).find(|it| it.len() > 1).expect("an inlined call");
    let names: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
    // Only the last part of the path: the inlined function has no symbol, and debug information with lines
    // only names just that part.
    assert!(names[0] == "inlined" || names[0] == "own_binary::inlined", "{names:?}");
    assert_eq!(found[0].2, called);
    assert_eq!(*names.last().unwrap(), "own_binary::with_inlined");
    assert!(profile.mappings().iter().any(|it| it.has_inline_frames));
}

#[test]
fn existing_symbols_are_kept() {
    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    let function = profile.add_function("kept", "kept", "kept.rs");
    let id = profile.location_ids().next().unwrap();
    profile.location_mut(id).lines.push(Line::new(function, 7));
    let summary = run(&mut profile);
    assert!(summary.mappings.is_empty());
    assert_eq!(frames(&profile, 0), [("kept".to_owned(), "kept.rs".to_owned(), 7)]);
}

#[test]
fn another_build_gives_no_names() {
    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    set_build_id(&mut profile, "00112233445566778899aabbccddeeff00112233");
    let summary = run(&mut profile);
    assert_untouched(&profile);
    let expected = Missing::OtherBuild { path: own_path(), found: Some(own_build_id()) };
    assert_eq!(summary.mappings[0].missing, Some(expected));
    assert_eq!((summary.mappings[0].locations, summary.mappings[0].resolved), (1, 0));
}

#[test]
fn a_missing_file_is_reported_and_a_candidate_takes_its_place() {
    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    set_file(&mut profile, Path::new("/nonexistent/demo"));
    let summary = run(&mut profile);
    assert_eq!(summary.mappings[0].missing, Some(Missing::NotFound));
    assert_untouched(&profile);

    let options = Options { binaries: vec![own_path()], ..nowhere_else() };
    let summary = symbolize(&mut profile, &options).unwrap();
    assert_eq!(summary.missing().count(), 0);
    assert_eq!(frames(&profile, 0).last().unwrap().0, "own_binary::landmark");
}

#[test]
fn without_a_build_id_a_file_changed_later_is_not_trusted() {
    let mut changed = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    set_build_id(&mut changed, "");
    changed.time_ns = 1;
    let summary = run(&mut changed);
    assert_eq!(summary.mappings[0].missing, Some(Missing::Changed { path: own_path() }));
    assert_untouched(&changed);

    let mut unchanged = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    set_build_id(&mut unchanged, "");
    unchanged.time_ns = i64::MAX;
    assert_eq!(run(&mut unchanged).mappings[0].resolved, 1);
}

#[test]
fn a_stripped_file_gives_names_and_a_debug_file_the_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (stripped, debug) = (path("demo"), path("debug"));
    tool("objcopy", &["--strip-debug", &text(&own_path()), &text(&stripped)]);

    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    set_file(&mut profile, &stripped);
    let mut names_only = profile.clone();
    let summary = run(&mut names_only);
    assert_eq!((summary.mappings[0].resolved, summary.with_lines()), (1, 0));
    assert_eq!(frames(&names_only, 0), [("own_binary::landmark".to_owned(), String::new(), 0)]);

    let id = own_build_id();
    let by_id = debug.join(".build-id").join(&id[..2]);
    fs::create_dir_all(&by_id).unwrap();
    let by_id = by_id.join(format!("{}.debug", &id[2..]));
    tool("objcopy", &["--only-keep-debug", &text(&own_path()), &text(&by_id)]);
    let options = Options { debug_dirs: vec![debug], ..nowhere_else() };
    let mut by_build_id = profile.clone();
    assert_eq!(symbolize(&mut by_build_id, &options).unwrap().with_lines(), 1);

    // The same file under the name to which the stripped file links.
    fs::rename(&by_id, path("linked.dbg")).unwrap();
    tool("objcopy", &[&format!("--add-gnu-debuglink={}", text(&path("linked.dbg"))), &text(&stripped)]);
    assert_eq!(run(&mut profile).with_lines(), 1);
    assert_eq!(frames(&profile, 0), frames(&by_build_id, 0));
}

#[test]
fn damaged_files_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(own_path()).unwrap();
    let path = dir.path().join("demo");
    let original = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    let contents: [&[u8]; 6] = [
        &whole[..whole.len() / 2],
        &whole[..100],
        &whole[..4],
        b"",
        b"#!/bin/sh\necho text\n",
        &[0xff; 4096],
    ];
    for content in contents {
        fs::write(&path, content).unwrap();
        let mut profile = original.clone();
        set_file(&mut profile, &path);
        let summary = run(&mut profile);
        assert_untouched(&profile);
        match &summary.mappings[0].missing {
            Some(Missing::Unreadable { path: named, reason }) => {
                assert_eq!(*named, path);
                assert!(!reason.is_empty());
            }
            other => panic!("{} bytes: {other:?}", content.len()),
        }
    }
    let options = Options { binaries: vec![path.clone()], ..nowhere_else() };
    let SymbolError::Binary { path: named, .. } = symbolize(&mut original.clone(), &options).unwrap_err()
    else {
        panic!("another error")
    };
    assert_eq!(named, path);
}

#[test]
fn flipped_bytes_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo");
    let original = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    let mut bytes = fs::read(own_path()).unwrap();
    let length = bytes.len();
    // The headers first, then positions all over the file, including debug information.
    let places =
        (0..64).step_by(3).chain((1..24).map(|it| length / 24 * it)).chain(length - 2000..length - 1976);
    for place in places {
        bytes[place] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        bytes[place] ^= 0xff;
        let mut profile = original.clone();
        set_file(&mut profile, &path);
        run(&mut profile);
    }
}

#[test]
fn pseudo_mappings_and_invalid_addresses_are_skipped() {
    let mut profile = profile(&[landmark as fn(&mut u64) -> u32 as usize]);
    let vdso = profile.strings.intern("[vdso]");
    let pseudo =
        profile.add_mapping(Mapping { start: 0x1000, limit: 0x2000, file: vdso, ..Mapping::default() });
    profile.add_location(Location::at(Some(pseudo), 0x1800));
    profile.add_location(Location::at(None, 0x1800));
    let own = profile.mapping_ids().next().unwrap();
    for address in [1, profile.mapping(own).limit, u64::MAX] {
        profile.add_location(Location::at(Some(own), address));
    }
    let summary = run(&mut profile);
    assert_eq!(summary.mappings.len(), 1);
    assert_eq!((summary.mappings[0].locations, summary.mappings[0].resolved), (4, 1));
    assert_eq!(summary.unmapped_locations, 2);
    assert!(profile.locations()[1..].iter().all(|it| it.lines.is_empty()));
}
