//! The effect of a hard limit on a program. There is one test, since the limit applies to the whole process.

#![forbid(unsafe_code)]

use std::process::Command;
use std::{env, hint};

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Set in the child process that has to exceed its limit.
const BREAK: &str = "HIGHWATER_TEST_BREAKS_ITS_LIMIT";

const MIB: usize = 1 << 20;

/// A type that the recorder handles specially.
#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "only its size matters")] [u8; 4096]);

fn live_bytes() -> u64 {
    highwater::stats().live_bytes
}

#[test]
fn beyond_the_limit_allocations_fail() {
    let _limit = highwater_agent::hard_limit(live_bytes() + 4 * MIB as u64);
    if env::var_os(BREAK).is_some() {
        hint::black_box(vec![1_u8; 8 * MIB]);
        return;
    }
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(10_000);
    // In small pieces, each far below the limit by itself.
    let refused = loop {
        let mut piece = Vec::new();
        if let Err(error) = piece.try_reserve_exact(1000) {
            break error;
        }
        kept.push(piece);
        assert!(kept.len() < 9_999, "nothing is refused");
    };
    assert!(kept.len() >= 3_900, "{refused} after {}", kept.len());
    let before = live_bytes();
    // A vector that cannot grow returns an error and keeps its content.
    let mut last = kept.pop().unwrap();
    last.resize(1000, 7);
    last.try_reserve_exact(MIB).unwrap_err();
    assert_eq!(last, [7; 1000]);
    kept.push(last);
    Vec::<Page>::new().try_reserve_exact(MIB / size_of::<Page>()).unwrap_err();
    assert_eq!(live_bytes(), before, "what is refused does not count");
    kept.truncate(1000);
    Vec::<u8>::new().try_reserve_exact(MIB).unwrap();
    drop(highwater_agent::hard_limit(0));
    Vec::<u8>::new().try_reserve_exact(64 * MIB).unwrap();

    // A program that does not check for memory is aborted.
    let broken =
        Command::new(env::current_exe().unwrap()).env(BREAK, "1").arg("--nocapture").output().unwrap();
    let said = String::from_utf8_lossy(&broken.stderr);
    assert!(!broken.status.success() && said.contains("memory allocation of 8388608 bytes failed"), "{said}");
}
