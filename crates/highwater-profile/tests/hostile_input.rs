//! Files that are cut off, damaged or hostile: each is an error that says what and where, or a profile that
//! is consistent in itself; never a panic.

use highwater_profile::{
    Label, LabelValue, Limits, Line, Location, Mapping, Meta, Profile, ReadError, ValueType, pprof, read,
};

/// A small profile that uses every table.
fn sample_profile() -> Profile {
    let mut profile =
        Profile::new(vec![ValueType::new("inuse_objects", "count"), ValueType::new("inuse_space", "bytes")]);
    profile.default_sample_type = Some(1);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 524_288;
    profile.time_ns = 1_700_000_000_000_000_000;
    profile.comments.push("made by a test".to_owned());
    profile.drop_frames = "malloc".to_owned();
    profile.meta = Some(Meta { format: Some(Meta::FORMAT), peak_bytes: Some(77), ..Meta::default() });
    let file = profile.strings.intern("/bin/demo");
    let build_id = profile.strings.intern("abcdef");
    let mapping = profile.add_mapping(Mapping {
        start: 0x1000,
        limit: 0x9000,
        file_offset: 0x400,
        file,
        build_id,
        has_functions: true,
        ..Mapping::default()
    });
    let key = profile.strings.intern("bytes");
    let mut stack = Vec::new();
    for depth in 0..20_u64 {
        let function = profile.add_function(&format!("demo::f{depth}"), "", "src/main.rs");
        let line = Line::new(function, depth as i64);
        stack.push(profile.add_location(Location {
            mapping: Some(mapping),
            address: 0x1000 + depth,
            lines: vec![line],
            is_folded: false,
        }));
        let label = Label { key, value: LabelValue::Number(64, key) };
        profile.samples.push(&stack, &[1 << depth, 64 << depth], &[label]);
    }
    profile
}

fn written(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    pprof::write(profile, &mut bytes).unwrap();
    bytes
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut bytes).unwrap();
    bytes
}

/// Looks at everything that a reader may look at.
fn walk(profile: &Profile) -> i64 {
    let mut sum = 0_i64;
    for sample in profile.samples.iter() {
        for &location in sample.stack {
            let location = profile.location(location);
            if let Some(mapping) = location.mapping {
                sum += profile.string(profile.mapping(mapping).file).len() as i64;
            }
            for line in &location.lines {
                sum += profile.string(profile.function(line.function).name).len() as i64;
            }
        }
        for label in sample.labels {
            sum += profile.string(label.key).len() as i64;
        }
    }
    sum
}

#[test]
fn what_is_written_is_read() {
    let profile = sample_profile();
    let bytes = written(&profile);
    let again = read(&bytes, &Limits::default()).unwrap();
    assert_eq!(again.sample_types(), profile.sample_types());
    assert_eq!(again.mappings(), profile.mappings());
    assert_eq!(again.functions(), profile.functions());
    assert_eq!(again.locations(), profile.locations());
    assert_eq!(again.samples.iter().collect::<Vec<_>>(), profile.samples.iter().collect::<Vec<_>>());
    assert_eq!(again.meta, profile.meta);
    assert_eq!((again.period, again.time_ns, again.default_sample_type), (524_288, profile.time_ns, Some(1)));
    assert_eq!((again.comments, again.drop_frames), (profile.comments, profile.drop_frames));
    assert_eq!(
        written(&read(&unpacked(&bytes), &Limits::default()).unwrap()),
        bytes,
        "uncompressed, and stable"
    );
}

#[test]
fn every_truncation_is_an_error_that_names_it() {
    let bytes = written(&sample_profile());
    for length in 0..bytes.len() {
        match read(&bytes[..length], &Limits::default()) {
            Err(ReadError::Empty) => assert_eq!(length, 0),
            Err(ReadError::Truncated { .. }) => {}
            other => panic!("{length} of {} bytes: {other:?}", bytes.len()),
        }
    }
    // Without compression the end of a record looks like the end of the file, so some cuts read as a profile.
    let bytes = unpacked(&bytes);
    let failed = (0..bytes.len())
        .filter(|&length| read(&bytes[..length], &Limits::default()).map(|it| walk(&it)).is_err())
        .count();
    assert!(failed * 10 > bytes.len() * 9, "{failed} of {}", bytes.len());
}

#[test]
fn no_bit_flip_breaks_the_reader() {
    let gzip = written(&sample_profile());
    for bit in 0..gzip.len() * 8 {
        let mut bytes = gzip.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // A gzip file has bits that mean nothing (time, system, padding); all others are under the checksum.
        if let Ok(profile) = read(&bytes, &Limits::default()) {
            assert_eq!(written(&profile), gzip, "bit {bit} was flipped and not noticed");
        }
    }
    let plain = unpacked(&gzip);
    for bit in 0..plain.len() * 8 {
        let mut bytes = plain.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(profile) = read(&bytes, &Limits::default()) {
            walk(&profile);
        }
    }
}

#[test]
fn unpacking_stops_at_the_limit() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut bomb, &vec![0; 10 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let limits = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read(&bomb, &limits), Err(ReadError::TooLarge { limit_bytes: 1_048_576 })));
}

#[test]
fn other_files_are_named() {
    let message = |bytes: &[u8]| read(bytes, &Limits::default()).unwrap_err().to_string();
    assert!(message(b"hello world").contains("plain text"));
    assert!(message(b"\nhello world").contains("plain text"));
    assert!(message(b"\x28\xb5\x2f\xfd....").contains("the compressed data is"));
    assert!(message(b"\x7fELF....").contains("ELF"));
    assert!(message(b"{\"a\": 1}").contains("JSON"));
    assert!(message(b"\x1f\x8b\x07...").contains("unknown compression method"));
    assert!(message(b"").contains("empty"));
    let page = b"<html><title>502 Bad Gateway</title></html>";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, page).unwrap();
    let found = message(&packed.finish().unwrap());
    assert!(found.contains("HTML with the title `502 Bad Gateway`, compressed"), "{found}");
}

#[test]
fn profiles_one_behind_the_other_are_added_up() {
    let one = written(&sample_profile());
    let total = |bytes: &[u8]| read(bytes, &Limits::default()).unwrap().samples.total(0);
    assert_eq!(total(&[one.clone(), one.clone()].concat()), 2 * total(&one));
    // One profile in several members is one.
    let bytes = unpacked(&one);
    let member = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, part).unwrap();
        encoder.finish().unwrap()
    };
    let (start, end) = bytes.split_at(bytes.len() / 2);
    assert_eq!(total(&[member(start), member(end)].concat()), total(&one));
}

#[test]
fn a_later_version_is_refused() {
    let mut profile = sample_profile();
    profile.meta = Some(Meta { format: Some(Meta::FORMAT + 1), ..Meta::default() });
    let error = read(&written(&profile), &Limits::default()).unwrap_err();
    assert!(matches!(error, ReadError::UnknownVersion { found } if found == Meta::FORMAT + 1), "{error}");
}

#[test]
fn the_offset_of_malformed_data_is_stated() {
    let mut bytes = unpacked(&written(&sample_profile()));
    let length = bytes.len();
    // A length-delimited field that claims more than there is.
    bytes.extend([0x12, 0x7f]);
    match read(&bytes, &Limits::default()) {
        Err(ReadError::Malformed { offset, .. }) => assert!(offset >= length, "{offset} of {length}"),
        other => panic!("{other:?}"),
    }
}

mod tables {
    //! References that point nowhere, written by hand as protobuf.

    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn message(parts: &[Vec<u8>]) -> Result<Profile, ReadError> {
        let head = [
            field(1, &[0x08, 1, 0x10, 2]),
            field(6, b""),
            field(6, b"inuse_space"),
            field(6, b"bytes\xc2\xb5"),
        ];
        read(&[head.concat(), parts.concat()].concat(), &Limits::default())
    }

    fn complaint(parts: &[Vec<u8>]) -> String {
        match message(parts) {
            Err(error @ ReadError::Inconsistent { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_names_its_field() {
        assert!(message(&[]).unwrap().samples.is_empty());
        let sample = |content: &[u8]| vec![field(2, content)];
        assert!(complaint(&sample(&[0x0a, 1, 9, 0x12, 1, 5])).contains("sample[0].location_id[0]"));
        assert!(complaint(&sample(&[0x12, 2, 5, 5])).contains("sample[0].value"));
        assert!(complaint(&sample(&[0x12, 1, 5, 0x1a, 2, 0x08, 99])).contains("sample[0].label[0].key"));
        assert!(complaint(&[field(3, &[0x08, 1, 0x28, 99])]).contains("mapping[0].filename"));
        assert!(complaint(&[field(3, &[0x08, 0])]).contains("mapping[0].id"));
        assert!(complaint(&[field(4, &[0x08, 1, 0x10, 7])]).contains("location[0].mapping_id"));
        assert!(
            complaint(&[field(4, &[0x08, 1, 0x22, 2, 0x08, 3])]).contains("location[0].line[0].function_id")
        );
        assert!(complaint(&[field(5, &[0x08, 1]), field(5, &[0x08, 1])]).contains("function[1].id"));
        assert!(complaint(&[vec![0x70, 99]]).contains("default_sample_type"));
    }

    /// A varint.
    fn number(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    fn long_field(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2][..], &number(content.len() as u64), content].concat()
    }

    #[test]
    fn each_names_its_offset() {
        let error = |parts: &[Vec<u8>]| match message(parts) {
            Err(ReadError::Inconsistent { field, offset, .. }) => (field, offset),
            other => panic!("{other:?}"),
        };
        let location = field(4, &[0x08, 1]);
        let sample = |ids: &[u8], value: u64| {
            let value = number(value);
            field(2, &[&long_field(1, ids)[..], &long_field(2, &value)].concat())
        };
        // The head takes 30 bytes, and a field's number and length two.
        let start = 30 + 2;
        let good = sample(&[1], 5);
        let nowhere = [good.clone(), sample(&[1, 2], 5), location.clone()];
        assert_eq!(error(&nowhere), ("sample[1].location_id[1]".to_owned(), start + good.len()));
        assert_eq!(error(&[location.clone(), field(4, &[0x08, 2, 0x10, 9])]).1, start + location.len());
        // 2^63 as an id is an id like any other.
        let far = long_field(1, &number(1 << 63));
        let far = field(2, &[&far[..], &[0x12, 1, 5]].concat());
        assert_eq!(error(std::slice::from_ref(&far)).0, "sample[0].location_id[0]");
        let there = field(4, &[&[0x08][..], &number(1 << 63)].concat());
        assert_eq!(message(&[far, there]).unwrap().samples.get(0).stack.len(), 1);
    }

    #[test]
    fn negative_values_make_a_difference() {
        // 2^63 is the lowest number to the format.
        for (value, expected) in [(u64::MAX, -1), (1 << 63, i64::MIN)] {
            let row = field(2, &long_field(2, &number(value)));
            let profile = message(&[row]).unwrap();
            assert_eq!(profile.samples.get(0).values, [expected]);
            assert!(profile.is_difference());
        }
    }

    #[test]
    fn a_string_that_is_not_utf8_is_read_all_the_same() {
        let function = field(5, &[0x08, 1, 0x10, 3]);
        let profile = message(&[field(6, b"caf\xe9"), function]).unwrap();
        assert_eq!(profile.string(profile.functions()[0].name), "café");
    }

    #[test]
    fn a_column_stays_what_it_is() {
        let location = field(4, &[0x08, 1, 0x22, 6, 0x08, 1, 0x10, 7, 0x18, 9]);
        let profile = message(&[location, field(5, &[0x08, 1])]).unwrap();
        let again = read(&written(&profile), &Limits::default()).unwrap();
        for it in [profile, again] {
            let line = it.locations()[0].lines[0];
            assert_eq!((line.line, line.column), (7, 9));
        }
    }

    #[test]
    fn a_million_frames_are_too_many() {
        let deep = |frames: usize| {
            let content = [long_field(1, &vec![1; frames]), vec![0x12, 1, 5]].concat();
            message(&[long_field(2, &content), field(4, &[0x08, 1])])
        };
        assert_eq!(
            deep(Limits::MAX_STACK_FRAMES).unwrap().samples.get(0).stack.len(),
            Limits::MAX_STACK_FRAMES
        );
        let error = deep(1_000_000).unwrap_err();
        assert!(
            matches!(&error, ReadError::Inconsistent { field, .. } if field == "sample[0].location_id"),
            "{error}"
        );
        assert!(error.to_string().contains("1000000 frames"), "{error}");
    }

    #[test]
    fn a_location_may_be_its_own_caller() {
        // Recursion is no cycle to follow: frames are read once each.
        let content = [long_field(1, &[1, 1, 1, 1]), vec![0x12, 1, 5]].concat();
        let line = [0x22, 2, 0x08, 1];
        let location = field(4, &[&[0x08, 1][..], &line, &line].concat());
        let profile = message(&[long_field(2, &content), location, field(5, &[0x08, 1])]).unwrap();
        assert_eq!((profile.samples.get(0).stack.len(), profile.locations()[0].lines.len()), (4, 2));
    }

    #[test]
    fn tables_count_against_the_memory_too() {
        // Locations of four bytes each, which take ten times as much in memory.
        let locations: Vec<Vec<u8>> =
            (1..=50_000_u64).map(|id| long_field(4, &[&[0x08][..], &number(id)].concat())).collect();
        let bytes = [field(1, &[0x08, 0]), field(6, b""), locations.concat()].concat();
        let limits = Limits { max_memory_bytes: 1 << 20, ..Limits::default() };
        assert!(read(&bytes, &Limits::default()).is_ok());
        assert!(matches!(read(&bytes, &limits), Err(ReadError::OutOfMemory { limit_bytes: 1_048_576 })));
        // One row with a label of two bytes, a million times.
        let row = [vec![0x12, 1, 5], [0x1a, 0].repeat(1 << 20)].concat();
        let bytes = [field(1, &[0x08, 0]), field(6, b""), long_field(2, &row)].concat();
        let limits = Limits { max_memory_bytes: 8 << 20, ..Limits::default() };
        assert!(matches!(read(&bytes, &limits), Err(ReadError::OutOfMemory { .. })));
    }
}
