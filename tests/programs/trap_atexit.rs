//! Handlers of `atexit` that allocate and take a snapshot, after the destructors of the main thread's
//! thread-locals and while other threads still allocate.

#[macro_use]
mod trap;

use std::ffi::CString;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use trap::planted::Planted;
use trap::{Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

site!(site_busy, BUSY);
site!(site_at_exit, AT_EXIT);
site!(site_main, MAIN);

static PATH: OnceLock<String> = OnceLock::new();
static HANDLERS: AtomicU32 = AtomicU32::new(0);

/// Runs as a handler: any failure ends the process at once, with an exit code of its own.
extern "C" fn at_exit() {
    let outcome = allocate_and_write();
    if let Err(wrong) = outcome {
        let line = CString::new(format!("at exit: {wrong}\n")).unwrap_or_default();
        // SAFETY: the pointer and the length belong to a string; the process then ends.
        unsafe {
            libc::write(2, line.as_ptr().cast(), line.as_bytes().len());
            libc::_exit(3);
        }
    }
}

fn allocate_and_write() -> Outcome {
    let mark = Mark::now();
    let before = AT_EXIT.totals();
    for bytes in 1..200 {
        std::mem::forget(site_at_exit(bytes, 8));
        drop(site_at_exit(bytes, 64));
    }
    let blocks = AT_EXIT.totals()[0] - before[0];
    // Another thread allocates meanwhile.
    let recorded = mark.since()[0];
    if recorded < blocks {
        return Err(format!("{recorded} blocks recorded, {blocks} allocated in the handler alone"));
    }
    let path = PATH.get().ok_or("no path")?;
    trap::snapshot(path)?;
    // The last handler reports for all.
    if HANDLERS.fetch_add(1, Relaxed) == 1 {
        AT_EXIT.print();
        MAIN.print();
    }
    Ok(())
}

fn run(path: &str) -> Outcome {
    PATH.get_or_init(|| path.to_owned());
    for _ in 0..2 {
        // SAFETY: the handler is a function of the program.
        expect("atexit", unsafe { libc::atexit(at_exit) }, 0)?;
    }
    for _ in 0..2 {
        // Never joined: these threads are in the middle of an allocation when the process ends.
        thread::spawn(|| {
            for step in 0_usize.. {
                drop(site_busy(1 + step % 500, 8));
            }
        });
    }
    std::mem::forget(site_main(123, 8));
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
