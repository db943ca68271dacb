//! Runs the programs: in turns for their times, and once each for their totals and their memory.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::build::Programs;
use super::contestants::{COUNTED, Contestant};
use super::jemalloc_heap;
use super::ratio::Spread;
use super::truth::{Report, Verdict};
use super::workloads::Workload;
use crate::failure::Failure;

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setting {
    /// How often every contestant runs.
    pub rounds: usize,
    /// For how long it measures each time.
    pub millis: u64,
}

/// A workload's results.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The workload's name.
    pub workload: &'static str,
    /// What one operation is.
    pub operation: &'static str,
    #[serde(skip)]
    repeatable: bool,
    /// What each contestant did, in the order in which they ran.
    pub results: Vec<ResultOf>,
}

/// What a contestant did in one workload.
#[derive(Debug, Serialize)]
pub struct ResultOf {
    /// The contestant's name.
    pub name: &'static str,
    /// The contestant it is compared with.
    pub reference: &'static str,
    #[serde(skip)]
    is_ours: bool,
    /// Nanoseconds per operation, round by round.
    pub rounds_ns: Vec<f64>,
    /// Over the reference's times, round by round.
    pub ratio: Option<Spread>,
    /// What it reported after a fixed number of operations; nothing for tools that only time.
    pub report: Option<Report>,
    /// Whether that is true.
    pub verdict: Option<Verdict>,
}

impl Measured {
    /// Our own totals that are not true, in words.
    pub fn false_totals(&self) -> Vec<String> {
        let is_false =
            |it: &&ResultOf| it.is_ours && it.verdict.is_some_and(|verdict| !verdict.holds(self.repeatable));
        let said = |it: &ResultOf| {
            format!("the totals of {} in {} are not true, see the table", it.name, self.workload)
        };
        self.results.iter().filter(is_false).map(said).collect()
    }
}

/// What a program prints when it has measured its time.
#[derive(Deserialize)]
struct Slices {
    slices_ns: Vec<f64>,
}

/// Measures one workload under all contestants.
///
/// # Errors
/// When a program does not run, or prints something else than a result.
pub fn measure(
    programs: &Programs,
    workload: &Workload,
    contestants: &[&'static Contestant],
    setting: Setting,
) -> Result<Measured, Failure> {
    println!("\n== {}: {}", workload.name, workload.operation);
    let truth = report(programs, workload, &COUNTED)?;
    let mut rounds_ns = vec![Vec::with_capacity(setting.rounds); contestants.len()];
    for round in 0..setting.rounds {
        print!("round {} of {}:", round + 1, setting.rounds);
        let mut order: Vec<usize> = (0..contestants.len()).collect();
        // There and back, so that nobody always runs behind the same neighbour.
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            print!(" {}", contestants[index].name);
            // Progress that cannot be shown is no reason to stop.
            let _ = std::io::stdout().flush();
            rounds_ns[index].push(time(programs, workload, contestants[index], setting)?);
        }
        println!();
    }
    let times = |name: &str| {
        let index = contestants.iter().position(|it| it.name == name)?;
        Some(&rounds_ns[index])
    };
    let mut results = Vec::with_capacity(contestants.len());
    for (contestant, times_ns) in contestants.iter().zip(&rounds_ns) {
        let report =
            if contestant.only_times() { None } else { Some(report(programs, workload, contestant)?) };
        let verdict = report.as_ref().map(|report| Verdict::new(report, &truth, contestant.profile));
        results.push(ResultOf {
            name: contestant.name,
            reference: contestant.reference,
            is_ours: contestant.is_ours(),
            rounds_ns: times_ns.clone(),
            ratio: times(contestant.reference).and_then(|reference| Spread::of_ratios(times_ns, reference)),
            report,
            verdict,
        });
    }
    let (name, operation, repeatable) = (workload.name, workload.operation, workload.repeatable);
    Ok(Measured { workload: name, operation, repeatable, results })
}

/// Nanoseconds per operation, the median over the slices of one process.
fn time(
    programs: &Programs,
    workload: &Workload,
    contestant: &Contestant,
    setting: Setting,
) -> Result<f64, Failure> {
    let millis = setting.millis.to_string();
    let line = programs.line(contestant, workload.name, ["--millis", &millis]);
    let slices: Slices =
        parse(&line.capture()?).map_err(|what| Failure::Output { command: line.shown(), what })?;
    let spread = Spread::of(slices.slices_ns);
    spread
        .map(|spread| spread.median)
        .ok_or_else(|| Failure::Output { command: line.shown(), what: "no times".to_owned() })
}

/// Totals and memory after the workload's fixed number of operations.
fn report(programs: &Programs, workload: &Workload, contestant: &Contestant) -> Result<Report, Failure> {
    for dump in dumps(programs)? {
        fs::remove_file(&dump).map_err(|source| Failure::File { path: dump, source })?;
    }
    let operations = workload.operations.to_string();
    let line = programs.line(contestant, workload.name, ["--operations", &operations]);
    let mut report: Report =
        parse(&line.capture()?).map_err(|what| Failure::Output { command: line.shown(), what })?;
    if let Some(dump) = dumps(programs)?.first() {
        let text = fs::read_to_string(dump).map_err(|source| Failure::File { path: dump.clone(), source })?;
        report.estimate = jemalloc_heap::totals(&text);
    }
    Ok(report)
}

/// The profiles that jemalloc wrote at a program's exit.
fn dumps(programs: &Programs) -> Result<Vec<PathBuf>, Failure> {
    let fail = |source| Failure::File { path: programs.scratch().to_owned(), source };
    let mut dumps = Vec::new();
    for entry in fs::read_dir(programs.scratch()).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "heap") {
            dumps.push(path);
        }
    }
    Ok(dumps)
}

/// The one line of JSON among what a program, or a tool around it, prints.
fn parse<T: serde::de::DeserializeOwned>(output: &str) -> Result<T, String> {
    let line = output.lines().find(|line| line.starts_with('{')).ok_or("no line of JSON")?;
    serde_json::from_str(line).map_err(|error| error.to_string())
}

#[cfg(test)]
impl Measured {
    /// A workload with these results, for the tests of the tables.
    pub fn example(results: Vec<ResultOf>) -> Self {
        Self { workload: "mix", operation: "something", repeatable: true, results }
    }
}

#[cfg(test)]
impl ResultOf {
    /// A result with the widest of everything, for the tests of the tables.
    pub fn example(name: &'static str, reference: &'static str, ns: f64) -> Self {
        use super::truth::Deviation;

        let deviation = Some(Deviation { share: 0.012, standard_errors: 0.8 });
        let (alloc, live) = (deviation, deviation);
        Self {
            name,
            reference,
            is_ours: false,
            rounds_ns: vec![ns],
            ratio: Spread::of([1.0, 100.0, 200.0]),
            report: None,
            verdict: Some(Verdict { counts_hold: Some(true), alloc, live, ..Verdict::default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_found_among_what_tools_say() {
        let output = "heaptrack output will be written\n{\"slices_ns\":[1.5,2.0],\"own\":null}\nstarting\n";
        assert_eq!(parse::<Slices>(output).unwrap().slices_ns, [1.5, 2.0]);
        assert!(parse::<Slices>("nothing\n").is_err());
        assert!(parse::<Slices>("{}\n").is_err());
    }
}
