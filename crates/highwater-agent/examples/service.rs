//! A web service with an agent and two leaks: it keeps data of every visitor for ever, and for each client
//! that gave up waiting, a task runs for ever.
//!
//! ```text
//! cargo run --release -p highwater-agent --example service -- 127.0.0.1:8080 127.0.0.1:6060
//! curl http://127.0.0.1:8080/visit/anna
//! go tool pprof -top http://127.0.0.1:6060/debug/pprof/heap
//! ```
//!
//! The environment variable `HIGHWATER_AGENT` sets more: `dir:/tmp/watched,watch:0.8` starts a watch,
//! `token:…` requires a token. `none` instead of the agent's address starts no agent. The service ends when
//! its standard input is closed, if that is a pipe or a terminal.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::future::pending;
use std::hint::black_box;
use std::io::{IsTerminal, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use highwater_agent::Agent;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Bytes that each visit leaves in memory.
const VISIT_BYTES: usize = 3_000;

/// Data of all visits, by visitor.
type Visits = HashMap<String, Vec<Vec<u8>>>;

/// The visitors, which are never removed.
#[derive(Clone, Default)]
struct Visitors(Arc<Mutex<Visits>>);

impl Visitors {
    #[inline(never)]
    fn remember(&self, name: String) -> usize {
        let mut visitors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let visits = visitors.entry(name).or_default();
        visits.push(vec![1; VISIT_BYTES]);
        visits.len()
    }

    #[inline(never)]
    fn hoard(&self, mib: usize) {
        let hoard = vec![1; mib << 20];
        let mut visitors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visitors.entry("the hoarder".to_owned()).or_default().push(hoard);
    }
}

async fn visit(State(visitors): State<Visitors>, Path(name): Path<String>) -> String {
    let visits = visitors.remember(name);
    format!("{visits} visits\n")
}

async fn hoard(State(visitors): State<Visitors>, Path(mib): Path<u16>) -> String {
    visitors.hoard(usize::from(mib));
    format!("{mib} MiB more\n")
}

/// A backend that never answers.
async fn ask_backend() -> usize {
    let request = vec![1; 500];
    pending::<()>().await;
    request.len()
}

/// Stops waiting for the backend, but the task keeps waiting.
async fn impatient() -> &'static str {
    let answer = tokio::spawn(ask_backend());
    match tokio::time::timeout(Duration::from_millis(1), answer).await {
        Ok(_) => "answered\n",
        Err(_) => "too late\n",
    }
}

/// Uses processor time and allocates nothing.
#[inline(never)]
fn grind(milliseconds: u64) -> u64 {
    let begin = Instant::now();
    let mut number = 1_u64;
    while begin.elapsed() < Duration::from_millis(milliseconds) {
        for step in 0..1_000 {
            number = black_box(number.rotate_left(5) ^ step);
        }
    }
    number
}

async fn compute(Path(milliseconds): Path<u16>) -> String {
    format!("{}\n", grind(milliseconds.into()))
}

/// Allocates and frees, like a typical request.
async fn work() -> String {
    let words: Vec<String> = (0..100).map(|word| format!("word {word}")).collect();
    words.join("\n")
}

/// Whether standard input has another end that can close. Under systemd and Docker it has none, so there is
/// no end to wait for.
fn has_input() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let is_pipe = |it: std::fs::Metadata| it.file_type().is_fifo() || it.file_type().is_socket();
        std::io::stdin().is_terminal() || std::fs::metadata("/dev/stdin").is_ok_and(is_pipe)
    }
    #[cfg(not(unix))]
    true
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = std::env::args().skip(1);
    let own = addresses.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let builder = Agent::builder().from_environment()?;
    let agent = match addresses.next() {
        Some(none) if none == "none" => None,
        Some(address) => Some(builder.listen(address).start()?),
        None => Some(builder.start()?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(own))?;
    match agent {
        Some(agent) => println!("{} {}", listener.local_addr()?, agent.address()),
        None => println!("{}", listener.local_addr()?),
    }
    let routes = Router::new()
        .route("/visit/{name}", get(visit))
        .route("/hoard/{mib}", get(hoard))
        .route("/compute/{milliseconds}", get(compute))
        .route("/impatient", get(impatient))
        .route("/work", get(work))
        .with_state(Visitors::default());
    thread::spawn(move || runtime.block_on(async { axum::serve(listener, routes).await }));
    if !has_input() {
        loop {
            thread::park();
        }
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
