//! heaptrack's recordings.

use std::time::{Duration, Instant};

use highwater_profile::{Limits, Profile, ReadError, read};

use crate::{assert_messages, read_within, stack};

/// A recording with two stacks, `f` that `main` called and `main`, and these events.
fn recording(events: &str) -> String {
    format!(
        "v 10400 3\nX ./shop --all\nI 1000 10\ns 4 main\ns 6 main.c\ns 1 f\ns 9 /bin/shop\ns 5 inner\n\
         i 4010 4 1 2 7\ni 4020 4 5 2 1f 3 2 3\ni 4030 0\nt 1 0\nt 2 1\nt 3 0\na 10 2\na 20 1\na 5 0\n{events}"
    )
}

fn decode(events: &str) -> Profile {
    read(recording(events).as_bytes(), &Limits::default()).unwrap()
}

fn values(profile: &Profile) -> Vec<Vec<i64>> {
    profile.samples.iter().map(|row| row.values.to_vec()).collect()
}

#[test]
fn events_become_totals() {
    // 16, 32, 48 with the second block; the peak; then one more of the first, which only reaches it.
    let profile = decode("+ 0\n+ 1\n- 0\n+ 0\nc a\nR 3\n- 1\n+ 2\n- 2\n");
    assert_eq!(values(&profile), [[2, 32, 1, 16, 1, 16, 0], [1, 32, 0, 0, 1, 32, 0], [1, 5, 0, 0, 0, 0, 1]]);
    assert_eq!(stack(&profile, 0), ["0x4020 inner main.c:31 < f main.c:3", "0x4010 main main.c:7"]);
    assert_eq!(stack(&profile, 2), [""; 0]);
    let label = profile.strings.find("bytes").unwrap();
    assert_eq!(profile.samples.get(1).number(label), Some(32));
    assert_eq!(profile.duration_ns, 10_000_000);
    assert_eq!(profile.source.producer.as_deref(), Some("heaptrack 1.4.0"));
    assert!(profile.comments.contains(&"command: ./shop --all".to_owned()));
    assert!(profile.comments.iter().any(|it| it.starts_with("at most 12288 bytes resident")));
}

/// Against the plainest way: to copy all that is live at every new height.
#[test]
fn what_is_live_at_the_peak_is_what_a_copy_would_show() {
    const SIZES: [i64; 3] = [0x10, 0x20, 5];
    let mut random = 1_u64;
    for _ in 0..200 {
        let (mut live, mut at_peak, mut highest, mut events) = ([0_i64; 3], [0_i64; 3], 0, String::new());
        for _ in 0..60 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let kind = (random >> 33) as usize % 3;
            if (random >> 40) % 5 < 3 || live[kind] == 0 {
                events += &format!("+ {kind}\n");
                live[kind] += 1;
            } else {
                events += &format!("- {kind}\n");
                live[kind] -= 1;
            }
            let bytes = (0..3).map(|it| live[it] * SIZES[it]).sum();
            if bytes > highest {
                (highest, at_peak) = (bytes, live);
            }
        }
        let profile = decode(&events);
        let found: i64 = values(&profile).iter().map(|row| row[5]).sum();
        assert_eq!(found, highest, "{events}");
        for (row, values) in profile.samples.iter().zip(values(&profile)) {
            let label = profile.strings.find("bytes").unwrap();
            let kind = SIZES.iter().position(|it| row.number(label) == Some(*it)).unwrap();
            assert_eq!((values[2], values[4]), (live[kind], at_peak[kind]), "{events}");
        }
    }
}

#[test]
fn strings_of_the_versions_before_have_no_length() {
    let text = "v 10200 2\ns main\ns a file.c\ni 40 0 1 2 3\nt 1 0\na 8 1\n+ 0\n";
    let profile = read(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(stack(&profile, 0), ["0x40 main a file.c:3"]);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let after = |events: &str| recording(events);
    let head = |line: &str| format!("v 10400 3\n{line}\n");
    assert_messages(&[
        (after("+ 3\n"), "line 18: the kind of block is number 0x3, and before this line there are 0x3"),
        (
            "v 10400 3\n+ 0\n".to_owned(),
            "line 2: the kind of block is number 0x0, and before this line there are 0x0",
        ),
        (after("+\n"), "line 18: the kind of block is missing"),
        (after("+ 0\n- 0\n- 0\n"), "line 20: more blocks of this kind are freed than were allocated"),
        (after("t 4 0\n"), "line 18: the instruction is number 0x4, and before this line there are 0x3"),
        (after("t 1 4\n"), "line 18: the calling stack is number 0x4, and before this line there are 0x3"),
        (after("i 1 9\n"), "line 18: the module is number 0x9"),
        (after("i 1 1 1 2\n"), "line 18: the line is missing"),
        (after("i 1 1 1 2 ffffffffffffffff\n"), "line 18: the line is ffffffffffffffff"),
        (after("s 9 main\n"), "line 18: the string has 9 bytes, and the line 4"),
        (after("a 10\n"), "line 18: the stack is missing"),
        (after("+ 0\n+ 0"), "line 19: the file ends here"),
        (after("q 1\n"), "line 18: no line begins with `q`"),
        (after("a 7fffffffffffffff 1\n+ 3\n+ 3\n"), "line 20: more than 2^63 - 1 bytes are live"),
        (head("x 4 shop"), "line 2: this is what heaptrack records before it looks up names"),
        ("v 10400 4\n".to_owned(), "line 1: the file has version 4, and those from 1 to 3 are read"),
        ("v 10100\n".to_owned(), "line 1: the file has version 0"),
        (head("# nothing"), "the file ends here, before an allocation"),
    ]);
}

/// A chain of callers a line each: a megabyte of it names stacks of terabytes.
#[test]
fn stacks_that_grow_with_every_line_take_neither_memory_nor_time() {
    let begin = Instant::now();
    let chain = |length: usize| -> String {
        let calls: String = (1..=length).map(|caller| format!("t 1 {caller:x}\na 8 {caller:x}\n")).collect();
        let blocks: String = (0..length).map(|kind| format!("+ {kind:x}\n")).collect();
        format!("v 10400 3\ni 1 0\nt 1 0\n{calls}{blocks}")
    };
    assert!(matches!(read_within(&chain(20_000), 100_000_000), Err(ReadError::OutOfMemory { .. })));
    assert_messages(&[(chain(Limits::MAX_STACK_FRAMES), "a stack of more than 65536 frames")]);
    // The same deep stack for blocks of many sizes is one stack.
    let calls: String = (1..60_000).map(|caller| format!("t 1 {caller:x}\n")).collect();
    let sizes: String = (1..60_000).map(|size| format!("a {size:x} ea60\n+ {:x}\n", size - 1)).collect();
    let profile = read_within(&format!("v 10400 3\ni 1 0\nt 1 0\n{calls}{sizes}"), 100_000_000).unwrap();
    assert_eq!((profile.samples.len(), profile.samples.stacks()), (59_999, 1));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
