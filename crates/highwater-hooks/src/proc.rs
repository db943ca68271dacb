//! What the kernel says of this process's threads, in `/proc/self/task`.

use std::fs;

/// What a thread is doing, in the kernel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Running, or ready to.
    Running,
    /// Waiting for an event.
    Asleep,
    /// Waiting for a device.
    Disk,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// Ended, or another state.
    Other,
}

/// One look at a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How long it has run or been ready to run, so far. Waiting for a processor counts, so that a busy
    /// thread looks busy on a busy machine too.
    pub busy_ns: u64,
}

pub(crate) fn read(tid: u32) -> Option<Reading> {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    let (name, state, ticks) = parse_stat(&stat)?;
    let schedule = fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).ok();
    // Kernels without scheduler statistics count in ticks: 100 a second.
    let busy_ns = schedule.as_deref().and_then(parse_schedule).unwrap_or(ticks.saturating_mul(10_000_000));
    Some(Reading { name: name.to_owned(), state, busy_ns })
}

/// The numbers of all threads. Empty where there is no `/proc`.
pub(crate) fn tids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Name, state, and ticks of processor time.
fn parse_stat(stat: &str) -> Option<(&str, State, u64)> {
    // A name may itself have brackets and spaces in it.
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = match fields.next()? {
        "R" => State::Running,
        "S" | "I" => State::Asleep,
        "D" => State::Disk,
        "T" | "t" => State::Stopped,
        _ => State::Other,
    };
    // utime and stime are the 14th and the 15th field of the line, and the state is the 3rd.
    let mut times = fields.skip(10);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some((name, state, user.saturating_add(system)))
}

/// Nanoseconds of running and of being ready to.
fn parse_schedule(schedule: &str) -> Option<u64> {
    let mut fields = schedule.split_ascii_whitespace();
    let running: u64 = fields.next()?.parse().ok()?;
    let ready: u64 = fields.next()?.parse().ok()?;
    Some(running.saturating_add(ready))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_understood() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194368 95 0 0 0 3 4 0 0 20 0 2 0 100 0 0";
        assert_eq!(parse_stat(stat), Some(("a) b (c", State::Asleep, 7)));
        assert_eq!(parse_schedule("12 30 4\n"), Some(42));
        for broken in ["", "17", "17 (a", "17 (a)", "17 (a) R 1 2", "17 )a( R"] {
            assert_eq!(parse_stat(broken), None, "{broken}");
        }
        assert_eq!(parse_schedule("12"), None);
    }
}
