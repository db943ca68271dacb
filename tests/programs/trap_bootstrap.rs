//! Allocations before `main`: the loader runs the functions in `.init_array` before Rust's runtime is set up.

#[macro_use]
mod trap;

use std::mem::forget;
use std::process::ExitCode;
use std::thread;

use trap::planted::{self, Planted};
use trap::{Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

site!(site_before_main, BEFORE_MAIN);
site!(site_in_early_thread, IN_EARLY_THREAD);
site!(site_in_main, IN_MAIN);

// SAFETY: the loader calls the functions of this section once, before main; this one needs nothing that main
// sets up.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    for bytes in 1..100 {
        forget(site_before_main(bytes, 8));
        drop(site_before_main(bytes, 64));
    }
    let thread = thread::spawn(|| {
        for bytes in 1..100 {
            forget(site_in_early_thread(bytes, 16));
        }
    });
    thread.join().expect("no panic");
}

fn run(path: &str) -> Outcome {
    forget(site_in_main(1000, 8));
    let stats = highwater::stats();
    let early: u64 = BEFORE_MAIN.totals()[0] + IN_EARLY_THREAD.totals()[0];
    if stats.alloc_blocks < early {
        return Err(format!("{} blocks recorded, {early} allocated before main alone", stats.alloc_blocks));
    }
    expect("the recorder's mode", highwater::mode().is_some(), true)?;
    trap::snapshot(path)?;
    [&BEFORE_MAIN, &IN_EARLY_THREAD, &IN_MAIN].iter().for_each(|it| it.print());
    Ok(())
}

fn main() -> ExitCode {
    planted::main_begins();
    trap::report(run)
}
