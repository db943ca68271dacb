//! Threads that start and end while snapshots are taken: `thread_churn DIRECTORY`.
//!
//! Generations of threads allocate, send blocks to each other, and end, while a profiler writes a series into
//! the directory. The program runs until more snapshots were written than are kept. At the end, no block of
//! the threads is live. The program prints how many blocks `churned` allocated, and how many more blocks are
//! live than at the beginning, according to the exact counts.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().interval(256);

const LEAST_GENERATIONS: usize = 12;
const LEAST_SNAPSHOTS: usize = 6;
const THREADS: usize = 24;
const BLOCKS: usize = 400;

#[inline(never)]
fn churned(size: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(size))
}

fn generation() {
    let (send, receive) = sync_channel::<Vec<u8>>(64);
    let receive = std::sync::Arc::new(std::sync::Mutex::new(receive));
    let work = move |number| {
        for block in 0..BLOCKS {
            // If the channel is full, the block is freed here instead of waiting.
            let _ = send.try_send(churned(1 + (number * 97 + block * 31) % 5000));
            if block % 3 == 0 {
                let received = receive.lock().expect("no thread panics").try_recv();
                drop(received);
            }
        }
    };
    // Joined one by one: the end of a scope does not wait for what a thread frees at its end.
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let work = work.clone();
            thread::spawn(move || work(number))
        })
        .collect();
    threads.into_iter().for_each(|it| it.join().expect("no thread panics"));
}

/// The latest snapshot of the series: the names sort by time.
fn newest_file(directory: &str) -> Option<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.file_name())).max()
}

fn run(directory: &str) -> Result<(), highwater::Error> {
    let profiler = highwater::Profiler::builder()
        .every(Duration::from_millis(5), directory)
        .keep(3)
        .file(format!("{directory}/last.pb.gz"))
        .start()?;
    // The profiler's thread allocates a little at its start, like every thread of the program.
    while newest_file(directory).is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let before = highwater::stats();
    let (mut generations, mut snapshots) = (0, 0);
    let mut newest = None;
    while generations < LEAST_GENERATIONS || snapshots < LEAST_SNAPSHOTS {
        generation();
        generations += 1;
        let now = newest_file(directory);
        snapshots += usize::from(now != newest);
        newest = now;
    }
    drop(newest);
    let after = highwater::stats();
    profiler.finish()?;
    println!("{} {}", generations * THREADS * BLOCKS, after.live_blocks as i64 - before.live_blocks as i64);
    Ok(())
}

fn main() -> ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: thread_churn DIRECTORY");
        return ExitCode::from(2);
    };
    match run(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thread_churn: {error}");
            ExitCode::FAILURE
        }
    }
}
