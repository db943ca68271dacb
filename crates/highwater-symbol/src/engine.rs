//! Looks up many addresses of several binaries in parallel: over binaries, and over chunks of each binary's
//! addresses.
//!
//! The debug information of a binary is read once and shared by all threads; each thread parses it for
//! itself. Binaries are processed in batches whose debug sections together fit a limit, so memory depends on
//! the largest binaries and not on their number.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{panic, thread};

use highwater_names::arguments::with_arguments;
use typed_arena::Arena;

use crate::demangle::{is_mangled, legacy};
use crate::dwarf::{DebugData, DebugFiles, Frame, Lookup};
use crate::options::Progress;
use crate::sections;
use crate::symbols;

/// Number of addresses that a thread takes at a time. They are sorted, so most of a chunk is in few
/// compilation units.
const CHUNK: usize = 256;
/// Maximum bytes of debug sections in memory at a time, unless one binary alone has more.
const BATCH_BYTES: u64 = 512 << 20;
/// More threads would parse the same units again without being faster.
const MAX_THREADS: usize = 16;

/// One binary and the addresses to look up.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) binary: PathBuf,
    pub(crate) debug_files: Option<DebugFiles>,
    /// Addresses in the binary's own tables, sorted.
    pub(crate) addresses: Vec<u64>,
}

/// The results for one binary.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The source positions of each address of the job, innermost first.
    pub(crate) frames: Vec<Vec<Frame>>,
    /// Whether debug information was found with all files to which it refers, so that nothing can be added
    /// later.
    pub(crate) complete: bool,
    /// Why existing debug information could not be used.
    pub(crate) unusable: Option<String>,
    /// Whether needed split debug information was not found.
    pub(crate) split_is_missing: bool,
}

/// Runs all jobs. `limit` is the maximum bytes of debug sections of one binary.
pub(crate) fn run(
    jobs: &[Job],
    threads: usize,
    limit: u64,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<Found> {
    let total = jobs.iter().map(|it| it.addresses.len()).sum();
    let done = AtomicUsize::new(0);
    let advance = |addresses: usize| {
        let done = done.fetch_add(addresses, Ordering::Relaxed) + addresses;
        progress(Progress { done, total });
    };
    progress(Progress { done: 0, total });
    let threads = threads.clamp(1, MAX_THREADS);
    batches(jobs).into_iter().flat_map(|batch| run_batch(&jobs[batch], threads, limit, &advance)).collect()
}

/// Ranges of consecutive jobs that fit into memory together.
fn batches(jobs: &[Job]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0_u64;
    for (index, job) in jobs.iter().enumerate() {
        let size = job.debug_files.as_ref().map_or(0, |it| sections::size(&it.main));
        bytes = bytes.saturating_add(size);
        match batches.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES => batch.end = index + 1,
            _ => {
                batches.push(index..index + 1);
                bytes = size;
            }
        }
    }
    batches
}

fn run_batch(jobs: &[Job], threads: usize, limit: u64, advance: &(dyn Fn(usize) + Sync)) -> Vec<Found> {
    let data: Vec<OnceLock<Result<DebugData, String>>> = jobs.iter().map(|_| OnceLock::new()).collect();
    let tables: Vec<OnceLock<_>> = jobs.iter().map(|_| OnceLock::new()).collect();
    let queue = Queue::new(jobs);
    let parts = on_threads(threads.min(queue.chunks), || {
        let mut parts = Vec::new();
        while let Some((job, first)) = queue.any() {
            let split_sections = Arena::new();
            let debug_data = jobs[job].debug_files.as_ref().and_then(|files| {
                let data = data[job].get_or_init(|| DebugData::load(files, limit));
                Some((data.as_ref().ok()?, &files.split))
            });
            let lookup = debug_data.and_then(|(data, split)| {
                Lookup::new(data, tables[job].get_or_init(|| data.dwarf()), split, &split_sections)
            });
            let is_damaged = debug_data.is_some() && lookup.is_none();
            let mut next = Some(first);
            while let Some(range) = next {
                let addresses = &jobs[job].addresses[range.clone()];
                let find = |&address| lookup.as_ref().map_or_else(Vec::new, |it| it.frames(address));
                let frames = addresses.iter().map(find).collect();
                let split_is_missing = lookup.as_ref().is_some_and(Lookup::split_is_missing);
                parts.push(Part { job, start: range.start, frames, split_is_missing, is_damaged });
                advance(addresses.len());
                next = queue.of_job(job);
            }
        }
        parts
    });
    let mut found = collect(jobs, data, parts);
    name_by_symbols(jobs, &mut found, threads);
    found
}

/// The frames of one chunk.
struct Part {
    job: usize,
    start: usize,
    frames: Vec<Vec<Frame>>,
    split_is_missing: bool,
    is_damaged: bool,
}

fn collect(jobs: &[Job], data: Vec<OnceLock<Result<DebugData, String>>>, parts: Vec<Part>) -> Vec<Found> {
    let mut found: Vec<Found> = jobs
        .iter()
        .zip(data)
        .map(|(job, data)| Found {
            frames: vec![Vec::new(); job.addresses.len()],
            complete: job.debug_files.as_ref().is_some_and(|it| !it.shared_is_missing),
            unusable: data.into_inner().and_then(Result::err),
            split_is_missing: false,
        })
        .collect();
    for part in parts {
        let found = &mut found[part.job];
        for (slot, frames) in found.frames[part.start..].iter_mut().zip(part.frames) {
            *slot = frames;
        }
        found.split_is_missing |= part.split_is_missing;
        if part.is_damaged {
            found.unusable = Some("its debug information is damaged".to_owned());
        }
    }
    for found in &mut found {
        found.complete &= found.unusable.is_none() && !found.split_is_missing;
    }
    found
}

/// Completes the results of debug information with names from symbol tables.
fn name_by_symbols(jobs: &[Job], found: &mut [Found], threads: usize) {
    // Only the outermost function of an address has a symbol: inlined functions do not exist in the binary.
    let is_named = |frames: &[Frame]| frames.last().and_then(|it| it.name.as_deref()).is_some_and(is_mangled);
    let unnamed: Vec<Vec<u64>> = jobs
        .iter()
        .zip(&*found)
        .map(|(job, found)| {
            let pairs = job.addresses.iter().zip(&found.frames);
            pairs.filter(|(_, frames)| !is_named(frames)).map(|(&address, _)| address).collect()
        })
        .collect();
    let next = AtomicUsize::new(0);
    let names = on_threads(threads.min(jobs.len()), || {
        let mut names = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { break names };
            names.push((index, names_of(job, &unnamed[index])));
        }
    });
    for (job, names) in names {
        for (address, frames) in jobs[job].addresses.iter().zip(&mut found[job].frames) {
            if let Some(symbol) = names.get(address) {
                name_outermost(frames, symbol);
            }
        }
    }
}

fn names_of(job: &Job, addresses: &[u64]) -> HashMap<u64, String> {
    if addresses.is_empty() {
        return HashMap::new();
    }
    let mut names = symbols::names(&job.binary, addresses);
    if let Some(files) = job.debug_files.as_ref().filter(|it| it.main != job.binary) {
        names.extend(symbols::names(&files.main, addresses));
    }
    names
}

/// Gives the outermost frame its name from the symbol table, if debug information has no name or only the
/// last part of the path.
fn name_outermost(frames: &mut Vec<Frame>, symbol: &str) {
    match frames.last_mut() {
        None => frames.push(Frame { name: Some(symbol.to_owned()), ..Frame::default() }),
        Some(frame) if frame.name.is_none() || is_mangled(symbol) => {
            // Debug information of lines has the arguments, and the symbol the path.
            let bare = frame.name.take();
            frame.shown = bare.and_then(|it| with_arguments(&legacy(symbol)?, &it, &[]));
            frame.name = Some(symbol.to_owned());
        }
        Some(_) => {}
    }
}

/// The chunks that no thread has taken yet.
struct Queue {
    jobs: Mutex<Vec<Pending>>,
    chunks: usize,
}

struct Pending {
    next: usize,
    end: usize,
}

impl Queue {
    fn new(jobs: &[Job]) -> Self {
        let pending = jobs.iter().map(|it| Pending { next: 0, end: it.addresses.len() }).collect();
        let chunks = jobs.iter().map(|it| it.addresses.len().div_ceil(CHUNK)).sum();
        Self { jobs: Mutex::new(pending), chunks }
    }

    /// A chunk of a binary that no thread is working on, or else of any binary.
    fn any(&self) -> Option<(usize, Range<usize>)> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = jobs.iter().position(|it| it.next == 0 && it.end > 0);
        let index = fresh.or_else(|| jobs.iter().position(|it| it.next < it.end))?;
        Some((index, jobs[index].take()?))
    }

    /// A chunk of this binary.
    fn of_job(&self, job: usize) -> Option<Range<usize>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)[job].take()
    }
}

impl Pending {
    fn take(&mut self) -> Option<Range<usize>> {
        let start = self.next;
        self.next = self.end.min(start + CHUNK);
        (start < self.end).then_some(start..self.next)
    }
}

/// The results of `worker` on each of these threads, including the current one.
fn on_threads<T: Send>(threads: usize, worker: impl Fn() -> Vec<T> + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&worker)).collect();
        let mut results = worker();
        for other in others {
            // A panic on another thread continues here.
            results.extend(other.join().unwrap_or_else(|fault| panic::resume_unwind(fault)));
        }
        results
    })
}
