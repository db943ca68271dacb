//! Everything this program does to be profiled: it defines its allocator, and writes snapshots.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Every allocation of the program goes through this allocator. A mean of one sample per 64 KiB is a lot for
/// a server, and little for a program that runs for seconds.
#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().interval(64 * 1024);

/// Writes `NAME.pb.gz` to the directory, which is created if it is missing. With `residency`, the file says
/// what is resident and why.
///
/// # Errors
/// When the snapshot cannot be taken or written.
pub fn snapshot(directory: Option<&Path>, name: &str, residency: bool) -> Result<(), Failure> {
    if let Some(directory) = directory {
        fs::create_dir_all(directory)?;
        let snapshot = match residency {
            true => highwater::Snapshot::capture_with_residency()?,
            false => highwater::Snapshot::capture()?,
        };
        snapshot.write(directory.join(format!("{name}.pb.gz")))?;
    }
    Ok(())
}

/// Prints the allocator's counts. Unlike the sites in a snapshot, these numbers are not sampled.
pub fn print_statistics() {
    let stats = highwater::stats();
    let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
    println!("allocated  {:>9.1} MiB in {} blocks", mib(stats.alloc_bytes), stats.alloc_blocks);
    println!("freed      {:>9.1} MiB in {} blocks", mib(stats.freed_bytes), stats.freed_blocks);
    println!("live       {:>9.1} MiB in {} blocks", mib(stats.live_bytes), stats.live_blocks);
    println!("peak       {:>9.1} MiB", mib(stats.peak_bytes));
    println!("profiler   {:>9.1} MiB", mib(stats.overhead_bytes));
    if let Some(resident) = stats.rss_bytes {
        println!("resident   {:>9.1} MiB", mib(resident));
    }
}
