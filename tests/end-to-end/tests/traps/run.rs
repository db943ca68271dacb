//! Runs one trap program, without a fault or with a planted one.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use highwater_profile::Profile;
use highwater_tests::truth::{self, Demand};
use highwater_tests::{Failure, run_with_timeout};
use tempfile::TempDir;

/// Far more time than any of the programs needs, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// Time after which a program counts as hanging. A program without a fault needs a fraction of it.
const PATIENCE_WITH_HANGING: Duration = Duration::from_secs(4);

/// Sampled so densely that recording happens all the time.
pub const SAMPLED: &str = "interval:256B";

/// A run of a program.
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

    /// Adds an argument after the profile's path.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the requirements for its profile.
    pub fn demand(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    /// Sets another mode than exact.
    pub fn mode(self, mode: &str) -> Self {
        self.env("HIGHWATER", mode).demand(Demand::Sampled)
    }

    /// Plants a fault.
    pub fn plant(self, fault: &str) -> Self {
        self.env("TRAP_PLANT", fault)
    }

    /// Runs the program, and returns its profile if there is no fault.
    pub fn spring(mut self) -> Result<Profile, Failure> {
        let said = run_with_timeout(&mut self.command, self.patience)?;
        print!("{said}");
        truth::compare(&self.profile_path(), &said, self.demand, |profile| {
            highwater_symbol::symbolize(profile, &Default::default()).unwrap();
        })
    }

    /// Runs the program, which must show no fault.
    #[track_caller]
    pub fn passes(self) -> Profile {
        match self.spring() {
            Ok(profile) => profile,
            Err(failure) => panic!("{}", failure.message()),
        }
    }

    /// Runs the program, which must hang.
    #[track_caller]
    pub fn hangs(mut self) {
        self.patience = PATIENCE_WITH_HANGING;
        match self.spring() {
            Err(Failure::Hung(_)) => {}
            other => panic!("this should have hung: {:?}", other.map(drop)),
        }
    }

    /// Runs the program, whose counts must be found wrong, with these words in the report.
    #[track_caller]
    pub fn assert_found_wrong(self, words: &str) {
        match self.spring() {
            Err(Failure::Failed(said) | Failure::Wrong(said)) if said.contains(words) => {}
            other => panic!("{words:?} should have been found: {:?}", other.map(drop)),
        }
    }

    /// Runs the program, which must crash.
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
