//! A profiled program for other tools' readers: allocates a known pattern and writes two snapshots of it.
//!
//! `interop BASE NEW`. Between the two snapshots, `grow_shelf` allocates 40 blocks of 3000 bytes, and 10 of
//! its 60 older blocks of 1000 bytes are freed. Before the first snapshot, `burst` makes the peak,
//! `grow_lists` grows and drops two lists, and `grow_alike` grows many equal ones. `pass` frees many blocks
//! before and after the first snapshot.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Allocates `count` blocks of `bytes` each, on one line.
#[inline(never)]
fn grow_shelf(shelf: &mut Vec<Box<[u8]>>, count: usize, bytes: usize) {
    for _ in 0..count {
        shelf.push(black_box(vec![1; bytes]).into_boxed_slice());
    }
}

#[inline(never)]
fn burst() {
    drop(black_box(vec![0_u8; 1 << 20]));
}

/// Grows two lists by reallocation, in turn. Each is in the way of the other, so that it must be copied.
#[inline(never)]
fn grow_lists() {
    let mut lists = [Vec::new(), Vec::new()];
    for number in 0..10_000_u64 {
        lists.iter_mut().for_each(|list| list.push(number));
    }
    black_box(lists);
}

/// Grows lists one after the other. Some steps to a size start with a sampled block and some with an
/// unsampled one: these are different paths through the allocator.
#[inline(never)]
fn grow_alike() {
    for _ in 0..200 {
        let mut list = Vec::new();
        (0..1000_u64).for_each(|number| list.push(number));
        black_box(list);
    }
}

/// Frees enough blocks that some lifetimes are measured.
#[inline(never)]
fn pass() {
    (0..1000).for_each(|_| drop(black_box(vec![0_u8; 100])));
}

fn run(base: &str, new: &str) -> Result<(), highwater::Error> {
    let mut shelf = Vec::with_capacity(100);
    grow_shelf(&mut shelf, 60, 1000);
    burst();
    grow_lists();
    grow_alike();
    pass();
    highwater::Snapshot::capture()?.write(base)?;
    shelf.truncate(50);
    grow_shelf(&mut shelf, 40, 3000);
    pass();
    highwater::Snapshot::capture()?.write(new)?;
    drop(black_box(shelf));
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, new] = arguments.as_slice() else {
        eprintln!("usage: interop BASE NEW");
        return ExitCode::from(2);
    };
    match run(base, new) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop: {error}");
            ExitCode::FAILURE
        }
    }
}
