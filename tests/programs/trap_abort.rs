//! A program that is built with `panic = "abort"`. Unwinders that rely on the language's personality function
//! then find nothing. `trap_abort PATH`, or `trap_abort PATH panic` to check that it is built that way.

#[macro_use]
mod trap;

use std::process::ExitCode;

use trap::Outcome;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

site!(site_below, BELOW);

#[inline(never)]
fn called_by_main(depth: usize) {
    if depth > 0 {
        called_by_main(depth - 1);
    } else {
        std::mem::forget(site_below(1000, 8));
        drop(site_below(2000, 64));
    }
    std::hint::black_box(depth);
}

fn run(path: &str) -> Outcome {
    if trap::arguments().get(1).is_some_and(|it| it == "panic") {
        // With unwinding, this is a normal error; without it, the process aborts.
        return std::panic::catch_unwind(|| panic!("on request")).map_err(|_| "caught".to_owned());
    }
    called_by_main(5);
    trap::snapshot(path)?;
    BELOW.print();
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
