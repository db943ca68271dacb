//! The running threads, counted by start site and by name.
//!
//! The place that started a thread is known with the feature `thread-sites`, for threads that started after
//! the agent. Other threads only have a name, and the kernel keeps 15 bytes of the name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::{fs, io};

use highwater::Modules;
use highwater_profile::{Label, LabelValue, Line, Location, Profile, ValueType, pprof};

use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// The frames between the program and the system when a thread starts, as pprof's `drop_frames`.
const SPAWNING_FRAMES: &str =
    r"<?highwater_hooks::.*|pthread_create|thrd_create|std::thread::.*|std::sys::.*";

/// The exceptions, as pprof's `keep_frames`: the frames that call a starting thread's own code, at the root
/// of its stack.
const CALLING_FRAMES: &str = r".*(\{closure(#[0-9]+)?\}\}?|thread_start|__rust_begin_short_backtrace.*)";

/// From now on, remembers where each thread is started.
pub(crate) fn prepare() {
    #[cfg(feature = "thread-sites")]
    highwater_hooks::keep_stacks();
}

/// The number of threads for each name and starting stack. Stacks are innermost first.
type Counts = BTreeMap<(Vec<usize>, String), i64>;

/// The answer without its body.
pub(super) fn head(query: Query<'_>) -> Answer {
    Ok(Reply::head_of(query.is_text()?, "attachment; filename=\"threads.pb.gz\""))
}

pub(super) async fn answer(service: &Service, query: Query<'_>) -> Answer {
    let (head, is_text) = (head(query)?, query.is_text()?);
    let body = service.captures.run(move || write(&count()?, is_text)).await?.map_err(|error| {
        Refusal::failed(format_args!("cannot list the threads in /proc/self/task: {error}"))
    })?;
    Ok(head.with(body))
}

fn write(counts: &Counts, is_text: bool) -> io::Result<Vec<u8>> {
    if is_text {
        return Ok(text(counts).into_bytes());
    }
    let mut out = Vec::new();
    pprof::write(&profile(counts), &mut out)?;
    Ok(out)
}

fn text(counts: &Counts) -> String {
    let mut text = format!("threads profile: total {}\n", counts.values().sum::<i64>());
    let known =
        highwater_resolver::calls_of(counts.keys().flat_map(|it| &it.0).map(|&address| address as u64 + 1));
    for ((stack, name), count) in counts {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{count} @ {name}");
        let calls = stack.iter().filter_map(|&address| known.get(&(address as u64 + 1))).flatten();
        let is_between = |call: &&highwater_resolver::Call| {
            ["highwater_hooks", "pthread_create", "thrd_create", "std::", "<std::", "backtrace::"]
                .iter()
                .any(|it| call.function.starts_with(it))
        };
        for call in calls.skip_while(is_between) {
            let _ = writeln!(text, "#\t{}\t{}:{}", call.function, call.file, call.line);
        }
    }
    text
}

fn profile(counts: &Counts) -> Profile {
    let mut profile = Profile::new(vec![ValueType::new("threads", "count")]);
    highwater::who().add_to(&mut profile);
    profile.drop_frames = SPAWNING_FRAMES.to_owned();
    profile.keep_frames = CALLING_FRAMES.to_owned();
    let modules = Modules::capture();
    let mut locations = modules.add_to(&mut profile);
    let key = profile.strings.intern("thread");
    for ((stack, name), &count) in counts {
        let mut stack: Vec<_> = stack.iter().map(|&address| locations.at(&mut profile, address)).collect();
        if stack.is_empty() {
            let function = profile.add_function(name, name, "");
            stack.push(profile.add_location(Location::symbolized(vec![Line::new(function, 0)])));
        }
        let value = LabelValue::Text(profile.strings.intern(name));
        profile.samples.push(&stack, &[count], &[Label { key, value }]);
    }
    profile
}

fn count() -> io::Result<Counts> {
    let sites = sites();
    let mut counts = Counts::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        // The thread has ended meanwhile.
        let Ok(name) = fs::read(task.path().join("comm")) else { continue };
        let name = String::from_utf8_lossy(name.trim_ascii_end()).replace(char::is_control, " ");
        let tid = task.file_name().to_str().and_then(|it| it.parse().ok());
        let stack = tid.and_then(|tid: u32| sites.get(&tid)).cloned().unwrap_or_default();
        *counts.entry((stack, name)).or_default() += 1;
    }
    Ok(counts)
}

/// Where threads were started, by the kernel's thread id.
fn sites() -> BTreeMap<u32, Vec<usize>> {
    #[cfg(feature = "thread-sites")]
    return highwater_hooks::threads()
        .iter()
        .filter_map(|it| Some((it.tid()?, it.spawn_stack().to_vec())))
        .collect();
    #[cfg(not(feature = "thread-sites"))]
    BTreeMap::new()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn shown(query: &str) -> Vec<u8> {
        write(&count().unwrap(), Query(query).is_text().unwrap()).unwrap()
    }

    #[test]
    fn threads_are_counted_by_name() {
        let (ready, is_ready) = channel();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (stop, stopped) = channel::<()>();
                let ready = ready.clone();
                let thread = std::thread::Builder::new().name("counted".to_owned()).spawn(move || {
                    ready.send(()).unwrap();
                    let _ = stopped.recv();
                });
                (thread.unwrap(), stop)
            })
            .collect();
        threads.iter().for_each(|_| is_ready.recv().unwrap());
        let text = String::from_utf8(shown("debug=1")).unwrap();
        assert!(text.contains("\n3 @ counted\n"), "{text}");
        let profile = shown("");
        let profile = highwater_profile::read(&profile, &Default::default()).unwrap();
        assert!(profile.samples.iter().any(|sample| *sample.values == [3]));
        drop(threads);
    }
}
