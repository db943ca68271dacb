//! `bench-instructions PROGRAM`: prints the number of instructions for one pair of 64 bytes under a benchmark
//! program.
//!
//! callgrind counts two runs of different lengths; start and end of the process are in both and cancel out.
//! The environment is passed on, so that `HIGHWATER` applies to the program.
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

/// Pairs of the short run: enough to leave start-up paths.
const SHORT: u64 = 20_000;

/// Pairs of the long run.
const LONG: u64 = 220_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program] = arguments.as_slice() else {
        eprintln!("usage: bench-instructions PROGRAM");
        return ExitCode::from(2);
    };
    match per_pair(program) {
        Ok(instructions) => {
            println!("{instructions:.2}");
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("bench-instructions: {what}");
            ExitCode::FAILURE
        }
    }
}

fn per_pair(program: &str) -> Result<f64, String> {
    let (short, long) = (count(program, SHORT)?, count(program, LONG)?);
    Ok((long as f64 - short as f64) / (LONG - SHORT) as f64)
}

/// Instructions of the whole process for this many pairs.
fn count(program: &str, pairs: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program])
        .args(["pair", "--operations", &pairs.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    collected(&messages).filter(|_| output.status.success()).ok_or_else(|| messages.trim().to_owned())
}

/// The count in callgrind's summary: `==1== Collected : 123`.
fn collected(messages: &str) -> Option<u64> {
    let line = messages.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
