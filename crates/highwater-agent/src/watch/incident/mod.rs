//! The folder of an incident.
//!
//! The folder is made under another name, and renamed when the essential files are in it and on the disk: it
//! is complete or does not exist. The ranking with names and the drawing come last, since they need most
//! memory, and the `highwater` command can make them from the profiles. If a file fails, `incident.json`
//! names it, and the other files are not affected.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highwater::{MemoryLevel, Modules};
use highwater_profile::file::{self, FileError, Folders, link_or_copy, write_durably};
use highwater_profile::sequence::Sequence;
use highwater_profile::{Limits, Profile, pprof};
use serde_json::{Value, json};

#[cfg(feature = "flame")]
use super::flame;
use super::growth::{self, Row};
use super::history::{History, Reading};
use super::rule::Reason;
use highwater_resolver::Names;

const ABOUT: &str = "incident.json";
const BEFORE: &str = "before.pb.gz";
const NOW: &str = "spike.pb.gz";

/// The data of an incident.
pub(crate) struct Incident<'a> {
    pub reason: Reason,
    pub reading: Reading,
    /// The nearest limit.
    pub level: Option<&'a MemoryLevel>,
    pub history: &'a History,
    /// An earlier snapshot, if there is one.
    pub before: Option<&'a Path>,
    /// The present profile, or why there is none.
    pub now: Result<Profile, String>,
    /// The memory budget for looking up names, in bytes.
    pub names_bytes: u64,
}

/// The result of recording an incident.
pub(crate) struct Recorded {
    /// `None` if not even the profile could be written.
    pub folder: Option<PathBuf>,
    /// The content of `incident.json`.
    pub about: Value,
    /// The names that were looked up for the folder.
    pub names: Names,
    /// The number of files that failed.
    pub failures: usize,
}

/// The directory of the incidents.
#[derive(Debug)]
pub(crate) struct Incidents {
    folders: Folders,
    most: usize,
    sequence: Sequence,
}

impl Incidents {
    /// Opens a directory, and creates it if it is missing. Unfinished folders of a killed process are
    /// removed.
    ///
    /// # Errors
    /// When the directory cannot be created or read.
    pub(crate) fn open(directory: PathBuf, most: usize) -> io::Result<Self> {
        let folders = Folders::open(directory)?;
        let sequence = Sequence::behind(folders.names()?.iter().filter_map(|it| number(it)));
        Ok(Self { folders, most: most.max(1), sequence })
    }

    /// Writes a folder, and deletes the oldest ones beyond the limit.
    pub(crate) fn add(&mut self, incident: Incident<'_>) -> Recorded {
        let time_ms = u64::try_from(incident.reading.time_ms).unwrap_or(u64::MAX);
        let name = format!("{:013}-{}", self.sequence.next_at(time_ms), incident.reason.word());
        let names = Names::within(incident.names_bytes);
        let mut failures = Failures::default();
        let folder = match &incident.now {
            Ok(now) => {
                let fill = |folder: &Path| incident.write(folder, now, &mut failures);
                let folder = self.folders.complete(&name, fill);
                folder.map(|it| it.0).map_err(|error: FileError| error.to_string())
            }
            Err(reason) => Err(reason.clone()),
        };
        match folder {
            Ok(folder) => self.finish(folder, incident, names, failures),
            Err(reason) => {
                failures.add("folder", reason);
                let about = incident.about(&failures);
                Recorded { folder: None, about, names, failures: failures.0.len() }
            }
        }
    }

    /// Adds the ranking and the drawing to a complete folder.
    fn finish(
        &self,
        folder: PathBuf,
        mut incident: Incident<'_>,
        mut names: Names,
        mut failures: Failures,
    ) -> Recorded {
        failures.note("old incidents", self.trim());
        let reported = failures.0.len();
        // The profiles are not needed any more, and the next step needs most memory.
        let now = std::mem::replace(&mut incident.now, Err(String::new()));
        if let (Ok(now), true) = (now, folder.join(BEFORE).exists()) {
            match rows(&folder, now) {
                Ok(rows) => explain(&folder, &rows, &mut names, &mut failures),
                Err(error) => failures.add("growth.txt", error.to_string()),
            }
        }
        let about = incident.about(&failures);
        if failures.0.len() > reported {
            failures.note(ABOUT, write_about(&folder, &about));
        }
        Recorded { folder: Some(folder), about, names, failures: failures.0.len() }
    }

    /// Deletes folders beyond the limit: each time, the oldest one of the rule with most folders, so that a
    /// rule that is broken again and again does not displace incidents of other rules.
    fn trim(&self) -> io::Result<()> {
        let mut folders = Vec::new();
        for name in self.folders.names()? {
            let path = self.folders.directory().join(&name);
            if path.join(ABOUT).is_file() {
                folders.push((number(&name), rule_of(&path), name));
            }
        }
        folders.sort();
        while folders.len() > self.most {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            folders.iter().for_each(|it| *counts.entry(&it.1).or_default() += 1);
            let most = counts.values().copied().max().unwrap_or(0);
            let oldest = folders.iter().position(|it| counts.get(it.1.as_str()) == Some(&most)).unwrap_or(0);
            let (_, _, name) = folders.remove(oldest);
            self.folders.remove(&name)?;
        }
        Ok(())
    }
}

/// The parts of an incident that failed, and why.
#[derive(Debug, Default)]
struct Failures(Vec<(&'static str, String)>);

impl Failures {
    fn add(&mut self, part: &'static str, error: String) {
        self.0.push((part, error));
    }

    fn note<E: ToString>(&mut self, part: &'static str, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            self.add(part, error.to_string());
        }
    }
}

impl Incident<'_> {
    /// Writes the data that cannot be obtained later.
    fn write(&self, folder: &Path, now: &Profile, failures: &mut Failures) -> Result<(), FileError> {
        write_durably(&folder.join(NOW), |out| pprof::write(now, out))?;
        if let Some(before) = self.before {
            // A hard link, so that the ring's deletion does not remove the file.
            failures.note(BEFORE, link_or_copy(before, &folder.join(BEFORE)));
        }
        failures
            .note("metrics.csv", write_durably(&folder.join("metrics.csv"), |out| self.history.write(out)));
        write_about(folder, &self.about(failures))
    }

    fn about(&self, failures: &Failures) -> Value {
        let Reading { time_ms, used_bytes, limit_bytes, limit_kind, own_bytes, rss_bytes, live_bytes } =
            self.reading;
        let rule = match self.reason {
            Reason::Fraction(fraction) => json!({ "fraction": fraction }),
            Reason::Bytes(bytes) => json!({ "bytes": bytes }),
            Reason::Growth { baseline_bytes } => json!({ "baseline_bytes": baseline_bytes }),
        };
        let failures: Vec<_> =
            failures.0.iter().map(|(part, error)| json!({ "part": part, "error": error })).collect();
        json!({
            "reason": self.reason.word(),
            "rule": rule,
            "time_ms": u64::try_from(time_ms).unwrap_or(u64::MAX),
            "process": std::process::id(),
            "who": crate::who::as_json(&highwater::who()),
            "used_bytes": used_bytes,
            "limit_bytes": limit_bytes,
            "limit_kind": limit_kind.map(|it| it.word()),
            "limit_level": self.level.map(|it| &it.name),
            "headroom_bytes": self.level.map(MemoryLevel::headroom_bytes),
            "is_killed_whole": self.level.is_some_and(|it| it.is_killed_whole),
            "own_bytes": own_bytes,
            "rss_bytes": rss_bytes,
            "live_bytes": live_bytes,
            "before": self.before.map(|_| BEFORE),
            "spike": NOW,
            "failures": failures,
        })
    }
}

fn write_about(folder: &Path, about: &Value) -> Result<(), FileError> {
    write_durably(&folder.join(ABOUT), |out| writeln!(out, "{about:#}"))
}

fn rows(folder: &Path, now: Profile) -> Result<Vec<Row>, FileError> {
    let mut before = file::read(&folder.join(BEFORE), &Limits::default())?;
    // A file has addresses of the binary's own address space, but `now` has addresses of the process.
    let modules = Modules::capture();
    let locations: Vec<_> = before.location_ids().collect();
    for id in locations {
        let location = before.location_mut(id);
        location.address = modules.address_of_file(location.address);
    }
    Ok(growth::rows(&before, &now))
}

/// Writes the files that people read first.
fn explain(folder: &Path, rows: &[Row], names: &mut Names, failures: &mut Failures) {
    // The first row is needed most, so it is written first, in case there is no time for more.
    for most in [1, growth::MAX_ROWS] {
        let path = folder.join("growth.txt");
        let outcome = write_durably(&path, |out| growth::write(rows, most, names, out));
        if let Err(error) = outcome {
            failures.add("growth.txt", error.to_string());
            break;
        }
    }
    #[cfg(feature = "flame")]
    failures
        .note("flame.svg", write_durably(&folder.join("flame.svg"), |out| flame::write(rows, names, out)));
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The number at the beginning of a folder's name.
fn number(name: &str) -> Option<u64> {
    name.split_once('-')?.0.parse().ok()
}

/// The name that distinguishes the rule of a folder. Growth is one rule, whatever its baseline.
fn rule_of(folder: &Path) -> String {
    let word = name(folder).split_once('-').map_or("", |it| it.1).to_owned();
    let about: Option<Value> =
        fs::read(folder.join(ABOUT)).ok().and_then(|it| serde_json::from_slice(&it).ok());
    match about {
        Some(about) if word != "growth" => format!("{word} {}", about["rule"]),
        _ => word,
    }
}

#[cfg(test)]
mod tests;
