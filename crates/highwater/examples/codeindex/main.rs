//! A code search engine that profiles itself: it indexes the source of everything that a Rust workspace
//! depends on, and serves queries from the index. With `--fault` it behaves badly in one of four ways, which
//! the profiles show.
//!
//! Where to look: `memory.rs` for everything a program needs to do to be profiled, `fault/` for the faults,
//! and `sources.rs`, `index.rs` and `query.rs` for the program itself.
#![forbid(unsafe_code)]

mod fault;
mod index;
mod memory;
mod postings;
mod query;
mod sources;
mod symbols;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use fault::{Fault, Faults};
use index::Index;
use query::{Queries, Search};
use sources::Corpus;

/// Any error that ends the program early and is printed.
type Failure = Box<dyn Error + Send + Sync>;

/// Indexes the Rust sources that a workspace depends on, and serves queries from the index
#[derive(Parser)]
struct Arguments {
    /// A fault to switch on; may be given several times
    #[arg(long, value_enum)]
    fault: Vec<Fault>,
    /// Write begin.pb.gz, indexed.pb.gz and queried.pb.gz to this directory
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Write heap-00.pb.gz to heap-20.pb.gz to this directory, each after another twentieth of the queries
    #[arg(long, value_name = "DIR")]
    series: Option<PathBuf>,
    /// Manifest of the workspace to index [default: the current directory's]
    #[arg(long, value_name = "FILE")]
    manifest_path: Option<PathBuf>,
    /// Number of queries to make up and serve
    #[arg(long, value_name = "N", default_value_t = 5000)]
    queries: usize,
    /// Index the first N files only
    #[arg(long, value_name = "N")]
    limit_files: Option<usize>,
    /// Print the results of this query: the words that a line has to contain, or def:NAME
    #[arg(long, value_name = "QUERY")]
    search: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codeindex: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let snapshots = arguments.snapshots.as_deref();
    let residency = arguments.fault.contains(&Fault::Fragment);
    memory::snapshot(snapshots, "begin", residency)?;

    let limit = arguments.limit_files.unwrap_or(usize::MAX);
    let corpus = Corpus::read(arguments.manifest_path.as_deref(), limit)?;
    if corpus.lines() == 0 {
        return Err("there is no Rust source file to index".into());
    }
    let index = Index::build(&corpus, 2)?;
    let mut faults = Faults::prepare(&arguments.fault, &corpus)?;
    memory::snapshot(snapshots, "indexed", residency)?;

    let search = Search { corpus: &corpus, index: &index };
    let results = serve(&search, arguments, &mut faults)?;
    memory::snapshot(snapshots, "queried", residency)?;

    if let Some(query) = &arguments.search {
        let mut page = String::new();
        search.answer(query, &mut page, |_| ())?;
        println!("{page}");
    }
    println!("files      {:>9} ({} do not parse)", corpus.documents().len(), index.parse_errors());
    println!("text       {:>9.1} MB in {} lines", corpus.bytes() as f64 / 1e6, corpus.lines());
    println!("words      {:>9}", index.words());
    println!("symbols    {:>9} definitions", index.definitions());
    println!("queries    {:>9} with {results} results", arguments.queries);
    memory::print_statistics();
    Ok(())
}

/// Number of snapshots in a series, without the one before the first query.
const STEPS: usize = 20;

/// Answers the queries, and returns the number of results.
fn serve(search: &Search, arguments: &Arguments, faults: &mut Faults) -> Result<usize, Failure> {
    let queries = arguments.queries;
    let residency = arguments.fault.contains(&Fault::Fragment);
    let series = arguments.series.as_deref();
    let snapshot = |step: usize| memory::snapshot(series, &format!("heap-{step:02}"), residency);
    snapshot(0)?;
    let mut page = String::new();
    let mut results = 0;
    for (number, query) in Queries::new(search).take(queries).enumerate() {
        if number == queries / 2 {
            faults.half_time(search.corpus)?;
        }
        page.clear();
        results += search.answer(&query, &mut page, |part| faults.file_shown(&query, part))?;
        faults.page_served(&query, number, &page);
        let step = (number + 1) * STEPS / queries;
        if step > number * STEPS / queries {
            snapshot(step)?;
        }
    }
    Ok(results)
}
