//! `cargo xtask suites native`: programs of the distribution under `highwater run`.
//!
//! Each program ends as it does without the recorder, and prints the same. Where a program allocates the
//! same in every run, blocks and bytes are those that valgrind counts. Then a few programs are started
//! again and again beside busy processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each of five programs is started under load.
    #[arg(long, default_value_t = 1000)]
    starts: u32,
    /// Run only the programs with this in their names.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// A program, what it is to do, and whether valgrind counts the same in every run.
struct Program {
    name: &'static str,
    script: &'static str,
    is_counted: bool,
}

const fn counted(name: &'static str, script: &'static str) -> Program {
    Program { name, script, is_counted: true }
}

const fn compared(name: &'static str, script: &'static str) -> Program {
    Program { name, script, is_counted: false }
}

/// Each script is run by `sh`, which gives its process to the program.
const PROGRAMS: [Program; 30] = [
    compared("bash", "exec bash -c 'for i in $(seq 200); do a[$i]=$i; done; (exit 3); echo ${#a[@]} $?'"),
    compared("dash", "exec dash -c 'x=$(seq 300); echo ${#x}; exit 5'"),
    compared(
        "python3",
        "exec python3 -c 'import json; print(len(json.dumps({str(i): [i] * 9 for i in range(3000)}))); raise SystemExit(6)'",
    ),
    compared("perl", "exec perl -e '$h{$_} = [1..9] for 1..3000; print scalar(keys %h), qq(\\n); exit 3'"),
    counted("awk", "exec awk '{ n[$1]++ } END { for (w in n) t += n[w]; print t }' README.md"),
    counted("sed", "exec sed -n 's/the/THE/gp' README.md"),
    counted("grep", "exec grep -c 'h[a-z]*water' README.md"),
    compared("sort", "exec sort -r README.md"),
    counted("uniq", "exec uniq -c README.md"),
    counted("wc", "exec wc README.md"),
    counted("cut", "exec cut -c1-20 README.md"),
    counted("tr", "exec tr a-z A-Z < README.md"),
    counted("sha256sum", "exec sha256sum README.md"),
    counted("cat", "exec cat README.md"),
    compared("ls", "exec ls docs crates"),
    counted("find", "exec find docs -name '*.md'"),
    counted("diff", "exec diff README.md CHANGELOG.md"),
    compared("tar", "exec tar -C docs -cf - records"),
    counted("gzip", "exec gzip -nc README.md"),
    counted("bzip2", "exec bzip2 -c README.md"),
    counted("xz", "exec xz -T1 -c README.md"),
    compared("zstd", "exec zstd -q --single-thread -c README.md"),
    compared("git", "exec git --no-pager diff --no-index --stat README.md CHANGELOG.md"),
    compared("cc", "exec cc -E -P tests/programs/native.c"),
    compared("objdump", "exec objdump -h /bin/true"),
    compared(
        "sqlite3",
        "exec sqlite3 :memory: 'create table t (a); insert into t values (1), (2); select sum(a) from t'",
    ),
    compared("openssl", "exec openssl dgst -sha256 README.md"),
    compared("curl", "exec curl -s file://$PWD/README.md"),
    compared("gdb", "exec gdb -nx -batch -ex 'print 6 * 7'"),
    compared("dot", "echo 'digraph { a -> b -> c; a -> c }' | dot -Tplain"),
];

/// Without what it frees by itself when the program has ended.
const VALGRIND: [&str; 4] =
    ["valgrind", "--trace-children=yes", "--run-libc-freeres=no", "--run-cxx-freeres=no"];

/// The programs that are started again and again: with one thread, with many processes, with libraries
/// loaded later.
const OFTEN: [&str; 5] = ["bash", "python3", "perl", "git", "sort"];

/// Seconds that a program may take beside busy processes.
const PATIENCE: &str = "120";

/// Busy processes beside the starts.
const BUSY: usize = 8;

/// Runs the programs, and prints what was compared.
///
/// # Errors
/// When a program is missing, or ends, prints or counts otherwise than without the recorder.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    for client in ["git", "perl", "sqlite3", "xz", "zstd", "openssl", "curl", "gdb", "dot", "valgrind"] {
        clients::ensure_one(&workspace.root, client)?;
    }
    let build = ["build", "--release", "--package", "highwater-cli", "--package", "highwater-preload"];
    Line::cargo(&workspace.root).args(build).run()?;
    let scratch = tempfile::Builder::new().prefix("native-").tempdir_in(&workspace.target);
    let scratch = scratch.map_err(|source| Failure::File { path: workspace.target.clone(), source })?;
    let recorder = Recorder {
        root: &workspace.root,
        highwater: workspace.target.join("release/highwater"),
        heap: scratch.path().join("heap.pb.gz"),
    };
    let mut faults = Vec::new();
    for program in PROGRAMS.iter().filter(|it| it.name.contains(&options.only)) {
        let found = recorder.compare(program)?;
        println!("{:<10} {}", program.name, found.as_deref().unwrap_or_else(|fault| fault));
        faults.extend(found.err().map(|fault| format!("{}: {fault}", program.name)));
    }
    let load = Load::start()?;
    for program in PROGRAMS.iter().filter(|it| OFTEN.contains(&it.name) && it.name.contains(&options.only)) {
        let expected = recorder.bare(program)?;
        let mut others = 0;
        for start in 0..options.starts {
            let mode = if start % 2 == 0 { "--exact" } else { "--interval=4KiB" };
            others += u32::from(!is_same(&recorder.recorded(program, mode)?, &expected));
        }
        println!(
            "{:<10} {others} of {} starts under load ended or printed otherwise",
            program.name, options.starts
        );
        if others > 0 {
            faults.push(format!("{}: {others} of {} starts under load", program.name, options.starts));
        }
    }
    drop(load);
    if faults.is_empty() { Ok(()) } else { Err(Failure::Native(faults.join("; "))) }
}

/// The command, and where it runs.
struct Recorder<'a> {
    root: &'a Path,
    highwater: PathBuf,
    heap: PathBuf,
}

impl Recorder<'_> {
    /// Compares a program's run with the recorder with one without: what was found to be the same, or the
    /// fault.
    fn compare(&self, program: &Program) -> Result<Result<String, String>, Failure> {
        let bare = self.bare(program)?;
        for mode in ["--interval=16KiB", "--exact"] {
            let recorded = self.recorded(program, mode)?;
            if !is_same(&recorded, &bare) {
                return Ok(Err(format!("{mode}: {}", difference(&recorded, &bare))));
            }
        }
        let own = self.own_counts()?;
        if !program.is_counted {
            return Ok(Ok(format!("same output and end; {} blocks", own[0])));
        }
        let theirs = self.counts_of_valgrind(program)?;
        Ok(if own == theirs {
            Ok(format!(
                "same output and end; {} blocks, {} freed, {} bytes, as valgrind says",
                own[0], own[1], own[2]
            ))
        } else {
            Err(format!("blocks, freed and bytes are {own:?}, but valgrind says {theirs:?}"))
        })
    }

    fn output(&self, words: &[&str], script: &str) -> Result<Output, Failure> {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", PATIENCE]).args(words).args(["sh", "-c", script]).current_dir(self.root);
        // The order of Python's sets, and so what it allocates, is the same in every run.
        command.env("PYTHONHASHSEED", "0").env("LC_ALL", "C").env_remove("HIGHWATER").stdin(Stdio::null());
        command.output().map_err(|source| Failure::Start { command: format!("{command:?}"), source })
    }

    fn bare(&self, program: &Program) -> Result<Output, Failure> {
        self.output(&[], program.script)
    }

    fn recorded(&self, program: &Program, mode: &str) -> Result<Output, Failure> {
        let paths = [&self.highwater, &self.heap].map(|it| it.to_string_lossy().into_owned());
        self.output(&[&paths[0], "run", mode, "-o", &paths[1], "--"], program.script)
    }

    /// Blocks, freed blocks and bytes that the profile has.
    fn own_counts(&self) -> Result<[i64; 3], Failure> {
        let said = Line::new(self.root, &self.highwater)
            .args(["info", "--json"])
            .arg_path("--", &self.heap)
            .capture()?;
        let read = || {
            let info: serde_json::Value = serde_json::from_str(&said).ok()?;
            let meta = info.get("meta")?;
            let number = |name: &str| meta.get(name)?.as_i64();
            Some([number("alloc_blocks")?, number("freed_blocks")?, number("alloc_bytes")?])
        };
        read().ok_or_else(|| Failure::Native(format!("highwater info --json says no counts: {said}")))
    }

    fn counts_of_valgrind(&self, program: &Program) -> Result<[i64; 3], Failure> {
        let output = self.output(&VALGRIND, program.script)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        counts(&said).ok_or_else(|| Failure::Native(format!("valgrind says no counts: {said}")))
    }
}

/// The last totals that valgrind's memcheck prints: blocks, freed blocks and bytes.
fn counts(said: &str) -> Option<[i64; 3]> {
    let line = said.lines().rev().find(|it| it.contains("total heap usage:"))?;
    let numbers = line.split("usage:").nth(1)?.replace(',', "");
    let mut numbers = numbers.split_whitespace().filter_map(|it| it.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

fn is_same(one: &Output, other: &Output) -> bool {
    one.status == other.status && one.stdout == other.stdout && one.stderr == other.stderr
}

/// What differs in the first place.
fn difference(recorded: &Output, bare: &Output) -> String {
    if recorded.status != bare.status {
        return format!("it ended with {}, and without the recorder with {}", recorded.status, bare.status);
    }
    let text = |it: &Output| {
        format!("{}{}", String::from_utf8_lossy(&it.stdout), String::from_utf8_lossy(&it.stderr))
    };
    let (one, other) = (text(recorded), text(bare));
    let line = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    line.map_or_else(
        || format!("it printed {} bytes, and without the recorder {}", one.len(), other.len()),
        |(one, other)| format!("it printed {one:?}, and without the recorder {other:?}"),
    )
}

/// Processes that do nothing but use the processor, until this is dropped.
struct Load(Vec<Child>);

impl Load {
    fn start() -> Result<Self, Failure> {
        let mut load = Self(Vec::new());
        for _ in 0..BUSY {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            let child = command.spawn();
            load.0.push(child.map_err(|source| Failure::Start { command: "sh".to_owned(), source })?);
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It runs until it is killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_last_totals_are_read() {
        let said = "==1== total heap usage: 1 allocs, 1 frees, 2 bytes allocated\n==2==   total heap usage: 1,205 allocs, 12 frees, 73,728 bytes allocated\n";
        assert_eq!((counts(said), counts("")), (Some([1205, 12, 73_728]), None));
    }

    #[test]
    fn another_end_and_another_line_are_differences() {
        let output = |script: &str| Command::new("sh").args(["-c", script]).output().unwrap();
        let (bare, same) = (output("echo a; echo b"), output("echo a; echo b"));
        assert!(is_same(&bare, &same));
        let ended = output("echo a; echo b; exit 3");
        assert!(!is_same(&ended, &bare) && difference(&ended, &bare).contains("exit status: 3"));
        let printed = output("echo a; echo c");
        assert!(!is_same(&printed, &bare) && difference(&printed, &bare).contains("\"c\""));
    }

    #[test]
    fn the_programs_of_the_starts_are_there() {
        assert!(OFTEN.iter().all(|name| PROGRAMS.iter().any(|it| it.name == *name)));
    }
}
