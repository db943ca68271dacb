//! A process that is large for a known reason: `residency CAUSE PATH`, with the allocator's name in
//! `TRAP_INNER`.
//!
//! It plants the cause, writes a snapshot that says what is resident, and prints how many bytes it planted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use mimalloc_pprof::MiMalloc;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: highwater::Alloc<Inner> = highwater::Alloc::wrapping(Inner).interval(16 << 10);

/// The chosen allocator: 0 before the environment is read.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The allocator that the environment names; without it, the system's.
struct Inner;

impl Inner {
    fn allocator() -> &'static (dyn GlobalAlloc + Sync) {
        if CHOSEN.load(Relaxed) == 0 {
            // SAFETY: the name is a C string, the value is null or one, and nobody changes the environment.
            let first = unsafe { libc::getenv(c"TRAP_INNER".as_ptr()).cast::<u8>().as_ref() };
            CHOSEN.store(first.copied().unwrap_or(b's'), Relaxed);
        }
        match CHOSEN.load(Relaxed) {
            b'm' => &MiMalloc,
            b'j' => &Jemalloc,
            _ => &System,
        }
    }
}

// SAFETY: every call of a process goes to one and the same allocator.
unsafe impl GlobalAlloc for Inner {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::allocator().alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { Self::allocator().dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { Self::allocator().alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { Self::allocator().realloc(block, layout, new_size) }
    }
}

#[inline(never)]
fn kept(number: usize) -> Vec<u8> {
    vec![number as u8; 96] // kept
}

#[inline(never)]
fn brief(number: usize) -> Vec<u8> {
    vec![number as u8; 96] // brief
}

/// Few blocks stay alive among many that are freed.
fn fragment() -> (u64, Vec<Vec<u8>>) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut kept_ones = Vec::new();
    for number in 0..300_000 {
        if number % 32 == 0 {
            kept_ones.push(kept(number));
        } else {
            all.push(brief(number));
        }
    }
    (all.len() as u64 * 96, kept_ones)
}

/// Threads that have freed all they had, and wait.
fn caches() -> u64 {
    const THREADS: usize = 24;
    let barrier = Arc::new(Barrier::new(THREADS + 1));
    for _ in 0..THREADS {
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || {
            let all: Vec<Vec<u8>> = (0..4_000).map(|it| vec![1; 16 + it % 1000]).collect();
            drop(all);
            barrier.wait();
            thread::park();
        });
    }
    barrier.wait();
    THREADS as u64 * 4_000 * 500
}

/// Memory that no allocator knows.
fn mapping() -> u64 {
    const BYTES: usize = 32 << 20;
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh anonymous mapping is written from its start to its end.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), BYTES, access, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        ptr::write_bytes(start.cast::<u8>(), 1, BYTES);
    }
    BYTES as u64
}

fn stacks() -> u64 {
    const BYTES: usize = 4 << 20;
    let barrier = Arc::new(Barrier::new(9));
    for number in 0..8 {
        let barrier = Arc::clone(&barrier);
        let run = move || {
            let large = [1_u8; BYTES];
            // By reference: a copy would be a second one on the stack.
            black_box(&large);
            barrier.wait();
            thread::park();
            black_box(&large);
        };
        let builder = thread::Builder::new().name(format!("deep-{number}")).stack_size(4 * BYTES);
        builder.spawn(run).expect("a thread");
    }
    barrier.wait();
    8 * BYTES as u64
}

/// A file that is mapped and read.
fn file(path: &str) -> u64 {
    const BYTES: usize = 32 << 20;
    let path = format!("{path}.mapped");
    File::create(&path).and_then(|mut it| it.write_all(&vec![7; BYTES])).expect("a file");
    let file = File::open(&path).expect("the file");
    // SAFETY: the mapping is as long as the file, which nobody changes.
    unsafe {
        let start =
            libc::mmap(ptr::null_mut(), BYTES, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0);
        assert_ne!(start, libc::MAP_FAILED);
        black_box(
            std::slice::from_raw_parts(start.cast::<u8>(), BYTES)
                .iter()
                .map(|&it| u64::from(it))
                .sum::<u64>(),
        );
    }
    BYTES as u64
}

#[inline(never)]
fn reserved(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(bytes) // untouched
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, cause, path] = arguments.as_slice() else { return ExitCode::FAILURE };
    let mut kept_ones = Vec::new();
    let planted = match cause.as_str() {
        "fragment" => {
            let (bytes, ones) = fragment();
            kept_ones = ones;
            bytes
        }
        "caches" => caches(),
        "mapping" => mapping(),
        "stacks" => stacks(),
        "file" => file(path),
        "untouched" => {
            kept_ones.push(reserved(96 << 20));
            96 << 20
        }
        _ => return ExitCode::FAILURE,
    };
    let snapshot = highwater::Snapshot::capture_with_residency();
    if let Err(error) = snapshot.and_then(|it| it.write(path)) {
        eprintln!("residency: {error}");
        return ExitCode::FAILURE;
    }
    println!("{planted}");
    drop(kept_ones);
    ExitCode::SUCCESS
}
