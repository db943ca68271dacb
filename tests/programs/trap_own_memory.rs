//! The profiler's own memory never counts as the program's: taking, writing and dropping snapshots allocates
//! and frees nothing according to the program's totals.

#[macro_use]
mod trap;

use std::process::ExitCode;

use highwater::{Snapshot, Stats};
use trap::planted::{Fault, Planted, fault};
use trap::{Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

site!(site_kept, KEPT);

/// The totals of the program alone.
fn program(stats: Stats) -> [u64; 7] {
    [
        stats.alloc_blocks,
        stats.alloc_bytes,
        stats.freed_blocks,
        stats.freed_bytes,
        stats.live_blocks,
        stats.live_bytes,
        stats.peak_bytes,
    ]
}

fn take_and_write(path: &str) -> Outcome {
    let before = highwater::stats();
    let snapshot = Snapshot::capture().map_err(|it| it.to_string())?;
    if fault() == Fault::Own {
        // A profile that the caller asks for is the caller's memory; making one without being asked is the
        // planted fault.
        drop(snapshot.to_profile());
    }
    let held = highwater::stats();
    expect("the program's totals with a snapshot in memory", program(held), program(before))?;
    if held.overhead_bytes <= before.overhead_bytes {
        return Err(format!("a snapshot weighs nothing: {} bytes", held.overhead_bytes));
    }
    snapshot.write(path).map_err(|it| it.to_string())?;
    expect("the program's totals with a snapshot written", program(highwater::stats()), program(before))?;
    drop(snapshot);
    let after = highwater::stats();
    expect("the program's totals with the snapshot dropped", program(after), program(before))?;
    // The snapshot's memory was freed, except for memory that the recorder itself allocated for the first
    // time.
    if after.overhead_bytes >= held.overhead_bytes {
        return Err(format!("{} bytes of overhead stay of {}", after.overhead_bytes, held.overhead_bytes));
    }
    Ok(())
}

fn run(path: &str) -> Outcome {
    let mark = Mark::now();
    let kept: Vec<_> = (0..3_000).map(|step| site_kept(1 + step % 900, [8, 64][step % 2])).collect();
    let vector = kept.capacity() * size_of::<trap::Block>();
    for _ in 0..5 {
        take_and_write(path)?;
    }
    let [blocks, bytes, ..] = KEPT.totals();
    let recorded = mark.since();
    expect("blocks and bytes allocated", [recorded[0], recorded[1]], [blocks + 1, bytes + vector as u64])?;
    KEPT.print();
    drop(kept);
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
