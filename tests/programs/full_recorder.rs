//! Uses up the recorder's memory: `full_recorder PROFILE` calls through thousands of different stacks while
//! the system refuses memory, and then writes a snapshot.
//!
//! The inner allocator has its memory already, so that only the recorder runs out.

#[path = "trap/bump.rs"]
mod bump;

use std::hint::black_box;
use std::process::ExitCode;

use bump::Bump;

#[global_allocator]
static ALLOC: highwater::Alloc<Bump> = highwater::Alloc::wrapping(Bump::new()).exact();

const STACKS: usize = 20_000;
const DEPTH: usize = 30;

/// The bits of a number choose the calls, so that every number has a stack of its own.
#[inline(never)]
fn left(way: usize, depth: usize) -> Vec<u8> {
    black_box(down(way, depth))
}

#[inline(never)]
fn right(way: usize, depth: usize) -> Vec<u8> {
    black_box(down(way, depth))
}

fn down(way: usize, depth: usize) -> Vec<u8> {
    match depth {
        0 => vec![1; 100 + way % 64],
        _ if way & 1 == 0 => left(way >> 1, depth - 1),
        _ => right(way >> 1, depth - 1),
    }
}

/// Makes the system refuse additional address space, or lifts that limit.
fn limit_memory(is_limited: bool) {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("the kernel says how much it is");
    let pages: u64 = pages.split(' ').next().and_then(|it| it.parse().ok()).expect("a number");
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a valid place, and a valid one when it is set.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut limit), 0);
        limit.rlim_cur = if is_limited { pages * 4096 } else { limit.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
    }
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: full_recorder PROFILE");
        return ExitCode::from(2);
    };
    let mut kept = Vec::with_capacity(STACKS);
    limit_memory(true);
    for way in 0..STACKS {
        let block = down(way, DEPTH);
        if way.is_multiple_of(3) {
            kept.push(block);
        }
    }
    limit_memory(false);
    let written = highwater::Snapshot::capture().and_then(|it| it.write(path));
    drop(black_box(kept));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("full_recorder: {error}");
            ExitCode::FAILURE
        }
    }
}
