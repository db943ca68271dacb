//! What one process of a test program finds out about the program, the next one reads from a file beside it.
//! That is counted and not timed: a report says how often its process asked the program itself.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::build;
use crate::run::{self, Outcome};

/// In programs with async-task, every block that a test leaves is asked what allocated it.
const TEST: &str = "cases::executors::clean_futures_dropped";

/// How many processes may find something that those before did not come across.
const MOST_RUNS: usize = 5;

/// The program in a directory of its own, for nobody else to find something out for it.
struct Alone {
    directory: TempDir,
    program: PathBuf,
}

impl Alone {
    fn new() -> Self {
        let original = PathBuf::from(build::program("whole"));
        let directory = tempfile::tempdir_in(build::target()).expect("a directory");
        let program = directory.path().join("whole");
        fs::hard_link(&original, &program).expect("it is on the same file system");
        Self { directory, program }
    }

    fn learnt(&self) -> PathBuf {
        self.directory.path().join(".highwater/whole")
    }

    fn run(&self, test: &str) -> Outcome {
        let outcome = run::program(&self.program, &["--exact", test]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.said);
        outcome
    }

    /// Runs a test until a process knows all. How often the first one had to ask the program.
    fn learn(&self, test: &str) -> u64 {
        let first = self.run(test).lookups;
        assert!((1..MOST_RUNS).any(|_| self.run(test).lookups == 0), "{test} asks again and again");
        first
    }
}

fn damage(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the file is there");
    how(&mut bytes);
    fs::write(path, bytes).expect("it can be written to");
}

#[test]
fn the_second_process_reads_nothing_of_the_program() {
    let alone = Alone::new();
    assert!(alone.learn(TEST) > 0, "nobody had asked before");
    // Threads of the process, which stacks tell.
    alone.learn("cases::executors::clean_smol_task_awaited");
    alone.learn("cases::globals::clean_rayons_global_pool");
    assert_eq!(alone.run(TEST).lookups, 0, "what was learnt first is still known");
    assert!(alone.learnt().is_file());
}

#[test]
fn a_damaged_file_is_written_anew() {
    let alone = Alone::new();
    alone.learn(TEST);
    let hows: [fn(&mut Vec<u8>); 3] = [
        |it| it.truncate(it.len() / 2),
        |it| it[9] ^= 1,
        |it| it.iter_mut().skip(60).for_each(|it| *it ^= 0x40),
    ];
    for how in hows {
        damage(&alone.learnt(), how);
        assert!(alone.learn(TEST) > 0, "what is damaged is not believed");
    }
}

#[test]
fn without_a_place_to_write_everything_is_as_before() {
    let alone = Alone::new();
    // Nobody, not even root, makes a directory of that.
    fs::write(alone.directory.path().join(".highwater"), "a file").expect("the directory can be written to");
    assert!(alone.run(TEST).lookups > 0);
    assert!(alone.run(TEST).lookups > 0);
    let leaking = run::program(&alone.program, &["--exact", "cases::executors::leak_of_forgotten_futures"]);
    assert_eq!((leaking.code, leaking.leaks.len()), (Some(101), 1), "{}", leaking.said);
}

/// A leak is found, blamed and placed alike by who asks the program and by who reads the file.
#[test]
fn what_is_read_from_the_file_is_what_was_written() {
    let alone = Alone::new();
    let tests = [
        "executors::leak_of_forgotten_futures",
        "executors::leak_of_a_smol_async_block",
        "globals::leak_beside_a_pool_of_the_process",
    ];
    for test in tests {
        let ask = || run::program(&alone.program, &["--exact", &format!("cases::{test}")]);
        let (first, second) = (ask(), ask());
        let places = |outcome: &Outcome| {
            let calls = outcome.leaks.iter().flat_map(|it| &it.spawned);
            calls.map(|it| (it.function.clone(), it.file.clone(), it.line)).collect::<Vec<_>>()
        };
        assert!(!places(&first).is_empty(), "{}", first.said);
        assert_eq!(places(&first), places(&second));
        assert!(second.lookups < first.lookups, "{} {}", first.lookups, second.lookups);
    }
}
