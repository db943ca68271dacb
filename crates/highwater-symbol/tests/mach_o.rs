//! Mach-O: a small library and its dSYM bundle, written by this test, since no Linux tool links them.

use std::fs;
use std::path::Path;

use gimli::write::{Address, AttributeValue, Dwarf, EndianVec, LineProgram, LineString, Sections, Unit};
use gimli::{Encoding, Format, LineEncoding, LittleEndian, SectionId};
use highwater_profile::{Location, Mapping, Profile, ValueType};
use highwater_symbol::{Missing, Options, Summary, symbolize};

/// The position of the code in the file and, according to its own tables, in memory.
const TEXT_OFFSET: u32 = 0x1000;
const TEXT_ADDRESS: u64 = 0x1_0000_0000;
const TEXT_BYTES: u64 = 0x1000;
const UUID: [u8; 16] = [0xab; 16];

/// A 64-bit Mach-O file of type `kind` with a `__TEXT` segment, symbols, and optional debug sections.
fn file(kind: u32, uuid: [u8; 16], symbols: &[(&str, u64)], debug: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let put32 = |out: &mut Vec<u8>, values: &[u32]| out.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    let put64 = |out: &mut Vec<u8>, values: &[u64]| out.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    let name =
        |out: &mut Vec<u8>, text: &str| out.extend((0..16).map(|it| text.as_bytes().get(it).unwrap_or(&0)));

    let mut contents = vec![0x90; TEXT_BYTES as usize];
    let end = |contents: &Vec<u8>| TEXT_OFFSET + contents.len() as u32;
    let mut commands = Vec::new();
    let segment = |out: &mut Vec<u8>, it: &str, address: u64, size: u64, offset: u32, sections: u32| {
        put32(out, &[0x19, 72 + 80 * sections]);
        name(out, it);
        put64(out, &[address, size, u64::from(offset), size]);
        put32(out, &[5, 5, sections, 0]);
    };
    let section =
        |out: &mut Vec<u8>, (it, of): (&str, &str), address: u64, size: u64, offset: u32, flags: u32| {
            name(out, it);
            name(out, of);
            put64(out, &[address, size]);
            put32(out, &[offset, 0, 0, 0, flags, 0, 0, 0]);
        };
    segment(&mut commands, "__TEXT", TEXT_ADDRESS, TEXT_BYTES, TEXT_OFFSET, 1);
    section(&mut commands, ("__text", "__TEXT"), TEXT_ADDRESS, TEXT_BYTES, TEXT_OFFSET, 0x8000_0400);
    let mut count = 3;
    if !debug.is_empty() {
        count += 1;
        let sum = debug.iter().map(|it| it.1.len() as u64).sum();
        segment(&mut commands, "__DWARF", TEXT_ADDRESS * 2, sum, end(&contents), debug.len() as u32);
        for (it, bytes) in debug {
            section(&mut commands, (it, "__DWARF"), 0, bytes.len() as u64, end(&contents), 0x0200_0000);
            contents.extend(bytes);
        }
    }
    put32(&mut commands, &[0x1b, 24]);
    commands.extend(uuid);

    let (symbols_at, mut strings) = (end(&contents), vec![0]);
    for (it, address) in symbols {
        put32(&mut contents, &[strings.len() as u32]);
        contents.extend([0x0f, 1, 0, 0]);
        put64(&mut contents, &[*address]);
        strings.extend(it.bytes().chain([0]));
    }
    let strings_at = end(&contents);
    let table = [0x2, 24, symbols_at, symbols.len() as u32, strings_at, strings.len() as u32];
    put32(&mut commands, &table);
    contents.extend(strings);

    let mut bytes = Vec::new();
    let header = [0xfeed_facf, 0x0100_000c, 0, kind, count, commands.len() as u32, 0, 0];
    put32(&mut bytes, &header);
    bytes.extend(commands);
    bytes.resize(TEXT_OFFSET as usize, 0);
    bytes.extend(contents);
    bytes
}

/// Debug information for one function on lines 7 and 8 of `demo.rs`.
fn debug_sections() -> Vec<(&'static str, Vec<u8>)> {
    let encoding = Encoding { format: Format::Dwarf32, version: 4, address_size: 8 };
    let text = |it: &str| LineString::String(it.as_bytes().to_vec());
    let mut lines =
        LineProgram::new(encoding, LineEncoding::default(), text("/src"), None, text("demo.rs"), None);
    let directory = lines.default_directory();
    let file = lines.add_file(text("demo.rs"), directory, None);
    lines.begin_sequence(Some(Address::Constant(TEXT_ADDRESS)));
    for (offset, line) in [(0, 7), (0x40, 8)] {
        lines.row().address_offset = offset;
        lines.row().file = file;
        lines.row().line = line;
        lines.generate_row();
    }
    lines.end_sequence(0x80);
    let mut dwarf = Dwarf::new();
    let unit = dwarf.units.add(Unit::new(encoding, lines));
    let unit = dwarf.units.get_mut(unit);
    let root = unit.root();
    let describe = |entry: &mut gimli::write::DebuggingInformationEntry, name: &str, linkage: &str| {
        entry.set(gimli::DW_AT_name, AttributeValue::String(name.into()));
        entry.set(gimli::DW_AT_low_pc, AttributeValue::Address(Address::Constant(TEXT_ADDRESS)));
        entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(0x80));
        if !linkage.is_empty() {
            entry.set(gimli::DW_AT_linkage_name, AttributeValue::String(linkage.into()));
        }
    };
    describe(unit.get_mut(root), "demo.rs", "");
    let function = unit.add(root, gimli::DW_TAG_subprogram);
    describe(unit.get_mut(function), "add", "_ZN4demo5Index3addEj");
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    dwarf.write(&mut sections).unwrap();
    let mut written = Vec::new();
    sections
        .for_each(|id, bytes| {
            let name = match id {
                SectionId::DebugInfo => "__debug_info",
                SectionId::DebugAbbrev => "__debug_abbrev",
                SectionId::DebugLine => "__debug_line",
                SectionId::DebugStr => "__debug_str",
                _ => return Ok::<(), gimli::write::Error>(()),
            };
            written.push((name, bytes.slice().to_vec()));
            Ok(())
        })
        .unwrap();
    written
}

fn library() -> Vec<u8> {
    let symbols = [("_plain", TEXT_ADDRESS + 0x100), ("__ZN4demo5Index3addEj", TEXT_ADDRESS)];
    file(6, UUID, &symbols, &[])
}

/// A profile of addresses at these distances from the start of the code.
fn profile(path: &Path, distances: &[u64]) -> Profile {
    const START: u64 = 0x7_0000_0000;
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    let file = profile.strings.intern(path.to_str().unwrap());
    // In the spelling that other tools use for a UUID.
    let build_id = profile.strings.intern(&"AB".repeat(16));
    let mapping = profile.add_mapping(Mapping {
        start: START,
        limit: START + TEXT_BYTES,
        file_offset: TEXT_OFFSET.into(),
        file,
        build_id,
        ..Mapping::default()
    });
    for distance in distances {
        let location = profile.add_location(Location::at(Some(mapping), START + distance));
        profile.samples.push(&[location], &[1], &[]);
    }
    profile
}

fn run(profile: &mut Profile, debug_dir: Option<&Path>) -> (Vec<(String, i64)>, Summary) {
    let debug_dirs = debug_dir.iter().map(|it| it.to_path_buf()).collect();
    let summary = symbolize(profile, &Options { debug_dirs, ..Options::default() }).unwrap();
    let name = |it: &Location| {
        it.lines.first().map_or_else(Default::default, |line| {
            (profile.string(profile.function(line.function).name).to_owned(), line.line)
        })
    };
    (profile.locations().iter().map(name).collect(), summary)
}

fn named(name: &str, line: i64) -> (String, i64) {
    (name.to_owned(), line)
}

#[test]
fn symbols_end_at_the_next_one_and_lose_their_underscore() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libdemo.dylib");
    fs::write(&path, library()).unwrap();
    let (found, summary) = run(&mut profile(&path, &[0, 0x44, 0x100, 0xfff]), None);
    let add = || named("demo::Index::add(unsigned int)", 0);
    assert_eq!(found, [add(), add(), named("plain", 0), named("plain", 0)]);
    assert_eq!(summary.mappings[0].build_id, "ab".repeat(16));
}

#[test]
fn a_bundle_with_the_same_uuid_has_the_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libdemo.dylib");
    fs::write(&path, library()).unwrap();
    let symbols = directory.path().join("symbols");
    let bundle = symbols.join("libdemo.dylib.dSYM/Contents/Resources/DWARF");
    fs::create_dir_all(&bundle).unwrap();
    fs::write(bundle.join("libdemo.dylib"), file(10, UUID, &[], &debug_sections())).unwrap();
    let add = |line| named("demo::Index::add(unsigned int)", line);
    let expected = [add(7), add(8), named("plain", 0)];
    for place in [&symbols, &symbols.join("libdemo.dylib.dSYM")] {
        assert_eq!(run(&mut profile(&path, &[0, 0x44, 0x100]), Some(place)).0, expected);
    }
    // The planted fault: a bundle of another build.
    fs::write(bundle.join("libdemo.dylib"), file(10, [0xac; 16], &[], &debug_sections())).unwrap();
    assert_eq!(run(&mut profile(&path, &[0]), Some(&symbols)).0, [add(0)]);
}

#[test]
fn another_uuid_names_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libdemo.dylib");
    fs::write(&path, file(6, [0xac; 16], &[("_plain", TEXT_ADDRESS)], &[])).unwrap();
    let (found, summary) = run(&mut profile(&path, &[0]), None);
    assert_eq!(found, [(String::new(), 0)]);
    assert!(matches!(summary.mappings[0].missing, Some(Missing::OtherBuild { .. })));
}
