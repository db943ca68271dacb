//! What the process is: its command line and its threads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use highwater_profile::{Line, Location, Profile, ValueType, pprof};

use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};

pub(super) fn command_line() -> Reply {
    let words: Vec<_> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    Reply::text(words.join(&0))
}

/// The threads there are, counted by name. Where a thread was started is nowhere to be read, unlike its name.
pub(super) fn threads(query: Query<'_>) -> Answer {
    let counts = count_threads().map_err(|error| {
        Refusal::failed(format_args!("cannot list the threads in /proc/self/task: {error}"))
    })?;
    if query.is_text()? {
        let mut text = format!("threads profile: total {}\n", counts.values().sum::<i64>());
        for (name, count) in counts {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{count} @ {name}");
        }
        return Ok(Reply::text(text));
    }
    let mut profile = Profile::new(vec![ValueType::new("threads", "count")]);
    for (name, count) in counts {
        let function = profile.add_function(&name, &name, "");
        let frame = profile.add_location(Location::symbolized(vec![Line { function, line: 0 }]));
        profile.samples.push(&[frame], &[count], &[]);
    }
    let mut out = Vec::new();
    pprof::write(&profile, &mut out).map_err(Refusal::failed)?;
    Ok(Reply::pprof("attachment; filename=\"threads.pb.gz\"", out))
}

fn count_threads() -> std::io::Result<BTreeMap<String, i64>> {
    let mut counts = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task")? {
        // A thread that ends meanwhile is none any more.
        let Ok(name) = fs::read(task?.path().join("comm")) else { continue };
        let name = String::from_utf8_lossy(name.trim_ascii_end()).replace(char::is_control, " ");
        *counts.entry(name).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

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
        let text = String::from_utf8(super::threads(Query("debug=1")).unwrap().body).unwrap();
        assert!(text.contains("\n3 @ counted\n"), "{text}");
        let profile = super::threads(Query("")).unwrap().body;
        let profile = highwater_profile::read(&profile, &Default::default()).unwrap();
        assert!(profile.samples.iter().any(|sample| *sample.values == [3]));
        drop(threads);
    }
}
