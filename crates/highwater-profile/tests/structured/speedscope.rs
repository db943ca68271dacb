//! speedscope files.

use std::time::{Duration, Instant};

use highwater_profile::{Format, Limits, Missing, Profile, ReadError, ValueType, read};

use crate::{assert_messages, read_within, stack, there_and_back};

fn file(profiles: &str) -> String {
    format!(
        r#"{{"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"some 1","profiles":[
{profiles}],
"shared":{{"frames":[{{"name":"main"}},{{"name":"f","file":"a.c","line":3}},{{"name":"g","col":1}}]}}}}"#
    )
}

fn sampled(name: &str, unit: &str, samples: &str, weights: &str) -> String {
    format!(
        r#"{{"type":"sampled","name":"{name}","unit":"{unit}","startValue":0,"endValue":9,"samples":[{samples}],"weights":[{weights}]}}"#
    )
}

fn evented(unit: &str, events: &[(&str, u32, &str)]) -> String {
    let events: Vec<String> = events
        .iter()
        .map(|(kind, frame, at)| format!(r#"{{"type":"{kind}","frame":{frame},"at":{at}}}"#))
        .collect();
    let events = events.join(",");
    format!(
        r#"{{"type":"evented","name":"thread","unit":"{unit}","startValue":0,"endValue":9,"events":[{events}]}}"#
    )
}

fn decode(profiles: &str) -> Profile {
    read(file(profiles).as_bytes(), &Limits::default()).unwrap()
}

fn rows(profile: &Profile) -> Vec<(Vec<String>, Vec<i64>)> {
    let rows = profile.samples.iter().enumerate();
    rows.map(|(index, row)| (stack(profile, index), row.values.to_vec())).collect()
}

#[test]
fn profiles_of_one_unit_are_one_column_and_told_by_a_label() {
    let profile = decode(&format!(
        "{},{}",
        sampled("first", "bytes", "[0,1],[0]", "5,6"),
        sampled("second", "bytes", "[0,1]", "7.4")
    ));
    assert_eq!(profile.sample_types(), [ValueType::new("space", "bytes")]);
    let label = profile.strings.find("profile").unwrap();
    let all: Vec<(&str, i64)> =
        profile.samples.iter().map(|row| (profile.string(row.text(label).unwrap()), row.values[0])).collect();
    assert_eq!(all, [("first", 5), ("first", 6), ("second", 7)]);
    assert_eq!(stack(&profile, 0), ["0x0 f a.c:3", "0x0 main :0"]);
    assert!(profile.source.missing.contains(&Missing::Moment));
}

#[test]
fn events_are_what_the_counter_gains_between_them() {
    let events =
        [("O", 0, "1.5"), ("O", 1, "2"), ("C", 1, "2.25"), ("O", 1, "3"), ("C", 1, "4"), ("C", 0, "4")];
    let profile = decode(&evented("milliseconds", &events));
    assert_eq!(profile.sample_types(), [ValueType::new("time", "nanoseconds")]);
    let [main, both] =
        [vec!["0x0 main :0".to_owned()], vec!["0x0 f a.c:3".to_owned(), "0x0 main :0".to_owned()]];
    assert_eq!(rows(&profile), [(main, vec![1_250_000]), (both, vec![1_250_000])]);
}

#[test]
fn what_is_written_is_read_again() {
    let types = [("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = Some(2);
    let function = profile.add_function("a \"b\" </script>", "x", "f.rs");
    let line = highwater_profile::Line::new(function, 4);
    let location = profile.add_location(highwater_profile::Location::symbolized(vec![line, line]));
    profile.samples.push(&[location], &[i64::MAX - 9, 2, 0], &[]);
    profile.samples.push(&[], &[9, 0, 1], &[]);
    let again = there_and_back(&profile, Format::Speedscope);
    assert_eq!(again.sample_types(), profile.sample_types());
    assert_eq!(again.default_sample_type, Some(2));
    let frame = "0x0 a \"b\" </script> f.rs:4".to_owned();
    assert_eq!(
        rows(&again),
        [(vec![frame.clone(), frame], vec![i64::MAX - 9, 2, 0]), (vec![], vec![9, 0, 1])]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let bytes = |samples: &str, weights: &str| file(&sampled("one", "bytes", samples, weights));
    let events = |events: &[(&str, u32, &str)]| file(&evented("none", events));
    assert_messages(&[
        (bytes("[3]", "1"), "frame 3 is named, and `shared.frames` has 3 frames"),
        (bytes("[0],[1]", "1"), "line 2: column 109: 2 `samples` have 1 `weights`"),
        (bytes("[0]", "1e300"), "a weight is out of range"),
        (bytes("[0]", "\"1\""), "expected a number"),
        (bytes("[-1]", "1"), "invalid value: integer `-1`, expected u32"),
        (bytes("0", "1"), "expected an array of frames"),
        (file(&sampled("one", "pages", "[0]", "1")), "the unit of a profile is `pages`"),
        (
            bytes("[0]", "1").replace("\"sampled\"", "\"heap\""),
            "a profile is `sampled` or `evented`, not `heap`",
        ),
        (
            bytes("[0]", "1").replace("\"weights\"", "\"w\""),
            "a `sampled` profile has `samples` and `weights`",
        ),
        (bytes("[0]", "1").replace("\"shared\"", "\"s\""), "missing field `shared`"),
        (events(&[("C", 0, "1")]), "event 0 closes frame 0, which is not the innermost open one"),
        (events(&[("O", 0, "1"), ("C", 1, "2")]), "event 1 closes frame 1"),
        (events(&[("O", 0, "2"), ("C", 0, "1")]), "event 1 is before the one in front of it"),
        (events(&[("O", 0, "2")]), "frames are left open at the end"),
        (events(&[("O", 7, "2")]), "frame 7 is named"),
        (events(&[("X", 0, "2")]), "unknown variant `X`"),
    ]);
}

/// Frames that only open: every event is a stack of its own.
#[test]
fn stacks_that_grow_with_every_event_take_neither_memory_nor_time() {
    let begin = Instant::now();
    let nested = |depth: usize| {
        let at: Vec<String> = (0..2 * depth).map(|it| it.to_string()).collect();
        let events: Vec<_> = at
            .iter()
            .enumerate()
            .map(|(index, at)| (if index < depth { "O" } else { "C" }, 0, at.as_str()))
            .collect();
        file(&evented("bytes", &events))
    };
    assert!(matches!(read_within(&nested(20_000), 60_000_000), Err(ReadError::OutOfMemory { .. })));
    assert_messages(&[(nested(Limits::MAX_STACK_FRAMES + 1), "a stack of more than 65536 frames")]);
    assert!(matches!(read_within(&file(""), 1000), Err(ReadError::OutOfMemory { .. })));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
