//! A whole program against a plain map: every block of the process, from before `main` to the end of its
//! threads.
//!
//! Random sequences are compared where the recorder is a value and not the program's own allocator, and so
//! can be asked again and again: `crates/highwater-recorder/tests/reference_exact.rs`.

use std::process::Command;

use highwater_tests::succeed;

/// Each count's name, with the values of the map, of the exact counts and of the call sites.
fn run(mode: &str, arguments: &[&str]) -> Vec<(String, [u64; 3])> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_prove_reference"));
    let printed = succeed(program.env("HIGHWATER", mode).args(arguments));
    let row = |line: &str| {
        let (name, numbers) = line.split_once(' ').unwrap();
        let numbers: Vec<u64> = numbers.split(' ').map(|it| it.parse().unwrap()).collect();
        (name.to_owned(), numbers.try_into().unwrap())
    };
    printed.lines().map(row).collect()
}

#[test]
fn exact_mode_is_equal_to_the_map() {
    let rows = run("exact", &[]);
    assert_eq!(rows.len(), 6);
    for (name, [truth, counted, recorded]) in rows {
        assert!(truth > 100, "{name}: {truth} is too little to be worth a comparison");
        assert_eq!((counted, recorded), (truth, truth), "{name}");
    }
}

#[test]
fn the_counts_are_equal_to_the_map_in_every_mode() {
    for mode in ["interval:4KiB", "interval:512KiB", "off"] {
        for (name, [truth, counted, _]) in run(mode, &[]) {
            assert_eq!(counted, truth, "{mode}: {name}");
        }
    }
}

#[test]
fn a_block_hidden_from_the_map_is_detected() {
    let different = run("exact", &["forget"]).into_iter().filter(|(_, [truth, counted, _])| truth != counted);
    let different: Vec<_> = different.map(|(name, _)| name).collect();
    assert_eq!(different, ["alloc_blocks", "alloc_bytes", "live_blocks", "live_bytes"]);
}
