//! Allocates, resizes and frees blocks of many sizes in two threads, and writes a profile: `probes
//! OUT.pb.gz`.
//!
//! The last block before the snapshot has a unique size. It shows a tracer that later events are not in the
//! profile.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().interval(16 * 1024);

/// Large enough to be sampled with certainty.
const LAST_BYTES: usize = 7_777_777;

/// A block whose alignment leaves no space for a mark in its address.
#[repr(align(64))]
struct Aligned([u8; 192]);

/// Keeps every third block.
#[inline(never)]
fn work(kept: &mut Vec<Box<[u8]>>) {
    for number in 0..600_usize {
        let block = black_box(vec![1_u8; 8 << (number % 13)]).into_boxed_slice();
        let mut grown = Vec::with_capacity(100);
        for _ in 0..4 {
            grown.extend_from_slice(&[2_u8; 300]);
        }
        black_box((grown, Box::new(Aligned([3; 192])).0[0]));
        if number % 3 == 0 {
            kept.push(block);
        }
    }
}

fn run(path: &str) -> Result<(), highwater::Error> {
    let mut kept = Vec::new();
    let other = std::thread::spawn(|| {
        let mut kept = Vec::new();
        work(&mut kept);
        kept
    });
    work(&mut kept);
    // This thread frees the other thread's blocks.
    kept.extend(other.join().unwrap_or_default());
    kept.truncate(kept.len() * 3 / 4);
    let last = black_box(vec![0_u8; LAST_BYTES]);
    highwater::Snapshot::capture()?.write(path)?;
    drop((kept, last));
    Ok(())
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: probes OUT.pb.gz");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probes: {error}");
            ExitCode::FAILURE
        }
    }
}
