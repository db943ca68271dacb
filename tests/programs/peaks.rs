//! Peaks that are equal, in another thread in each run: `peaks PROFILE FIRST CACHE`.
//!
//! Three threads each unpack something, one at a time, beside a cache of CACHE bytes; the thread number FIRST begins. The
//! process is largest in each of them, and what is recorded as the peak is the first.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::thread;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Bytes of a spike, and of the pieces that it consists of.
const SPIKE: usize = 24 << 20;
const PIECE: usize = 3_000;

/// So many bytes in small blocks.
#[inline(always)]
fn pieces(bytes: usize) -> Vec<Box<[u8]>> {
    (0..bytes / PIECE).map(|_| black_box(vec![1; PIECE]).into_boxed_slice()).collect()
}

#[inline(never)]
fn unpack_images() {
    black_box(pieces(SPIKE));
}

#[inline(never)]
fn unpack_sounds() {
    black_box(pieces(SPIKE));
}

#[inline(never)]
fn unpack_texts() {
    black_box(pieces(SPIKE));
}

#[inline(never)]
fn fill_cache(bytes: usize) -> Vec<Box<[u8]>> {
    pieces(bytes)
}

fn run(path: &str, first: usize, cache: usize) -> Result<(), highwater::Error> {
    let cache = fill_cache(cache);
    let mut works = [unpack_images as fn(), unpack_sounds, unpack_texts];
    works.rotate_left(first);
    for work in works {
        let thread = thread::spawn(work);
        thread.join().expect("no panic");
    }
    let outcome = highwater::Snapshot::capture()?.write(path);
    drop(black_box(cache));
    outcome
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, first, cache] = arguments.as_slice() else {
        eprintln!("usage: peaks PROFILE FIRST CACHE");
        return ExitCode::from(2);
    };
    match run(path, first.parse().unwrap_or(0), cache.parse().unwrap_or(0)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peaks: {error}");
            ExitCode::FAILURE
        }
    }
}
