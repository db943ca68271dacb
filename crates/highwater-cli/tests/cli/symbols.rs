//! A profile of this very test program: its address resolves to a line of a function.

use std::fs;
use std::path::PathBuf;

use highwater_profile::{Location, Mapping, Profile, ValueType};

use crate::support::{Place, text, without_binary};

#[inline(never)]
fn landmark() -> u32 {
    std::hint::black_box(line!())
}

/// A profile with one address in the running program, as the recorder would capture it.
fn own_profile() -> Profile {
    let address = landmark as fn() -> u32 as usize as u64;
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    let found = maps.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (start, limit) = fields.next()?.split_once('-')?;
        let (start, limit) = (number(start), number(limit));
        (start..limit).contains(&address).then(|| (start, limit, number(fields.nth(1).unwrap())))
    });
    let (start, limit, file_offset) = found.expect("the function is mapped");
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 1;
    // Without a build id, the file is accepted only if it is older than the profile.
    profile.time_ns = i64::MAX;
    let file = profile.strings.intern(std::env::current_exe().unwrap().to_str().unwrap());
    let mapping = profile.add_mapping(Mapping { start, limit, file_offset, file, ..Mapping::default() });
    let location = profile.add_location(Location::at(Some(mapping), address));
    profile.samples.push(&[location], &[4096], &[]);
    profile
}

#[test]
fn an_address_becomes_a_line() {
    let place = Place::new();
    place.profile("own.pb.gz", &own_profile());
    let json = place.run("top --json own.pb.gz").json();
    let key = &json["rows"][0]["key"];
    assert_eq!(key["function"], "cli::symbols::landmark");
    assert!(key["file"].as_str().unwrap().ends_with("tests/cli/symbols.rs"), "{key}");
    // The address is the function's first byte, which belongs to the signature, one line above the
    // returned one.
    assert_eq!(key["line"], landmark() - 1);
    let text = place.run("top own.pb.gz");
    assert!(text.answer().contains("exact: every block recorded\n"), "{}", text.stdout);
    assert!(
        text.stdout.contains(&format!("symbols.rs:{} cli::symbols::landmark", landmark() - 1)),
        "{}",
        text.stdout
    );
}

#[test]
fn a_file_changed_after_the_profile_is_refused() {
    let place = Place::new();
    let mut profile = own_profile();
    profile.time_ns = 1;
    place.profile("own.pb.gz", &profile);
    assert!(place.run("top own.pb.gz").error().contains("was changed after the profile was taken"));
}

#[test]
fn symbolize_writes_the_names_into_the_file() {
    let place = Place::new();
    place.profile("own.pb.gz", &own_profile());
    let run = place.run("symbolize own.pb.gz -o named.pb.gz");
    assert_eq!(run.answer(), "wrote named.pb.gz: 1 of 1 addresses have names now, 1 have lines\n");
    let named = highwater_profile::file::read(&place.path("named.pb.gz"), &Default::default()).unwrap();
    let line = named.locations()[0].lines[0];
    assert_eq!(named.string(named.function(line.function).name), "cli::symbols::landmark");
    assert!(named.mappings()[0].has_functions && named.mappings()[0].has_line_numbers);
    assert_eq!(named.samples.iter().collect::<Vec<_>>(), own_profile().samples.iter().collect::<Vec<_>>());
}

#[test]
fn addresses_of_a_missing_binary_stay_as_they_are() {
    let place = Place::new();
    place.profile("heap.pb.gz", &without_binary());
    let run = place.run("symbolize heap.pb.gz -o out.pb.gz");
    assert_eq!(run.code, Some(0));
    assert_eq!(run.stdout, "wrote out.pb.gz: 0 of 1 addresses have names now, 0 have lines\n");
    let id = "00112233445566778899aabbccddeeff00112233";
    let note = format!(
        "highwater: note: /nonexistent/demo (build id {id}): not found; 1 address stays an address (--binary, --debug-dir)\n"
    );
    assert_eq!(run.stderr, note);
    let out = highwater_profile::file::read(&place.path("out.pb.gz"), &Default::default()).unwrap();
    let location = out.locations().iter().find(|it| it.address == 0x1234).unwrap();
    assert!(location.lines.is_empty() && location.mapping.is_some());
}

#[test]
fn a_binary_of_another_build_is_refused() {
    let place = Place::new();
    place.profile("heap.pb.gz", &without_binary());
    let own = std::env::current_exe().unwrap();
    let run = place.run_all(&["symbolize", "heap.pb.gz", "-o", "out.pb.gz", "--binary", text(&own)]);
    let message = run.error();
    assert!(
        message.contains(
            "is a different build from every file of the profile: /nonexistent/demo (build id 0011"
        ),
        "{message}"
    );
    assert!(
        message.contains(text(&own)) && message.ends_with("give the build that was profiled"),
        "{message}"
    );
    assert_eq!(place.files(), ["heap.pb.gz"]);
}

#[test]
fn json_has_the_outcome_for_each_module() {
    let place = Place::new();
    place.profile("own.pb.gz", &own_profile());
    let json = place.run("symbolize own.pb.gz -o named.pb.gz --json").json();
    assert_eq!((&json["kind"], &json["named"]), (&"symbolize".into(), &1.into()));
    assert_eq!(json["modules"][0]["with_lines"], 1);
    assert!(json["modules"][0]["missing"].is_null());
}

#[test]
fn names_are_cached_unless_no_cache_is_given() {
    let place = Place::new();
    let id = "ffeeddccbbaa99887766554433221100ffeeddcc";
    // A copy of this program with its own build id. It is deleted after the first run.
    let copy = with_build_id(&place, id);
    let mut profile = own_profile();
    let file = profile.strings.intern(text(&copy));
    let build_id = profile.strings.intern(id);
    let mapping = profile.mapping_ids().next().unwrap();
    profile.mapping_mut(mapping).file = file;
    profile.mapping_mut(mapping).build_id = build_id;
    place.profile("own.pb.gz", &profile);
    let cached = |line: &str| place.run(line).json()["from_cache"].clone();
    assert_eq!(cached("symbolize own.pb.gz -o out.pb.gz --json --no-cache"), 0);
    assert_eq!(cached("symbolize own.pb.gz -o out.pb.gz --json"), 0);
    assert_eq!(cached("symbolize own.pb.gz -o out.pb.gz --json --no-cache"), 0);
    fs::remove_file(copy).unwrap();
    assert_eq!(cached("symbolize own.pb.gz -o out.pb.gz --json"), 1);
    assert!(place.run("top own.pb.gz").answer().contains("cli::symbols::landmark"));
    assert!(place.run("top own.pb.gz --no-cache").error().contains("not found"));
}

/// This program with another build id in its note.
fn with_build_id(place: &Place, id: &str) -> PathBuf {
    let mut bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    // A note of type 3 (build id) by "GNU" with 20 bytes.
    let header = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let note = bytes.windows(header.len()).position(|it| it == header).expect("the linker writes a build id");
    for (index, pair) in id.as_bytes().chunks(2).enumerate() {
        let digits = std::str::from_utf8(pair).unwrap();
        bytes[note + header.len() + index] = u8::from_str_radix(digits, 16).unwrap();
    }
    place.bytes("demo", &bytes)
}
