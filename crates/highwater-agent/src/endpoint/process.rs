//! Facts about the process: its command line and its start time.

use std::fs;
use std::sync::OnceLock;

use crate::reply::Reply;

pub(super) fn command_line() -> Reply {
    let words: Vec<_> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    Reply::text(words.join(&0))
}

/// When the process started, in seconds since 1970-01-01 UTC; `None` if the system does not say. It is
/// computed once: if the clock is set later, a changed start time would look like a restart.
pub(super) fn start_seconds() -> Option<f64> {
    static STARTED: OnceLock<Option<f64>> = OnceLock::new();
    let read =
        || started(&fs::read_to_string("/proc/self/stat").ok()?, &fs::read_to_string("/proc/stat").ok()?);
    *STARTED.get_or_init(read)
}

/// The start time by field 22 of `/proc/self/stat`, in ticks since boot. Linux reports 100 ticks a second to
/// programs (`USER_HZ`). The process's name comes before and may contain any character.
fn started(process: &str, machine: &str) -> Option<f64> {
    const TICKS: f64 = 100.0;
    let (_, fields) = process.rsplit_once(')')?;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let booted: u64 = machine.lines().find_map(|it| it.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted as f64 + ticks as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_the_kernels() {
        let stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 12345 1000 10 18446744073709551615";
        assert_eq!(started(stat, "cpu 1 2 3\nbtime 1700000000\n"), Some(1_700_000_123.45));
        assert_eq!(started("nonsense", "btime 1"), None);
        if cfg!(target_os = "linux") {
            let now =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
            // `btime` is rounded down to whole seconds.
            assert!((0.0..86_400.0).contains(&(now + 1.0 - start_seconds().unwrap())));
        }
    }
}
