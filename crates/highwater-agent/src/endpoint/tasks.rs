//! Live asynchronous tasks, counted by the place that spawned them.
//!
//! A task is a block of memory that its executor allocates, so the heap profile contains the live tasks like
//! all live blocks: the sampled ones, scaled up. `highwater-tasks` recognises tasks by the names of the
//! calls, so names are looked up here, for the stacks that begin in an executor.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;

use highwater_profile::{Label, LabelValue, Line, Location, LocationId, Profile, Sample, ValueType, pprof};
use highwater_tasks::{Allocation, Purpose, classify};

use crate::captures;
use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// The innermost frames that decide whether the rest of a stack is looked up: frames of the recorder, the
/// allocator, and the executor's constructor.
const FIRST_FRAMES: usize = 24;

/// Live tasks of one spawn site and size.
struct Tasks {
    /// The calls of the program that spawned them, innermost first.
    calls: Vec<highwater_resolver::Call>,
    what: String,
    count: i64,
    bytes: i64,
    /// Standard error of the count, in tasks.
    error: f64,
}

/// The answer without its body.
pub(super) fn head(query: Query<'_>) -> Answer {
    let is_text = query.is_text()?;
    captures::check()?;
    Ok(Reply::head_of(is_text, "attachment; filename=\"tasks.pb.gz\""))
}

pub(super) async fn answer(service: &Service, query: Query<'_>) -> Answer {
    let (head, is_text) = (head(query)?, query.is_text()?);
    let snapshot = service.captures.snapshot(None).await?;
    let write = move || {
        let found = Found::from_heap(&snapshot.to_profile());
        if is_text {
            return Ok(found.text().into_bytes());
        }
        let mut out = Vec::new();
        pprof::write(&found.profile(), &mut out)?;
        Ok::<_, io::Error>(out)
    };
    Ok(head.with(service.captures.run(write).await?.map_err(Refusal::failed)?))
}

/// How the tasks of a profile were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recording {
    /// Mean bytes between samples now: 1 if every block is recorded, 0 if none is.
    interval_bytes: i64,
    /// Whether every block should have been recorded since the start of the process.
    is_complete: bool,
    /// Blocks that could not be recorded.
    lost: i64,
}

/// The tasks of a heap profile.
struct Found {
    tasks: Vec<Tasks>,
    recording: Recording,
    time_ns: i64,
}

impl Found {
    fn from_heap(heap: &Profile) -> Self {
        let mut names = Names { heap, known: HashMap::new() };
        // For most stacks, the first frames show that they are not tasks.
        names.look_up(heap.samples.iter().flat_map(|row| first(row.stack)));
        let rows: Vec<_> = heap.samples.iter().filter(|row| names.may_be_task(row)).collect();
        names.look_up(rows.iter().flat_map(|row| row.stack));
        let mut tasks: Vec<_> = rows.iter().filter_map(|row| names.tasks(row)).collect();
        tasks.sort_by_key(|it| std::cmp::Reverse(it.count));
        let meta = heap.meta.unwrap_or_default();
        let is_on = highwater::mode() != Some(highwater::Mode::Off);
        let recording = Recording {
            interval_bytes: if is_on { heap.period } else { 0 },
            is_complete: meta.exact == Some(1),
            lost: meta.dropped_blocks.unwrap_or(0).max(meta.dropped_samples.unwrap_or(0)),
        };
        Self { tasks, recording, time_ns: heap.time_ns }
    }

    /// Standard error of the number of all tasks, in tasks.
    fn error(&self) -> f64 {
        self.tasks.iter().fold(0.0, |sum, it| sum + it.error * it.error).sqrt()
    }

    /// How reliable the numbers are. The text says that every task is counted only if nothing contradicts it.
    fn remark(&self) -> String {
        let Recording { interval_bytes, is_complete, lost } = self.recording;
        let mut remark = match interval_bytes {
            ..=0 => "nothing is recorded now: tasks that were spawned since then are missing".to_owned(),
            1 if lost > 0 => "exact but for what was lost".to_owned(),
            1 if is_complete && self.error() == 0.0 => "every task is counted".to_owned(),
            1 => "tasks that were spawned since exact recording began are all counted; those from before are scaled up from \
                  samples, or missing"
                .to_owned(),
            interval => format!(
                "scaled up from samples, one in {interval} bytes allocated: few small tasks may all be missing; POST exact to \
                 /interval, and the tasks that are spawned from then on are all counted"
            ),
        };
        if lost > 0 {
            let _ = write!(remark, "; {lost} blocks were lost for lack of space, which may have been tasks");
        }
        remark
    }

    fn text(&self) -> String {
        let total: i64 = self.tasks.iter().map(|it| it.count).sum();
        let error = self.error();
        // Writing to a string does not fail.
        let mut text =
            format!("tasks profile: total {total} ± {error:.0} (standard error); {}\n", self.remark());
        for tasks in &self.tasks {
            let _ = writeln!(text, "{} ± {:.0} @ {}", tasks.count, tasks.error, tasks.what);
            for call in &tasks.calls {
                let _ = writeln!(text, "#\t{}\t{}:{}", call.function, call.file, call.line);
            }
        }
        text
    }

    fn profile(&self) -> Profile {
        let types = vec![ValueType::new("space", "bytes"), ValueType::new("tasks", "count")];
        let mut profile = Profile::new(types);
        highwater::who().add_to(&mut profile);
        profile.default_sample_type = Some(1);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = self.recording.interval_bytes;
        profile.time_ns = self.time_ns;
        profile.comments.push(self.remark());
        let key = profile.strings.intern("task");
        for tasks in &self.tasks {
            let frames: Vec<_> = tasks.calls.iter().map(|call| frame(&mut profile, call)).collect();
            let value = LabelValue::Text(profile.strings.intern(&tasks.what));
            profile.samples.push(&frames, &[tasks.bytes, tasks.count], &[Label { key, value }]);
        }
        profile
    }
}

fn frame(profile: &mut Profile, call: &highwater_resolver::Call) -> LocationId {
    let function = profile.add_function(&call.function, &call.function, &call.file);
    profile.add_location(Location::symbolized(vec![Line::new(function, call.line.into())]))
}

/// The frames that show, for most stacks, that they are not tasks.
fn first(stack: &[LocationId]) -> &[LocationId] {
    stack.get(..FIRST_FRAMES).unwrap_or(stack)
}

/// The names of a heap profile's addresses, of those that were looked up.
struct Names<'a> {
    heap: &'a Profile,
    known: HashMap<u64, Vec<highwater_resolver::Call>>,
}

impl Names<'_> {
    fn look_up<'i>(&mut self, locations: impl IntoIterator<Item = &'i LocationId>) {
        let addresses = locations.into_iter().map(|&id| self.address(id));
        let new = addresses.filter(|it| !self.known.contains_key(it)).collect::<Vec<_>>();
        self.known.extend(highwater_resolver::calls_of(new));
    }

    /// The return address that a call stack would contain. The addresses of a heap profile are inside their
    /// calls.
    fn address(&self, id: LocationId) -> u64 {
        self.heap.location(id).address + 1
    }

    fn calls(&self, stack: &[LocationId]) -> Vec<highwater_resolver::Call> {
        let calls = stack.iter().filter_map(|&id| self.known.get(&self.address(id)));
        calls.flatten().cloned().collect()
    }

    fn may_be_task(&self, row: &Sample<'_>) -> bool {
        let count = self.heap.sample_type("inuse_objects").map(|column| row.values[column]);
        count.is_some_and(|it| it != 0) && allocation(&self.calls(first(row.stack))) != Allocation::Other
    }

    /// The tasks behind a row of the heap profile; `None` if the row is not about tasks.
    fn tasks(&self, row: &Sample<'_>) -> Option<Tasks> {
        let column = |kind| self.heap.sample_type(kind).map(|column| row.values[column]);
        let (count, bytes) = (column("inuse_objects")?, column("inuse_space")?);
        let mut calls = self.calls(row.stack);
        let (entry, what) = match allocation(&calls) {
            Allocation::Cell(cell) => match cell.purpose {
                Purpose::Task => (cell.entry, cell.future.unwrap_or_else(|| "task".to_owned())),
                Purpose::Blocking => (cell.entry, "blocking call".to_owned()),
                Purpose::Own => return None,
            },
            Allocation::Unclassified { executor, entry, .. } => {
                (entry, format!("perhaps a task: {} is of a version not known here", executor.package()))
            }
            Allocation::Other => return None,
        };
        let outside = calls.split_off((entry + 1).min(calls.len()));
        let interval = self.number(row, "interval").unwrap_or(self.heap.period);
        let error = standard_error(count, self.number(row, "bytes").unwrap_or(0), interval);
        Some(Tasks { calls: outside, what, count, bytes, error })
    }

    fn number(&self, row: &Sample<'_>, key: &str) -> Option<i64> {
        row.labels.iter().find_map(|label| match label.value {
            LabelValue::Number(value, _) if self.heap.string(label.key) == key => Some(value),
            _ => None,
        })
    }
}

fn allocation(calls: &[highwater_resolver::Call]) -> Allocation {
    let calls: Vec<_> = calls
        .iter()
        .map(|call| highwater_tasks::Call {
            function: &call.function,
            file: Some(call.file.as_str()).filter(|it| !it.is_empty()),
        })
        .collect();
    classify(&calls)
}

/// Standard error of a number of blocks that was scaled up. A block of s bytes is sampled with probability p
/// = 1 − exp(−s / interval), so of n sampled ones the estimate is n / p, with the variance n (1 − p) / p². In
/// tasks.
fn standard_error(count: i64, block_bytes: i64, interval_bytes: i64) -> f64 {
    if interval_bytes <= 1 || block_bytes <= 0 {
        return 0.0;
    }
    let missed = (-(block_bytes as f64) / interval_bytes as f64).exp();
    (count as f64 * missed / (1.0 - missed)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_have_a_large_error() {
        assert_eq!(standard_error(1_000, 256, 1), 0.0);
        // At 512 KiB, one sample of a 256-byte block represents 2,048 tasks, with a standard error of as
        // many.
        let one = standard_error(2_048, 256, 512 * 1024);
        assert!((one - 2_048.0).abs() < 10.0, "{one}");
        let hundred = standard_error(204_800, 256, 512 * 1024);
        assert!((hundred - 20_480.0).abs() < 100.0, "{hundred}");
    }

    fn found(error: f64, interval_bytes: i64, is_complete: bool, lost: i64) -> Found {
        let tasks = Tasks { calls: Vec::new(), what: "task".to_owned(), count: 9, bytes: 900, error };
        Found { tasks: vec![tasks], recording: Recording { interval_bytes, is_complete, lost }, time_ns: 0 }
    }

    #[test]
    fn a_profile_without_tasks_says_so() {
        let found = Found { tasks: Vec::new(), ..found(0.0, 1, true, 0) };
        assert_eq!(found.text(), "tasks profile: total 0 ± 0 (standard error); every task is counted\n");
        assert!(found.profile().samples.is_empty());
    }

    #[test]
    fn a_complete_count_needs_a_complete_recording() {
        const ALL: &str = "every task is counted";
        assert!(found(0.0, 1, true, 0).remark().contains(ALL));
        for (error, interval_bytes, is_complete, lost, said) in [
            // The interval was changed to exact while older tasks were live.
            (3.0, 1, false, 0, "scaled up from samples, or missing"),
            (0.0, 1, false, 0, "scaled up from samples, or missing"),
            (3.0, 1, true, 0, "scaled up from samples, or missing"),
            (0.0, 1, true, 5, "5 blocks were lost"),
            (3.0, 4096, false, 2, "one in 4096 bytes"),
            (0.0, 4096, false, 0, "one in 4096 bytes"),
            (0.0, 0, false, 0, "nothing is recorded now"),
        ] {
            let found = found(error, interval_bytes, is_complete, lost);
            assert!(found.remark().contains(said) && !found.text().contains(ALL), "{}", found.text());
        }
    }
}
