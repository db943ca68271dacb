//! Files with one invalid line: the command names the line, in one message, and exits with code 2.

use std::fs;
use std::process::{Command, Output};

use highwater_tests::highwater;

use super::support::golden;

/// The output of `highwater info` for this content.
fn info(content: &str, options: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("profile"), content).unwrap();
    let mut command = Command::new(highwater());
    command.arg("info").args(options).arg("profile").current_dir(directory.path()).output().unwrap()
}

fn assert_refused(output: &Output, expected: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(output.stdout.is_empty());
    assert!(said.starts_with("highwater: error: profile: ") && said.contains(expected), "{said}");
}

/// The golden in which `from`, on the line with that number, is replaced by `to`.
fn damaged(name: &str, line: usize, from: &str, to: &str) -> String {
    let text = fs::read_to_string(golden(name)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines[line - 1].contains(from), "{name} line {line}: {}", lines[line - 1]);
    lines[line - 1] = lines[line - 1].replacen(from, to, 1);
    lines.join("\n")
}

#[test]
fn a_wrong_line_is_named() {
    for (name, line, from, to, expected) in [
        (
            "jemalloc/sampled/heap",
            1,
            "heap_v2/",
            "heap_v2/x",
            "this jemalloc heap dump is not valid: line 1: ",
        ),
        ("jemalloc/sampled/heap", 4, "0x", "0y", "this jemalloc heap dump is not valid: line 4: "),
        ("jemalloc/sampled/heap", 5, "t*: ", "t*: -", "this jemalloc heap dump is not valid: line 5: "),
        ("gperftools/exact/heap", 3, ":", ";", "this gperftools heap profile is not valid: line 3: "),
        (
            "gperftools/exact/heap",
            1,
            "heapprofile",
            "heaps",
            "this gperftools heap profile is not valid: line 1: ",
        ),
        ("go/sampled/heap.txt", 3, "#\t0x", "#\t0x9", "this Go heap profile is not valid: line 3: "),
        ("memray/peak/allocations.csv", 7, ",1,", ",one,", "this memray CSV file is not valid: line 7: "),
        ("folded/jeprof/stacks.folded", 2, " ", " x", "this folded stacks file is not valid: line 2: "),
    ] {
        assert_refused(&info(&damaged(name, line, from, to), &[]), expected);
    }
}

#[test]
fn whole_goldens_are_accepted() {
    for name in [
        "jemalloc/sampled/heap",
        "gperftools/exact/heap",
        "go/sampled/heap.txt",
        "memray/peak/allocations.csv",
        "folded/jeprof/stacks.folded",
    ] {
        let output = info(&fs::read_to_string(golden(name)).unwrap(), &[]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_file_that_takes_too_much_memory_is_refused() {
    for name in ["jemalloc/sampled/heap", "go/sampled/heap.txt", "memray/peak/allocations.csv"] {
        let content = fs::read_to_string(golden(name)).unwrap();
        // More than the size of the text, less than the size of the profile.
        let limit = (content.len() + 2000).to_string();
        let output = info(&content, &["--max-memory", &limit]);
        assert_refused(&output, &format!("takes more than {limit} bytes of memory"));
        assert!(String::from_utf8_lossy(&output.stderr).trim_end().ends_with("(--max-memory)"));
    }
}

#[test]
fn missing_values_are_reported() {
    let text = |name: &str| {
        let output = info(&fs::read_to_string(golden(name)).unwrap(), &[]);
        String::from_utf8(output.stdout).unwrap()
    };
    for (name, expected) in [
        ("jemalloc/live_only/heap", &["format     jemalloc heap dump", "exact", "\nallocated totals\n"][..]),
        ("jemalloc/sampled/heap", &["sampling interval 16", "\npeak totals\n", "\nbuild id of "]),
        ("gperftools/sampled/heap", &["sampling interval 16", "\nallocated totals\n"]),
        ("go/sampled/heap.txt", &["sampling interval 64", "\nmappings\n", "Go heap profile, recorded by go"]),
        ("memray/peak/allocations.csv", &["exact", "\nmoment of the values\n", "recorded by memray"]),
        ("folded/jeprof/stacks.folded", &["\nunit of the values\n", "\nsampling interval\n"]),
    ] {
        let text = text(name);
        for expected in expected {
            assert!(text.contains(expected), "{name}: {expected:?} in\n{text}");
        }
    }
}
