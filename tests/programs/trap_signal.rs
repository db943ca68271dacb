//! Signal handlers that allocate, whatever instruction they interrupt: `trap_signal PATH storm|first`.
//!
//! The inner allocator may be called in a handler, so only the recorder can hang. Its counters use no locked
//! instructions: a handler that interrupts between load and store is not counted, and nothing else is lost.
//! In `first`, a thread allocates for the first time in a handler that interrupts the C library's `malloc`.

#[macro_use]
mod trap;

use std::ffi::c_void;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use trap::bump::Bump;
use trap::planted::Planted;
use trap::{Mark, Outcome};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc<Bump>> =
    Planted::around(highwater::Alloc::wrapping(Bump::new()).exact());

site!(site_busy, BUSY);
site!(site_in_handler, IN_HANDLER);

static STOP: AtomicBool = AtomicBool::new(false);
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handle(_: libc::c_int) {
    drop(site_in_handler(30, 8));
    let aligned = site_in_handler(30, 64);
    drop(site_in_handler(40_000, 8));
    drop(aligned);
    HANDLED.fetch_add(1, Relaxed);
}

extern "C" fn allocate(_: *mut c_void) -> *mut c_void {
    for step in 0_usize.. {
        let block = site_busy(1 + step % 900, [8, 8, 32, 8, 4096][step % 5]);
        drop(site_busy(60_000, 8));
        drop(block);
        if STOP.load(Relaxed) {
            break;
        }
    }
    ptr::null_mut()
}

/// Requests blocks from the C library that are so large that its allocator takes its lock.
extern "C" fn use_malloc(_: *mut c_void) -> *mut c_void {
    while !STOP.load(Relaxed) {
        // SAFETY: the block is freed once, and null may be freed.
        unsafe { libc::free(std::hint::black_box(libc::malloc(50_000))) };
    }
    ptr::null_mut()
}

fn install(signal: libc::c_int) {
    // SAFETY: the action is valid when zeroed but for the handler, which is a function of the program.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &action, ptr::null_mut())
    };
    assert_eq!(failed, 0);
}

fn start(work: extern "C" fn(*mut c_void) -> *mut c_void) -> libc::pthread_t {
    let mut thread = 0;
    // SAFETY: there is space for the result, and `work` may run in any thread.
    assert_eq!(unsafe { libc::pthread_create(&mut thread, ptr::null(), work, ptr::null_mut()) }, 0);
    thread
}

fn join(thread: libc::pthread_t) {
    // SAFETY: each thread is joined once.
    assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
}

fn send(thread: libc::pthread_t) {
    // SAFETY: the thread was not joined yet.
    assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
}

/// Sends profiling timer signals and targeted signals for a while, while two threads allocate.
fn storm(path: &str) -> Outcome {
    let mark = Mark::now();
    install(libc::SIGPROF);
    install(libc::SIGUSR1);
    let every = libc::timeval { tv_sec: 0, tv_usec: 500 };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the timer is valid, and the old one is not asked for.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) }, 0);
    let threads = [start(allocate), start(allocate)];
    let begin = Instant::now();
    while HANDLED.load(Relaxed) < 4_000 || begin.elapsed() < Duration::from_millis(500) {
        threads.into_iter().for_each(send);
        std::thread::sleep(Duration::from_micros(50));
    }
    STOP.store(true, Relaxed);
    let off = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: off, it_value: off };
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) }, 0);
    threads.into_iter().for_each(join);

    let (busy, handler) = (BUSY.totals(), IN_HANDLER.totals());
    let recorded = mark.since();
    for (index, what) in ["alloc_blocks", "alloc_bytes", "freed_blocks", "freed_bytes"].iter().enumerate() {
        let (least, most) = (busy[index], busy[index] + handler[index]);
        if !(least..=most).contains(&recorded[index]) {
            return Err(format!("{what}: {} recorded, {least} to {most} is true", recorded[index]));
        }
    }
    println!("{} handlers, {} blocks beside them", HANDLED.load(Relaxed), busy[0]);
    trap::snapshot(path)
}

/// Each thread makes its first allocation in a handler.
fn first(path: &str) -> Outcome {
    const THREADS: u64 = 300;
    install(libc::SIGUSR1);
    for number in 0..THREADS {
        STOP.store(false, Relaxed);
        let threads = [start(use_malloc), start(use_malloc)];
        std::thread::sleep(Duration::from_micros(200));
        threads.into_iter().for_each(send);
        while HANDLED.load(Relaxed) < 2 * (number + 1) {
            std::thread::sleep(Duration::from_micros(20));
        }
        STOP.store(true, Relaxed);
        threads.into_iter().for_each(join);
    }
    trap::snapshot(path)?;
    IN_HANDLER.print();
    Ok(())
}

fn main() -> ExitCode {
    trap::report(|path| match trap::arguments().get(1).map(String::as_str) {
        Some("storm") => storm(path),
        Some("first") => first(path),
        other => Err(format!("storm or first, not {other:?}")),
    })
}
