//! Bytes and blocks next to Criterion's times: the example's output against the known allocations of its
//! functions.

use std::process::Command;

use highwater_tests::{operations, succeed};

/// The numbers of an operation's line: ns, bytes and blocks.
///
/// # Errors
/// When there is no line with that name and three numbers.
fn numbers(output: &str, name: &str) -> Result<[f64; 3], String> {
    let words: Vec<&str> = output
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words: &Vec<&str>| words.first() == Some(&name) && words.contains(&"ns/op"))
        .ok_or_else(|| format!("no line of {name}"))?;
    match words[..] {
        [_, ns, "ns/op", bytes, "B/op", blocks, "allocs/op"] => {
            let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
            Ok([number(ns)?, number(bytes)?, number(blocks)?])
        }
        _ => Err(format!("not the three numbers: {words:?}")),
    }
}

/// The fault in an operation's bytes and blocks, if there is one.
fn check(output: &str, name: &str, expected: [f64; 2]) -> Result<(), String> {
    let [ns, bytes, blocks] = numbers(output, name)?;
    if ns > 0.0 && [bytes, blocks] == expected {
        Ok(())
    } else {
        Err(format!("{name}: {ns} ns, {bytes} bytes, {blocks} blocks, expected {expected:?}"))
    }
}

#[test]
fn operations_show_time_bytes_and_blocks_side_by_side() {
    let results = tempfile::tempdir().unwrap();
    let mut run = Command::new(operations());
    let output = succeed(run.env("CRITERION_HOME", results.path()).env_remove("HIGHWATER"));
    check(&output, "written_with_room", [4096.0, 1.0]).unwrap();
    // A string of 3,890 bytes grows to 8, 16, 32 … 4,096.
    check(&output, "written", [8184.0, 10.0]).unwrap();
    check(&output, "digits", [0.0, 0.0]).unwrap();
    // A thousand strings with 2,890 digits in total, the list of them, and the text with 999 spaces.
    check(&output, "joined_strings", [24_000.0 + 2890.0 + 3889.0, 1002.0]).unwrap();
    // The planted fault: another number is refused.
    assert!(check(&output, "written", [8184.0, 9.0]).is_err());
    assert!(check(&output, "written_twice", [8184.0, 10.0]).is_err());

    // Criterion's own lines, for the time and for the measurements that replace it.
    let words = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("written time: ["), "{output}");
    assert!(words.contains("bytes of joined_strings time: [30.058 KiB 30.058 KiB 30.058 KiB]"), "{output}");
    assert!(words.contains("bytes of digits time: [0.0000 B 0.0000 B 0.0000 B]"), "{output}");
    assert!(
        words.contains("blocks of joined_strings time: [1002.0 blocks 1002.0 blocks 1002.0 blocks]"),
        "{output}"
    );
}
