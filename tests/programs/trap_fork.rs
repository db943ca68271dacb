//! `fork` while other threads allocate. The child has one thread, and locks that other threads held at that
//! moment stay locked for ever. The child allocates, frees its parent's blocks, takes a snapshot and ends.

#[macro_use]
mod trap;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use trap::planted::Planted;
use trap::{Block, Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

const FORKS: usize = 50;
const THREADS: usize = 2;

site!(site_busy, BUSY);
site!(site_parent, PARENT);
site!(site_child, CHILD);

/// The child's part. Its exact totals are those at the fork plus its own.
fn child(path: &str, inherited: Vec<Block>) -> Outcome {
    let mark = Mark::now();
    for step in 0..200 {
        let block = site_child(1 + step * 7, [8, 16, 256][step % 3]);
        if step % 2 == 0 {
            std::mem::forget(block);
        }
    }
    let blocks = inherited.len() as u64;
    drop(inherited);
    let [alloc_blocks, alloc_bytes, freed_blocks, _] = mark.since();
    let [own_blocks, own_bytes, own_freed, _] = CHILD.totals();
    expect("blocks and bytes of the child", [alloc_blocks, alloc_bytes], [own_blocks, own_bytes])?;
    // The vector with the parent's blocks is one more block.
    expect("blocks freed by the child", freed_blocks, own_freed + blocks + 1)?;
    trap::snapshot(path)
}

/// Forks, and waits for the child to succeed.
fn fork(path: &str) -> Outcome {
    let inherited: Vec<Block> = (0..30).map(|step| site_parent(100 + step, [8, 64][step % 2])).collect();
    // Other threads that waited for a resource of this thread are then in the middle of an allocation.
    thread::sleep(Duration::from_millis(1));
    // SAFETY: the child ends by `_exit`, and what it calls before is what this program is to try out.
    match unsafe { libc::fork() } {
        -1 => Err("fork failed".to_owned()),
        0 => {
            let outcome = child(path, inherited);
            if let Err(wrong) = &outcome {
                eprintln!("in the child: {wrong}");
            }
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: there is space for the result.
            expect("waitpid", unsafe { libc::waitpid(child, &mut status, 0) }, child)?;
            expect("the child's wait status", status, 0)
        }
    }
}

fn run(path: &str) -> Outcome {
    let mark = Mark::now();
    let stop = AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        let busy = || {
            scope.spawn(|| {
                let mut ring: Vec<Option<Block>> = (0..64).map(|_| None).collect();
                for step in 0.. {
                    ring[step % 64] = Some(site_busy(1 + step % 500, [8, 32][step % 2]));
                    if stop.load(Relaxed) {
                        break;
                    }
                }
            })
        };
        let threads: Vec<_> = (0..THREADS).map(|_| busy()).collect();
        let outcome = (0..FORKS).try_for_each(|number| fork(&format!("{path}.{}", number % 2)));
        stop.store(true, Relaxed);
        // Joined one by one: the end of a scope does not wait for what a thread frees at its end.
        threads.into_iter().for_each(|it| it.join().expect("no panic"));
        outcome
    });
    outcome?;
    // The children's blocks do not count for the parent.
    CHILD.print();
    let [alloc_blocks, _, freed_blocks, _] = mark.since();
    let sites = [BUSY.totals(), PARENT.totals()];
    let freed: u64 = sites.iter().map(|it| it[2]).sum();
    if freed_blocks < freed || alloc_blocks < freed {
        return Err(format!("{alloc_blocks} allocated and {freed_blocks} freed, at least {freed} is true"));
    }
    trap::snapshot(path)?;
    [&BUSY, &PARENT].iter().for_each(|it| it.print());
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
