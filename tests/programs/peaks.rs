//! Almost equal peaks, whose first one is in another thread in each run: `peaks PROFILE FIRST CACHE`.
//!
//! Three threads each unpack something, one at a time, next to a cache of CACHE bytes. Thread number FIRST
//! starts, with slightly more than the others, so the process has its peak in it.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::thread;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Bytes of the first spike.
const SPIKE: usize = 24 << 20;
/// Bytes of each piece of a spike.
const PIECE: usize = 3_000;
/// The later spikes are smaller by this many bytes.
const LESS: usize = 512 << 10;

// Different names keep the compiler from merging the functions.
#[inline(never)]
fn unpack_images(bytes: usize) {
    black_box(("images", (0..bytes / PIECE).map(|_| vec![1_u8; PIECE]).collect::<Vec<_>>()));
}

#[inline(never)]
fn unpack_sounds(bytes: usize) {
    black_box(("sounds", (0..bytes / PIECE).map(|_| vec![1_u8; PIECE]).collect::<Vec<_>>()));
}

#[inline(never)]
fn unpack_texts(bytes: usize) {
    black_box(("texts", (0..bytes / PIECE).map(|_| vec![1_u8; PIECE]).collect::<Vec<_>>()));
}

#[inline(never)]
fn fill_cache(bytes: usize) -> Vec<Vec<u8>> {
    black_box((0..bytes / PIECE).map(|_| vec![1; PIECE]).collect())
}

fn run(path: &str, first: usize, cache: usize) -> Result<(), highwater::Error> {
    let cache = fill_cache(cache);
    let mut works = [unpack_images as fn(usize), unpack_sounds, unpack_texts];
    works.rotate_left(first);
    for (work, less) in works.into_iter().zip([0, LESS, LESS]) {
        let thread = thread::spawn(move || work(SPIKE - less));
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
