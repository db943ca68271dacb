//! A profile of this very test program: its address becomes the line of the function.

use std::fs;

use highwater_profile::{Location, Mapping, Profile, ValueType};

use crate::support::Place;

#[inline(never)]
fn landmark() -> u32 {
    std::hint::black_box(line!())
}

/// A profile with one address in the program that runs now, as an allocator would have recorded it.
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
    // Without a build id the file counts as long as it is older than the profile.
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
    // The first byte belongs to the signature, one line above the one that the function returns.
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
    assert_eq!(run.answer(), "wrote named.pb.gz\n");
    let named = highwater_profile::file::read(&place.path("named.pb.gz"), &Default::default()).unwrap();
    let line = named.locations()[0].lines[0];
    assert_eq!(named.string(named.function(line.function).name), "cli::symbols::landmark");
    assert!(named.mappings()[0].has_functions && named.mappings()[0].has_line_numbers);
    assert_eq!(named.samples.iter().collect::<Vec<_>>(), own_profile().samples.iter().collect::<Vec<_>>());
}
