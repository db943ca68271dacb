//! `cargo xtask bench native`: what `highwater run` costs programs as they are.
//!
//! Programs of the distribution run bare, sampled, exact and, where it is installed, under heaptrack, in
//! turns. The order moves on with each round. Processor time is compared, of the program and of all that it
//! starts, and the most memory that one of these processes had resident. The comparison is the ratio within
//! a round.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ratio::{Spread, ratio};
use super::{document, machine};
use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each program runs in each way.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Run only the programs with this in their names.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long, conflicts_with = "only")]
    bless: bool,
}

/// A program, and what it does for a second or so.
struct Program {
    name: &'static str,
    command: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "python3",
        command: &[
            "python3",
            "-c",
            "import json\nfor i in range(12): json.loads(json.dumps({str(k): [k, str(k), {'a': k}] for k in range(30000)}))",
        ],
    },
    Program {
        name: "perl",
        command: &[
            "perl",
            "-e",
            "for my $r (1..12) { my %h; $h{$_} = { id => $_, tags => [1..6] } for 1..30000 }",
        ],
    },
    Program {
        name: "gcc",
        command: &[
            "sh",
            "-c",
            "for i in 1 2 3 4 5 6; do cc -O2 -w -S -o /dev/null tests/programs/native.c; done",
        ],
    },
    Program {
        name: "git",
        command: &[
            "sh",
            "-c",
            "for i in 1 2 3 4 5 6 7 8; do git --no-pager diff --no-index --stat docs crates > /dev/null; done; :",
        ],
    },
    Program {
        name: "tar",
        command: &[
            "sh",
            "-c",
            "for i in 1 2 3 4 5 6; do tar -cf - crates docs tests | cat > /dev/null; done",
        ],
    },
    Program {
        name: "xz",
        command: &["sh", "-c", "tar -cf - docs crates/highwater-recorder | xz -T1 > /dev/null"],
    },
    Program {
        name: "awk",
        command: &[
            "sh",
            "-c",
            "for i in 1 2 3 4 5 6; do find crates docs -type f | xargs awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) t++; print t }'; done",
        ],
    },
    Program {
        name: "sqlite3",
        command: &[
            "sqlite3",
            ":memory:",
            "create table t (a integer primary key, b text); with recursive c(x) as (select 1 union all select x + 1 from c where x < 300000) insert into t select x, hex(x * 7919) from c; create index i on t (b); select count(*), max(length(b)) from t where b > '3';",
        ],
    },
];

/// The ways in which a program runs. The first is the one that the others are compared with.
const WAYS: [&str; 4] = ["bare", "sampled", "exact", "heaptrack"];

/// Most times the bare program's processor time: sampled, for each; exact, in the median and for each.
const MOST_SAMPLED: f64 = 1.08;
const MOST_EXACT: [f64; 2] = [2.0, 4.0];

/// Runs what stands behind it, with its output thrown away, and prints seconds of the processor and KiB.
const CLOCK: &str = "import os, sys\nnull = os.open(os.devnull, os.O_RDWR)\npid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, n) for n in range(3)])\n_, status, used = os.wait4(pid, 0)\nprint(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)";

/// What a run used: seconds of the processor, and bytes resident at most.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Used {
    seconds: f64,
    resident_bytes: f64,
}

/// Measures, prints the table, and compares with the goals.
///
/// # Errors
/// When a program is missing or fails, or a goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    for client in ["git", "perl", "sqlite3", "xz", "heaptrack"] {
        clients::ensure_one(&workspace.root, client)?;
    }
    let build = ["build", "--release", "--package", "highwater-cli", "--package", "highwater-preload"];
    Line::cargo(&workspace.root).args(build).run()?;
    let highwater = workspace.target.join("release/highwater");
    let scratch = tempfile::Builder::new().prefix("native-").tempdir_in(&workspace.target);
    let scratch = scratch.map_err(|source| Failure::File { path: workspace.target.clone(), source })?;
    let mut rows = Vec::new();
    for program in PROGRAMS.iter().filter(|it| it.name.contains(&options.only)) {
        let mut used = [const { Vec::new() }; WAYS.len()];
        for round in 0..usize::from(options.rounds) {
            for at in 0..WAYS.len() {
                let way = (round + at) % WAYS.len();
                let line = line(way, program, &highwater, scratch.path());
                used[way].push(measured(&workspace.root, &line)?);
            }
        }
        rows.push((program.name, used));
    }
    let mut text = format!(
        "{}\n{} rounds; times the bare program\n\n",
        machine::description(workspace)?,
        options.rounds
    );
    let (table, missed) = table(&rows);
    text += &table;
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "native", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}

/// The words that run a program in one of the ways.
fn line(way: usize, program: &Program, highwater: &Path, scratch: &Path) -> Vec<PathBuf> {
    let recorded = |mode: &str| {
        let file = scratch.join("heap.pb.gz");
        let mut words = vec![highwater.to_owned(), "run".into(), "--children".into(), mode.into()];
        words.extend(["-o".into(), file, "--".into()]);
        words
    };
    let mut words = match WAYS[way] {
        "sampled" => recorded("--interval=512KiB"),
        "exact" => recorded("--exact"),
        "heaptrack" => {
            vec!["heaptrack".into(), "--record-only".into(), "-o".into(), scratch.join("heaptrack")]
        }
        _ => Vec::new(),
    };
    words.extend(program.command.iter().map(PathBuf::from));
    words
}

/// Runs a command line and says what it used.
fn measured(directory: &Path, line: &[PathBuf]) -> Result<Used, Failure> {
    let command = line.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(" ");
    let mut python = Command::new("python3");
    python.args(["-c", CLOCK]).args(line).current_dir(directory).stderr(Stdio::inherit());
    let output = python.output().map_err(|source| Failure::Start { command: command.clone(), source })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    read(&said).ok_or(Failure::Output { command, what: format!("exit code, seconds and KiB: {said}") })
}

/// Reads what [`CLOCK`] prints; `None` if the program failed.
fn read(said: &str) -> Option<Used> {
    let mut words = said.split_whitespace();
    (words.next()? == "0").then_some(())?;
    let seconds = words.next()?.parse().ok()?;
    let kib: f64 = words.next()?.parse().ok()?;
    Some(Used { seconds, resident_bytes: kib * 1024.0 })
}

type Row = (&'static str, [Vec<Used>; WAYS.len()]);

/// The table, and the goals that were missed.
fn table(rows: &[Row]) -> (String, Vec<String>) {
    let mut text = String::from(
        "            bare s   sampled             exact               heaptrack           memory sampled, exact\n",
    );
    let (mut missed, mut exact) = (Vec::new(), Vec::new());
    for (name, used) in rows {
        let spread = |way: usize, value: fn(&Used) -> f64| {
            let values = |way: usize| used[way].iter().map(value).collect::<Vec<_>>();
            Spread::from_ratios(&values(way), &values(0))
        };
        let times: Vec<Spread> = (1..WAYS.len()).filter_map(|way| spread(way, |it| it.seconds)).collect();
        let memory: Vec<Spread> = (1..3).filter_map(|way| spread(way, |it| it.resident_bytes)).collect();
        let bare = Spread::new(used[0].iter().map(|it| it.seconds)).map_or(0.0, |it| it.median);
        // Writing to a string cannot fail.
        let _ = write!(text, "{name:<10} {bare:>7.2}");
        for it in &times {
            let _ = write!(text, "   {:<17}", format!("{} ({it})", ratio(it.median)));
        }
        let memory: Vec<String> = memory.iter().map(|it| ratio(it.median)).collect();
        let _ = writeln!(text, "   {}", memory.join(", "));
        if let [sampled, all, ..] = times[..] {
            exact.push(all.median);
            if sampled.median > MOST_SAMPLED {
                missed.push(format!("{name} sampled: {}, goal {MOST_SAMPLED}", ratio(sampled.median)));
            }
            if all.median > MOST_EXACT[1] {
                missed.push(format!("{name} exact: {}, goal {}", ratio(all.median), MOST_EXACT[1]));
            }
        }
    }
    if let Some(middle) = Spread::new(exact).filter(|it| it.median > MOST_EXACT[0]) {
        missed.push(format!("exact in the median: {}, goal {}", ratio(middle.median), MOST_EXACT[0]));
    }
    let verdict = if missed.is_empty() { "met".to_owned() } else { format!("missed: {}", missed.join("; ")) };
    let _ = write!(
        text,
        "\nGoals (sampled {MOST_SAMPLED}, exact {} in the median and {} at most): {verdict}\n",
        MOST_EXACT[0], MOST_EXACT[1]
    );
    (text, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sampled: f64, exact: f64) -> Vec<Row> {
        let used = |seconds| vec![Used { seconds, resident_bytes: 1e6 }; 3];
        vec![("git", [used(1.0), used(sampled), used(exact), used(5.0)])]
    }

    #[test]
    fn a_goal_that_is_missed_is_said() {
        assert!(table(&rows(1.07, 1.9)).1.is_empty());
        let (text, missed) = table(&rows(1.09, 4.1));
        assert_eq!(
            missed,
            ["git sampled: 1.09, goal 1.08", "git exact: 4.10, goal 4", "exact in the median: 4.10, goal 2"]
        );
        assert!(text.contains("1.09 (1.09–1.09)") && text.contains("missed: git sampled"), "{text}");
    }

    #[test]
    fn a_program_that_failed_is_no_measurement() {
        assert_eq!(read("0 1.5 2048\n"), Some(Used { seconds: 1.5, resident_bytes: 2_097_152.0 }));
        assert_eq!((read("1 1.5 2048"), read("")), (None, None));
    }

    #[test]
    fn each_way_runs_the_program() {
        let words = |way| line(way, &PROGRAMS[0], Path::new("/h"), Path::new("/s"));
        assert_eq!(words(0)[0], Path::new("python3"));
        for (way, name) in WAYS.iter().enumerate() {
            assert!(words(way).ends_with(&words(0)), "{name}");
        }
        assert!(words(2).iter().any(|it| it == Path::new("--exact")));
    }
}
