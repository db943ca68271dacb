//! Sample profiles, and runs of the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use highwater_profile::{
    Label, LabelValue, Line, Location, LocationId, Mapping, Meta, Profile, ValueType, file, pprof,
};
use tempfile::TempDir;

pub const INTERVAL: i64 = 512 << 10;

/// A test's own directory.
pub struct Place {
    own: TempDir,
    cache: TempDir,
}

/// The result of a run of the command.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { own: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.own.path().join(name)
    }

    pub fn profile(&self, name: &str, profile: &Profile) -> PathBuf {
        let path = self.path(name);
        file::write_atomically(&path, |out| pprof::write(profile, out)).unwrap();
        path
    }

    pub fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Names of all files, including hidden ones.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.own.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the command in this directory. The arguments are split at spaces.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_all(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_all(&self, arguments: &[&str]) -> Run {
        let output = self.command().args(arguments).output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.current_dir(self.own.path()).stdin(Stdio::null());
        // The cache of names is shared only by runs of the same test.
        command.env("XDG_CACHE_HOME", self.cache.path());
        for name in [
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "RUST_BACKTRACE",
            "COLUMNS",
            "HIGHWATER_TOKEN",
            "HIGHWATER_CA_FILE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

impl Run {
    /// The output of a successful run.
    #[track_caller]
    pub fn answer(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        &self.stdout
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.answer()).unwrap()
    }

    /// The error message of a failed run. Checks that it is one line, without any output and without a panic.
    #[track_caller]
    pub fn error(&self) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{}", self.stderr);
        let message =
            self.stderr.strip_prefix("highwater: error: ").unwrap_or_else(|| panic!("{}", self.stderr));
        let message = message.strip_suffix('\n').expect("a whole line");
        assert!(!message.contains('\n') && !message.is_empty(), "not one line: {message}");
        assert!(!message.contains("panicked") && !message.contains("internal fault"), "{message}");
        message
    }
}

/// A heap profile without rows, sampled at this interval in bytes.
pub fn heap(interval: i64) -> Profile {
    let types = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = Some(3);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = interval;
    profile
}

/// The profile of a small program: `add` holds `blocks` blocks of 1 MiB, `load` four of 2 MiB.
pub fn demo(blocks: i64) -> Profile {
    let mut profile = heap(INTERVAL);
    profile.time_ns = 1_700_000_000_000_000_000;
    profile.meta = Some(Meta { format: Some(1), epoch: Some(1), ..Meta::default() });
    let library = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/raw_vec/mod.rs";
    let grow = frame(&mut profile, "alloc::raw_vec::finish_grow", library, 500);
    let add = frame(&mut profile, "demo::index::Index::add", "src/index.rs", 88);
    let load = frame(&mut profile, "demo::load::archive", "src/load.rs", 12);
    let main = frame(&mut profile, "demo::main", "src/main.rs", 7);
    push(&mut profile, &[grow, add, main], blocks, 1 << 20);
    push(&mut profile, &[grow, load, main], 4, 2 << 20);
    profile
}

pub fn frame(profile: &mut Profile, name: &str, file: &str, line: i64) -> LocationId {
    let function = profile.add_function(name, name, file);
    profile.add_location(Location::symbolized(vec![Line::new(function, line)]))
}

pub fn push(profile: &mut Profile, stack: &[LocationId], blocks: i64, block_bytes: i64) {
    push_values(profile, stack, [2 * blocks, blocks], block_bytes);
}

/// Adds a row of blocks of one size: `[allocated, live]` blocks.
pub fn push_values(profile: &mut Profile, stack: &[LocationId], blocks: [i64; 2], block_bytes: i64) {
    let key = profile.strings.intern("bytes");
    let size = Label { key, value: LabelValue::Number(block_bytes, key) };
    let [allocated, live] = blocks;
    let values = [allocated, allocated * block_bytes, live, live * block_bytes];
    profile.samples.push(stack, &values, &[size]);
}

/// A profile with one unnamed address in a file that does not exist.
pub fn without_binary() -> Profile {
    let mut profile = demo(8);
    let file = profile.strings.intern("/nonexistent/demo");
    let build_id = profile.strings.intern("00112233445566778899aabbccddeeff00112233");
    let mapping = Mapping { start: 0x1000, limit: 0x9000, file, build_id, ..Mapping::default() };
    let mapping = profile.add_mapping(mapping);
    let location = profile.add_location(Location::at(Some(mapping), 0x1234));
    push(&mut profile, &[location], 64, 1 << 20);
    profile
}

pub fn encoded(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    pprof::write(profile, &mut bytes).unwrap();
    bytes
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
