//! Running one trap program, sound or with a planted fault.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use highwater_profile::Profile;
use highwater_tests::truth::{self, Demand};
use highwater_tests::{Failure, run_with_timeout};
use tempfile::TempDir;

/// Far more than any of the programs needs, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long a program is watched that is to hang. The sound ones need a fraction of it.
const PATIENCE_WITH_HANGING: Duration = Duration::from_secs(4);

/// Sampled so densely that recording goes on all the time.
pub const SAMPLED: &str = "interval:256B";

/// A run of a program to be.
pub struct Trap {
    command: Command,
    demand: Demand,
    patience: Duration,
    directory: TempDir,
}

impl Trap {
    /// The program at `path`, in its own mode, which is exact.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(path);
        command.arg(directory.path().join("heap.pb.gz"));
        command.env_remove("HIGHWATER").env_remove("TRAP_PLANT");
        Self { command, demand: Demand::Exact, patience: PATIENCE, directory }
    }

    /// An argument behind the profile's path.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Another variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What its profile must be.
    pub fn demand(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    /// In another mode than exact.
    pub fn mode(self, mode: &str) -> Self {
        self.env("HIGHWATER", mode).demand(Demand::Sampled)
    }

    /// With a fault.
    pub fn plant(self, fault: &str) -> Self {
        self.env("TRAP_PLANT", fault)
    }

    /// Runs the program, and returns its profile if nothing is wrong.
    pub fn spring(mut self) -> Result<Profile, Failure> {
        let said = run_with_timeout(&mut self.command, self.patience)?;
        print!("{said}");
        truth::compare(&self.profile_path(), &said, self.demand, |profile| {
            highwater_symbol::symbolize(profile, &Default::default()).unwrap();
        })
    }

    /// Runs the program, with which nothing may be wrong.
    #[track_caller]
    pub fn passes(self) -> Profile {
        match self.spring() {
            Ok(profile) => profile,
            Err(failure) => panic!("{}", failure.message()),
        }
    }

    /// Runs the program, which must be found to hang.
    #[track_caller]
    pub fn hangs(mut self) {
        self.patience = PATIENCE_WITH_HANGING;
        match self.spring() {
            Err(Failure::Hung(_)) => {}
            other => panic!("this should have hung: {:?}", other.map(drop)),
        }
    }

    /// Runs the program, which must be found to be wrong, with these words in the report.
    #[track_caller]
    pub fn assert_found_wrong(self, words: &str) {
        match self.spring() {
            Err(Failure::Failed(said) | Failure::Wrong(said)) if said.contains(words) => {}
            other => panic!("{words:?} should have been found: {:?}", other.map(drop)),
        }
    }

    /// Runs the program, which must be found to crash.
    #[track_caller]
    pub fn crashes(self) {
        match self.spring() {
            Err(Failure::Crashed(_)) => {}
            other => panic!("this should have crashed: {:?}", other.map(drop)),
        }
    }

    fn profile_path(&self) -> PathBuf {
        self.directory.path().join("heap.pb.gz")
    }
}
