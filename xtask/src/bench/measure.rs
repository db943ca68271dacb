//! Runs the programs: in turns for their times, and once each for their totals and memory.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::build::Programs;
use super::contestants::{COUNTED, Contestant};
use super::jemalloc_heap;
use super::ratio::Spread;
use super::truth::{Accuracy, Report};
use super::workloads::Workload;
use crate::failure::Failure;

/// The length of the measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setting {
    /// Number of times that every contestant runs.
    pub rounds: usize,
    /// Duration of each measurement in milliseconds.
    pub millis: u64,
}

/// A workload's results.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The workload's name.
    pub workload: &'static str,
    /// The meaning of one operation.
    pub operation: &'static str,
    #[serde(skip)]
    repeatable: bool,
    /// The result of each contestant, in the order of the runs.
    pub results: Vec<ResultOf>,
}

/// The result of a contestant in one workload.
#[derive(Debug, Serialize)]
pub struct ResultOf {
    /// The contestant's name.
    pub name: &'static str,
    /// The contestant for the comparison.
    pub reference: &'static str,
    #[serde(skip)]
    is_ours: bool,
    /// Nanoseconds per operation, round by round.
    pub rounds_ns: Vec<f64>,
    /// The ratio to the reference's times, round by round.
    pub ratio: Option<Spread>,
    /// The report after a fixed number of operations; `None` for tools with times only.
    pub report: Option<Report>,
    /// Whether the report is right.
    pub verdict: Option<Accuracy>,
}

impl Measured {
    /// Highwater's own totals that are wrong, as text.
    pub fn false_totals(&self) -> Vec<String> {
        let is_false =
            |it: &&ResultOf| it.is_ours && it.verdict.is_some_and(|verdict| !verdict.holds(self.repeatable));
        let said = |it: &ResultOf| {
            format!("the totals of {} in {} are not true, see the table", it.name, self.workload)
        };
        self.results.iter().filter(is_false).map(said).collect()
    }
}

/// The output of a program that measured its time.
#[derive(Deserialize)]
struct Slices {
    slices_ns: Vec<f64>,
}

/// Measures one workload under all contestants.
///
/// # Errors
/// When a program does not run, or prints something other than a result.
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
        // The order alternates, so that no contestant always runs after the same neighbour.
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            print!(" {}", contestants[index].name);
            // An error while printing progress is ignored.
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
        let verdict = report.as_ref().map(|report| Accuracy::new(report, &truth, contestant.profile));
        results.push(ResultOf {
            name: contestant.name,
            reference: contestant.reference,
            is_ours: contestant.is_ours(),
            rounds_ns: times_ns.clone(),
            ratio: times(contestant.reference).and_then(|reference| Spread::from_ratios(times_ns, reference)),
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
    let spread = Spread::new(slices.slices_ns);
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

/// The profiles that jemalloc wrote when a program exited.
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

/// The one line of JSON in the output of a program and of a tool around it.
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
    /// A result with the widest possible values, for the tests of the tables.
    pub fn example(name: &'static str, reference: &'static str, ns: f64) -> Self {
        use super::truth::Deviation;

        let deviation = Some(Deviation { share: 0.012, standard_errors: 0.8 });
        let (alloc, live) = (deviation, deviation);
        Self {
            name,
            reference,
            is_ours: false,
            rounds_ns: vec![ns],
            ratio: Spread::new([1.0, 100.0, 200.0]),
            report: None,
            verdict: Some(Accuracy { counts_hold: Some(true), alloc, live, ..Accuracy::default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_found_in_tools_output() {
        let output = "heaptrack output will be written\n{\"slices_ns\":[1.5,2.0],\"own\":null}\nstarting\n";
        assert_eq!(parse::<Slices>(output).unwrap().slices_ns, [1.5, 2.0]);
        assert!(parse::<Slices>("nothing\n").is_err());
        assert!(parse::<Slices>("{}\n").is_err());
    }
}
