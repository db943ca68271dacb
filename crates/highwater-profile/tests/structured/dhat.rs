//! DHAT files.

use highwater_profile::{Format, Limits, Missing, Profile, ReadError, ValueType, read};

use crate::{assert_messages, message, read_within, stack, there_and_back};

/// A file with these rows and these frames.
fn file(mode: &str, rows: &str, frames: &str) -> String {
    format!(
        r#"{{"dhatFileVersion":2,"mode":"{mode}","verb":"Allocated","bklt":true,"bkacc":false,
"tu":"µs","Mtu":"s","tuth":10,"cmd":"shop --all","pid":7,"tg":3,"te":5,
"pps":[{rows}],
"ftbl":[{frames}]}}"#
    )
}

const ROW: &str =
    r#"{"tb":10,"tbk":1,"tl":4,"mb":10,"mbk":1,"gb":10,"gbk":1,"eb":10,"ebk":1,"fs":[1,2,3,2,4]}"#;
const FRAMES: &str = r#""[root]","0x5: push (vec.rs:3)","0x9: grow (raw.rs:7:2)","0x9: fill (fill.rs:1)","0x20: main (in /bin/shop)""#;

fn values(profile: &Profile) -> Vec<i64> {
    profile.samples.get(0).values.to_vec()
}

#[test]
fn all_fields_of_a_row_arrive() {
    let profile = read(file("heap", ROW, FRAMES).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(values(&profile), [1, 10, 1, 10, 1, 10, 1, 10, 4]);
    // Calls inlined into each other are one location, and what comes again in them is a call of its own.
    assert_eq!(
        stack(&profile, 0),
        ["0x5 push vec.rs:3", "0x9 grow raw.rs:7 < fill fill.rs:1", "0x9 grow raw.rs:7", "0x20 main :0"]
    );
    assert_eq!(profile.string(profile.mappings()[0].file), "/bin/shop");
    assert_eq!((profile.period, profile.duration_ns), (1, 5000));
    assert_eq!(profile.source.producer.as_deref(), Some("valgrind dhat"));
    assert!(profile.comments.contains(&"command: shop --all".to_owned()));
    assert!(!profile.source.missing.contains(&Missing::PeakTotals));
}

#[test]
fn addresses_of_the_crate_dhat_lie_behind_the_call() {
    let profile = read(file("rust-heap", ROW, FRAMES).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(stack(&profile, 0)[0], "0x4 push vec.rs:3");
    assert_eq!(profile.source.producer.as_deref(), Some("dhat-rs"));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let with = |row: &str| file("heap", row, FRAMES);
    assert_messages(&[
        (
            with(&ROW.replace("2,4]", "2,5]")),
            "line 3: column 97: `fs` of this row has frame 5, and `ftbl` has 5 frames",
        ),
        (with(&ROW.replace("\"gb\":10,", "")), "this row of `pps` has no `gb`"),
        (with(&ROW.replace("\"tb\":10,", "")), "line 3: column 88: missing field `tb`"),
        (with(&ROW.replace("\"tb\":10", "\"tb\":-1")), "invalid value: integer `-1`, expected u64"),
        (with(&ROW.replace("\"tb\":10", "\"tb\":9223372036854775808")), "a count up to 2^63 - 1"),
        (with(&ROW.replace("\"tb\":10", "\"tb\":1.5")), "invalid type: floating point `1.5`"),
        (with(&ROW.replace("[1,", "[-1,")), "invalid value: integer `-1`, expected u32"),
        (
            with(ROW).replacen("on\":2", "on\":3", 1),
            "`dhatFileVersion` is 3, and version 2 is the one that is read",
        ),
        (with(ROW).replace("\"pps\"", "\"rows\""), "missing field `pps`"),
        (with(ROW).replace("\"ftbl\":", "\"pps\":[],\"ftbl\":"), "duplicate field `pps`"),
        (format!("{}{}", with(ROW), "x"), "line 4: column 119: trailing characters"),
        (with(&"[".repeat(100_000)), "expected `,` or `]`"),
        (with(&ROW.replacen('{', &format!("{{\"x\":{},", "[".repeat(100_000)), 1)), "expected"),
    ]);
    let whole = with(ROW);
    assert!(
        message(&whole[..whole.len() - 1]).contains("the file ends here, in the middle"),
        "{}",
        message(&whole[..300])
    );
}

#[test]
fn deep_stacks_and_large_tables_are_refused() {
    let deep = format!("[{}1]", "1,".repeat(Limits::MAX_STACK_FRAMES));
    let row = ROW.replace("[1,2,3,2,4]", &deep);
    assert!(message(&file("heap", &row, FRAMES)).contains("a stack of more than 65536 frames"));
    let many = file("heap", ROW, &format!("{FRAMES}{}", ",\"f\"".repeat(200_000)));
    assert!(matches!(read_within(&many, 3_000_000), Err(ReadError::OutOfMemory { .. })));
    let rows = vec![ROW; 20_000].join(",");
    assert!(matches!(
        read_within(&file("heap", &rows, FRAMES), 3_000_000),
        Err(ReadError::OutOfMemory { .. })
    ));
}

#[test]
fn what_is_written_is_read_again() {
    let profile = read(file("heap", ROW, FRAMES).as_bytes(), &Limits::default()).unwrap();
    let again = there_and_back(&profile, Format::Dhat);
    assert_eq!(values(&again), [1, 10, 1, 10, 1, 10, 1, 10]);
    assert_eq!(stack(&again, 0), stack(&profile, 0));
    assert_eq!(again.source.producer.as_deref(), Some("highwater"));
    assert_eq!(again.duration_ns, 5000);
}

#[test]
fn a_moment_that_is_not_known_is_not_made_up() {
    let types = [("alloc_space", "bytes"), ("inuse_space", "bytes"), ("inuse_objects", "count")];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.samples.push(&[], &[9, 4, 1], &[]);
    let again = there_and_back(&profile, Format::Dhat);
    let kinds: Vec<&str> = again.sample_types().iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["blocks", "alloc_space", "inuse_objects", "inuse_space"]);
    assert_eq!(values(&again), [0, 9, 1, 4]);
    assert!(again.source.missing.contains(&Missing::PeakTotals));
    // Live blocks alone, as jemalloc writes them, and something else altogether.
    for (kind, unit) in [("inuse_space", "bytes"), ("cpu", "nanoseconds")] {
        let mut profile = Profile::new(vec![ValueType::new(kind, unit)]);
        profile.samples.push(&[], &[4], &[]);
        let again = there_and_back(&profile, Format::Dhat);
        assert_eq!(again.sample_types()[1], ValueType::new(kind, unit));
        assert_eq!(values(&again), [0, 4]);
    }
}

#[test]
fn negative_values_are_not_written() {
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    profile.samples.push(&[], &[-4], &[]);
    for format in [Format::Dhat, Format::Speedscope, Format::Callgrind] {
        let error = highwater_profile::write(format, &profile, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("inuse_space is negative in some rows"), "{error}");
        let nothing = Profile::new(vec![]);
        let error = highwater_profile::write(format, &nothing, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no sample type"), "{error}");
    }
}
