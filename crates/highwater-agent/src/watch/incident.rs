//! The folder that an incident leaves.
//!
//! It is made under another name and renamed when all that matters is in it and on the disk: it is whole or not there. The
//! ranking with names and the drawing come last, since they need most memory, and the profiles say the same to whoever has
//! the command.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use highwater::Snapshot;
use highwater_profile::file::{self, FileError, rename_directory, sync_directory, write_durably};
use highwater_profile::{Limits, Profile};
use serde_json::json;

#[cfg(feature = "flame")]
use super::flame;
use super::growth;
use super::history::{History, Reading};
use super::ring::write_profile;
use super::rule::Reason;
use crate::names::Names;

/// How folders begin that are not complete.
const UNFINISHED: &str = ".unfinished-";

/// All that is known of an incident.
pub(crate) struct Incident<'a> {
    pub reason: Reason,
    pub reading: Reading,
    pub history: &'a History,
    /// The snapshot from before, if there is one.
    pub before: Option<&'a Path>,
    pub now: &'a Snapshot,
    /// What finding names may take, in bytes.
    pub names_bytes: u64,
}

/// The directory of the incidents.
#[derive(Debug)]
pub(crate) struct Incidents {
    directory: PathBuf,
    most: usize,
}

impl Incidents {
    /// Takes a directory over, which is made if it is missing. Folders that a killed process did not finish go.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open(directory: PathBuf, most: usize) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if name(&path).starts_with(UNFINISHED) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(Self { directory, most: most.max(1) })
    }

    /// Writes a folder, and deletes the oldest ones that are too many. The names that were looked up for it come with it.
    ///
    /// # Errors
    /// When something cannot be written. What is complete stays.
    pub(crate) fn add(&self, incident: &Incident<'_>) -> Result<(PathBuf, Names), FileError> {
        let failed = |source| FileError::Write { path: self.directory.clone(), source };
        let folder = format!("{:013}-{}", incident.reading.time_ms, incident.reason.word());
        let unfinished = self.directory.join(format!("{UNFINISHED}{folder}"));
        fs::create_dir_all(&unfinished).map_err(failed)?;
        let profile = incident.write(&unfinished)?;
        let folder = self.directory.join(folder);
        rename_directory(&unfinished, &folder)
            .and_then(|()| sync_directory(&self.directory))
            .map_err(failed)?;
        self.trim().map_err(failed)?;
        let mut names = Names::within(incident.names_bytes);
        if incident.before.is_some() {
            let before = file::read(&folder.join(BEFORE), &Limits::default())?;
            let rows = growth::rows(&before, &profile);
            // Neither is needed any more, and what follows takes most.
            drop((before, profile));
            // The first row alone is what is needed most, if there is no time for more.
            for most in [1, growth::MAX_ROWS] {
                write_durably(&folder.join("growth.txt"), |out| growth::write(&rows, most, &mut names, out))?;
            }
            #[cfg(feature = "flame")]
            write_durably(&folder.join("flame.svg"), |out| flame::write(&rows, &mut names, out))?;
        }
        Ok((folder, names))
    }

    fn trim(&self) -> io::Result<()> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.join(ABOUT).is_file() {
                folders.push(path);
            }
        }
        folders.sort();
        let surplus = folders.len().saturating_sub(self.most);
        folders[..surplus].iter().try_for_each(|folder| self.remove(folder))
    }

    /// Deletes a folder. It loses its name first, so that nobody finds a part of it if the process is killed meanwhile.
    fn remove(&self, folder: &Path) -> io::Result<()> {
        let unfinished = self.directory.join(format!("{UNFINISHED}{}", name(folder)));
        rename_directory(folder, &unfinished)?;
        sync_directory(&self.directory)?;
        fs::remove_dir_all(unfinished)
    }
}

const ABOUT: &str = "incident.json";
const BEFORE: &str = "before.pb.gz";
const NOW: &str = "spike.pb.gz";

impl Incident<'_> {
    /// Writes what matters, and returns the profile of now.
    fn write(&self, folder: &Path) -> Result<Profile, FileError> {
        // First what cannot be had again.
        write_profile(&folder.join(NOW), self.now)?;
        if let Some(before) = self.before {
            let path = folder.join(BEFORE);
            // The same file by a second name, which the ring does not delete.
            if fs::hard_link(before, &path).is_err() {
                let open = fs::File::open(before);
                let mut source =
                    open.map_err(|source| FileError::Open { path: before.to_owned(), source })?;
                write_durably(&path, |mut out| io::copy(&mut source, &mut out).map(drop))?;
            }
        }
        write_durably(&folder.join("metrics.csv"), |out| self.history.write(out))?;
        write_durably(&folder.join(ABOUT), |out| self.write_about(out))?;
        Ok(self.now.to_profile())
    }

    fn write_about(&self, out: &mut dyn Write) -> io::Result<()> {
        let Reading { time_ms, used_bytes, limit_bytes, rss_bytes, live_bytes } = self.reading;
        let rule = match self.reason {
            Reason::Fraction(fraction) => json!({ "fraction": fraction }),
            Reason::Bytes(bytes) => json!({ "bytes": bytes }),
            Reason::Growth { baseline_bytes } => json!({ "baseline_bytes": baseline_bytes }),
        };
        let about = json!({
            "reason": self.reason.word(),
            "rule": rule,
            "time_ms": u64::try_from(time_ms).unwrap_or(u64::MAX),
            "process": std::process::id(),
            "used_bytes": used_bytes,
            "limit_bytes": limit_bytes,
            "rss_bytes": rss_bytes,
            "live_bytes": live_bytes,
            "before": self.before.map(|_| BEFORE),
            "spike": NOW,
        });
        writeln!(out, "{about:#}")
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_folders_go_and_complete_ones_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let folder = |name: &str, is_complete: bool| {
            fs::create_dir(directory.path().join(name)).unwrap();
            if is_complete {
                fs::write(directory.path().join(name).join(ABOUT), "{}").unwrap();
            }
        };
        folder(".unfinished-1-bytes", true);
        folder("1-bytes", true);
        folder("2-bytes", true);
        folder("3-bytes", true);
        folder("mine", false);
        let incidents = Incidents::open(directory.path().to_owned(), 2).unwrap();
        incidents.trim().unwrap();
        let mut left: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|it| name(&it.unwrap().path()).to_owned()).collect();
        left.sort();
        assert_eq!(left, ["2-bytes", "3-bytes", "mine"]);
    }
}
