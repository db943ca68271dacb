//! Walks stacks of many shapes and compares each result with the system unwinder's: `stack_walks [naive]
//! OUT.pb.gz`.
//!
//! The stacks go through frames of this program, of the standard library and of the C library; some keep
//! frame pointers and others do not, depending on the build. `naive` replaces the recorder's walk by one that
//! trusts every frame pointer; the test must notice that. Prints how the call sites were walked.

#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports))]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::process::ExitCode;

use highwater_unwind::{unwind_methods, with_stack, with_stack_by_system};

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Maximum frames that each walker may add for itself.
const OWN: usize = 6;

/// Number of stacks compared in each thread.
const ROUNDS: u64 = 1_500;

/// The remaining calls: a choice for each level, and the walker to use at the bottom.
struct Way {
    /// Two bits a level, lowest first.
    turns: u64,
    levels: u32,
    check: fn(u32),
}

thread_local! {
    /// The remaining calls for a callback from C, which cannot pass them on.
    static BEYOND: RefCell<Option<Way>> = const { RefCell::new(None) };
}

/// Goes down by one of several calls whose frames differ.
#[inline(never)]
fn descend(way: Way, depth: u32) {
    let Way { turns, levels, check } = way;
    if levels == 0 {
        return check(depth);
    }
    let on = Way { turns: turns >> 2, levels: levels - 1, check };
    match turns & 3 {
        0 => descend(on, depth + 1),
        1 => {
            // A frame with a size of its own.
            let room = black_box([depth as u64; 40]);
            (0..room.len().min(1)).for_each(|_| descend(Way { ..on }, depth + 1));
            black_box(room);
        }
        2 => {
            let mut on = Some(on);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if let Some(on) = on.take() {
                    descend(on, depth + 1);
                }
            }));
            assert!(done.is_ok(), "nothing panics below");
        }
        _ => through_c(on, depth),
    }
    black_box(depth);
}

/// Goes down through `qsort`, which is compiled without frame pointers.
#[inline(never)]
fn through_c(on: Way, depth: u32) {
    extern "C" fn compare(depth: *const c_void, _: *const c_void) -> c_int {
        if let Some(on) = BEYOND.with_borrow_mut(Option::take) {
            // SAFETY: these are the elements of the array below.
            descend(on, unsafe { *depth.cast::<u32>() } + 1);
        }
        0
    }
    BEYOND.set(Some(on));
    let mut values = [depth, depth];
    // SAFETY: the array has two elements of four bytes, and the comparison takes them for what they are.
    unsafe { libc::qsort(values.as_mut_ptr().cast(), 2, 4, Some(compare)) };
}

/// The difference of two walks: the numbers of frames that only the first has, that only the second has, and
/// that both have.
fn compare(ours: &[usize], system: &[usize]) -> [usize; 3] {
    let common = ours.iter().rev().zip(system.iter().rev()).take_while(|(a, b)| a == b).count();
    [ours.len() - common, system.len() - common, common]
}

fn expect_same(ours: &[usize], depth: u32) {
    let [own, others, common] = with_stack_by_system(|system| compare(ours, system));
    if common <= depth as usize || own > OWN || others > OWN {
        // Not a panic, because unwinding into C frames would abort.
        eprintln!("{own} and {others} frames differ, {common} are the same below {depth} calls");
        std::process::exit(1);
    }
}

#[inline(never)]
fn check(depth: u32) {
    with_stack(|ours| expect_same(ours, depth));
}

/// A walk from frame pointer to frame pointer, without any check.
#[inline(never)]
fn check_naive(depth: u32) {
    let mut frame: usize;
    // SAFETY: reads a register.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags))
    };
    #[cfg(not(target_arch = "x86_64"))]
    {
        frame = 0;
    }
    let here = std::ptr::from_ref(&depth).addr();
    let mut stack = Vec::new();
    // Only a short distance, since nothing says where the stack ends.
    while frame > here && frame < here + (16 << 10) && frame.is_multiple_of(8) {
        // SAFETY: an aligned word close above the stack pointer.
        let [next, address] = unsafe { *std::ptr::with_exposed_provenance::<[usize; 2]>(frame) };
        stack.push(address.wrapping_sub(1));
        frame = if next > frame { next } else { 0 };
    }
    expect_same(&stack, depth);
}

fn walk_many(seed: u64, check: fn(u32)) {
    let mut random = seed;
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let turns = random >> 8;
        descend(Way { turns, levels: (random >> 60) as u32 * 2, check }, 0);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (check, path): (fn(u32), _) = match &arguments[..] {
        [path] => (check, path),
        [naive, path] if naive == "naive" => (check_naive, path),
        _ => {
            eprintln!("usage: stack_walks [naive] OUT.pb.gz");
            return ExitCode::from(2);
        }
    };
    walk_many(1, check);
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let other = thread.spawn(move || walk_many(2, check)).map(std::thread::JoinHandle::join);
    if !matches!(other, Ok(Ok(()))) {
        return ExitCode::FAILURE;
    }
    println!("{:?}", unwind_methods());
    match highwater::Snapshot::capture().and_then(|snapshot| snapshot.write(path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stack_walks: {error}");
            ExitCode::FAILURE
        }
    }
}
