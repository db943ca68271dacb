//! `bench-stacks walk|system DEPTH WALKS`: walks a stack of this depth this many times, with Highwater or
//! with the system's unwinder. Prints the number of frames found, the nanoseconds per walk in the fastest of
//! several runs, and the nanoseconds of the first walk.
//!
//! The frames belong to different functions in an order without a pattern, so that the walk of one does not
//! predict the next.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Number of runs; the fastest one is used.
const RUNS: usize = 5;

type Work<'a> = &'a mut dyn FnMut();

macro_rules! functions {
    ($($number:literal)*) => {
        /// Functions whose frames differ in size.
        const FUNCTIONS: &[fn(usize, Work<'_>)] = &[$(below::<$number>),*];
    };
}

functions!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);

/// Calls further functions until `depth` of them are on the stack.
#[inline(never)]
fn below<const NUMBER: usize>(depth: usize, work: Work<'_>) {
    let room = black_box([NUMBER; NUMBER]);
    match depth {
        0 => work(),
        _ => FUNCTIONS[(NUMBER * 5 + depth) % FUNCTIONS.len()](depth - 1, work),
    }
    // Work after the call prevents a tail call, which would leave no frame.
    black_box(&room);
}

fn frames(by_system: bool) -> usize {
    if by_system {
        highwater_unwind::with_stack_by_system(<[usize]>::len)
    } else {
        highwater_unwind::with_stack(<[usize]>::len)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments.iter().skip(1).filter_map(|it| it.parse().ok()).collect();
    let (by_system, depth, walks) = match (arguments.first().map(String::as_str), &numbers[..]) {
        (Some("walk"), &[depth, walks]) => (false, depth, walks),
        (Some("system"), &[depth, walks]) => (true, depth, walks),
        _ => {
            eprintln!("usage: bench-stacks walk|system DEPTH WALKS");
            return ExitCode::from(2);
        }
    };
    // On a new thread, since valgrind gives a program's first thread a stack that the kernel does not know.
    let measured = std::thread::spawn(move || measure(by_system, depth, walks)).join();
    let Ok((found, fastest, first)) = measured else { return ExitCode::FAILURE };
    println!("{found} {fastest:.2} {first:.0}");
    ExitCode::SUCCESS
}

/// The number of frames found, and the nanoseconds of a walk in the fastest run and of the first walk.
fn measure(by_system: bool, depth: usize, walks: usize) -> (usize, f64, f64) {
    let (mut outside, mut found, mut fastest, mut first) = (0, 0, f64::INFINITY, 0.0);
    below::<0>(0, &mut || outside = frames(by_system));
    below::<0>(depth.saturating_sub(outside), &mut || {
        let begin = Instant::now();
        found = frames(by_system);
        first = begin.elapsed().as_secs_f64() * 1e9;
        for _ in 0..RUNS {
            let begin = Instant::now();
            (0..walks).for_each(|_| {
                black_box(frames(by_system));
            });
            fastest = fastest.min(begin.elapsed().as_secs_f64() * 1e9 / walks as f64);
        }
    });
    (found, fastest, first)
}
