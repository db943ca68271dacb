//! `cargo xtask bench agent`: the agent's cost for a service under load.
//!
//! The agent's example runs twice: with its agent, which is scraped every second like by Prometheus, and
//! without. Both record their allocations. `hey` requests 2,000 pages a second from each in turns, and the
//! order changes with every round. The comparison is the ratio within a round.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::ratio::Spread;
use super::reader::judged;
use super::{document, machine};
use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each service is under load.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Seconds of load each time.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long)]
    bless: bool,
}

/// Requests a second, all connections together.
const REQUESTS: u64 = 2_000;

/// Number of parallel connections.
const CONNECTIONS: u64 = 20;

/// Goals as multiples of the service without the agent: least throughput and most time.
const GOALS: [f64; 2] = [0.98, 1.02];

/// The results of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Load {
    requests_per_second: f64,
    /// The 50th and 99th percentile of a request's time, in seconds.
    median: f64,
    p99: f64,
}

/// Measures, prints the table, and compares with the goals.
///
/// # Errors
/// When a program does not build or run, or a goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    clients::ensure_one(&workspace.root, "hey")?;
    let build = ["build", "--release", "--package", "highwater-agent", "--example", "service"];
    Line::cargo(&workspace.root).args(build).run()?;
    let program = workspace.target.join("release/examples/service");
    let with = Service::start(&program, "127.0.0.1:0")?;
    let without = Service::start(&program, "none")?;
    let mut loads = [Vec::new(), Vec::new()];
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| scrape(with.agent, &is_over));
        let measured = measure(options, &[with.address, without.address], &mut loads);
        is_over.store(true, Ordering::Relaxed);
        measured
    })?;
    let [on, off] = &loads;
    let mut text = format!(
        "{}\n{REQUESTS} requests a second for {} s, {CONNECTIONS} connections; {} rounds, the agent scraped every second\n\n",
        machine::description(workspace)?,
        options.seconds,
        on.len()
    );
    text += "                        agent        none   agent / none\n";
    let mut goals = Vec::new();
    for (name, unit, value, goal) in [
        (
            "requests a second",
            1.0,
            (|it| it.requests_per_second) as fn(&Load) -> f64,
            Some((GOALS[0], false)),
        ),
        ("median, ms", 1e3, |it| it.median, None),
        ("99 of 100, ms", 1e3, |it| it.p99, Some((GOALS[1], true))),
    ] {
        let values = [on, off].map(|loads| loads.iter().map(value).collect::<Vec<_>>());
        let middle = |values: &Vec<f64>| Spread::new(values.iter().map(|it| it * unit)).map(|it| it.median);
        let [Some(agent), Some(none)] = values.each_ref().map(middle) else { continue };
        let Some(ratios) = Spread::from_ratios(&values[0], &values[1]) else { continue };
        let Spread { median, least, most } = ratios;
        text += &format!("{name:<20} {agent:>8.3} {none:>11.3}   {median:.3} ({least:.3}–{most:.3})\n");
        if let Some((goal, is_most)) = goal {
            goals.push((name, Some(median), goal, is_most));
        }
    }
    let (verdicts, missed) = judged(&goals);
    text += &format!("\n{verdicts}");
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "agent", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}

fn measure(options: &Options, services: &[SocketAddr; 2], loads: &mut [Vec<Load>; 2]) -> Result<(), Failure> {
    // A warm-up, because the first load differs from the others.
    for &service in services {
        load(service, 2)?;
    }
    for round in 0..options.rounds.max(1) {
        let first = round % 2;
        for index in [first, 1 - first] {
            loads[index].push(load(services[index], options.seconds.max(1))?);
        }
    }
    Ok(())
}

/// Requests pages from a service for some time.
fn load(service: SocketAddr, seconds: u64) -> Result<Load, Failure> {
    let mut hey = Command::new("hey");
    hey.args(["-z", &format!("{seconds}s"), "-c", &CONNECTIONS.to_string()]);
    hey.args(["-q", &(REQUESTS / CONNECTIONS).to_string(), "-o", "csv"])
        .arg(format!("http://{service}/work"));
    let command = format!("{hey:?}");
    let output = hey.output().map_err(|source| Failure::Start { command: command.clone(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    read(&text).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Failure::Output { command, what: format!("no times of requests that were answered. {said}") }
    })
}

/// Reads hey's table: `response-time,…,status-code,offset`, times in seconds. `None` if a request failed, or
/// if there was none.
fn read(csv: &str) -> Option<Load> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next()?;
    let column = |name: &str| head.iter().position(|it| *it == name);
    let (time, status, offset) = (column("response-time")?, column("status-code")?, column("offset")?);
    let (mut times, mut end) = (Vec::new(), 0.0_f64);
    for line in lines {
        if *line.get(status)? != "200" {
            return None;
        }
        let took: f64 = line.get(time)?.parse().ok()?;
        end = end.max(line.get(offset)?.parse::<f64>().ok()? + took);
        times.push(took);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share).ceil() as usize - 1).copied();
    let requests_per_second = times.len() as f64 / end;
    (!times.is_empty()).then_some(())?;
    Some(Load { requests_per_second, median: at(0.5)?, p99: at(0.99)? })
}

/// The running example, until this is dropped.
struct Service {
    child: Child,
    address: SocketAddr,
    /// The agent's address; the service's own address if it has no agent.
    agent: SocketAddr,
}

impl Service {
    fn start(program: &Path, agent: &str) -> Result<Self, Failure> {
        let command = format!("{} 127.0.0.1:0 {agent}", program.display());
        let mut child = Command::new(program)
            .args(["127.0.0.1:0", agent])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::Start { command: command.clone(), source })?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            // If the line is missing, reading the address below fails.
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let addresses: Vec<SocketAddr> = line.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        match *addresses {
            [address, agent] => Ok(Self { child, address, agent }),
            [address] => Ok(Self { child, address, agent: address }),
            _ => Err(Failure::Output { command, what: format!("no address: {line}") }),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests the metrics every second, like Prometheus, until `is_over` is set.
fn scrape(agent: SocketAddr, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        if let Ok(mut stream) = TcpStream::connect(agent) {
            // Only the agent's work matters here, not the answer.
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
        }
        thread::sleep(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_hey_is_read() {
        let head =
            "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n";
        let row = |time: f64, offset: f64| format!("{time},0,0,0,0,0,200,{offset}\n");
        let rows: String = (1..=200).map(|it| row(f64::from(it) / 1e3, f64::from(it) / 100.0)).collect();
        let load = read(&format!("{head}{rows}")).unwrap();
        assert_eq!((load.median, load.p99), (0.1, 0.198));
        assert!((load.requests_per_second - 200.0 / 2.2).abs() < 1e-9);
        assert_eq!(read(head), None);
        assert_eq!(read(&format!("{head}0.1,0,0,0,0,0,500,0.5\n")), None);
        assert_eq!(read(""), None);
    }
}
