//! Changes the recording mode while threads run, and names their work: `control OUT.pb.gz`.
//!
//! Three threads run through all phases. Each phase allocates in a function of its own, and its thread keeps
//! every fourth block. Prints how many blocks each function allocated, and the result of `measure` for a
//! known piece of work.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};

use highwater::{Mode, measure, scope, set_mode};

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().interval(4096);

const THREADS: usize = 3;
const BLOCKS: usize = 20_000;

type Kept = Vec<Box<[u8]>>;
type Phase = fn(&mut Kept);

macro_rules! phase {
    ($name:ident) => {
        #[inline(never)]
        fn $name(kept: &mut Kept) {
            for number in 0..BLOCKS {
                let block = black_box(vec![0_u8; 40 + number % 8 * 100]).into_boxed_slice();
                if number % 4 == 0 {
                    kept.push(block);
                }
            }
        }
    };
}

phase!(phase_sampled);
phase!(phase_off);
phase!(phase_settling);
phase!(phase_exact);
phase!(phase_coarse);

/// The work of each phase, and the recording mode during it.
const PHASES: [(Phase, Mode); 5] = [
    (phase_sampled, Mode::with_interval(4096)),
    (phase_off, Mode::Off),
    // A thread notices that recording is on again within one MiB of allocations; this phase allocates more.
    (phase_settling, Mode::Exact),
    (phase_exact, Mode::Exact),
    (phase_coarse, Mode::with_interval(32 * 1024)),
];

/// A block that is large enough to be sampled with certainty.
#[inline(never)]
fn outside() {
    drop(black_box(vec![1_u8; 1 << 20]));
}

fn run(path: &str) -> Result<(), highwater::Error> {
    let barrier = Arc::new(Barrier::new(THREADS + 1));
    let named = scope("phases");
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let barrier = barrier.clone();
            highwater::spawn(move || {
                let mut kept = Vec::with_capacity(BLOCKS * PHASES.len());
                let _inner = scope("inner");
                for (work, _) in PHASES {
                    barrier.wait();
                    work(&mut kept);
                    barrier.wait();
                }
                kept
            })
        })
        .collect();
    drop(named);
    outside();
    for (_, mode) in PHASES {
        assert!(set_mode(mode));
        assert_eq!(highwater::mode(), Some(mode));
        barrier.wait();
        barrier.wait();
    }
    let kept: Vec<Kept> = threads.into_iter().map(|it| it.join().expect("no panic")).collect();
    highwater::Snapshot::capture()?.write(path)?;
    println!("{}", THREADS * BLOCKS);

    let (outer, measured) = measure(|| {
        let (block, inner) = measure(|| {
            drop(black_box(vec![1_u8; 5_000]));
            black_box(vec![1_u8; 1_000])
        });
        println!("{inner:?}");
        block
    });
    println!("{} {}", measured.peak_bytes >= 5_000, measured.alloc_bytes - measured.freed_bytes >= 1_000);
    drop((outer, kept));
    Ok(())
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: control OUT.pb.gz");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control: {error}");
            ExitCode::FAILURE
        }
    }
}
