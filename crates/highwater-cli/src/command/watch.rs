//! `highwater watch`: snapshots of a running program, and a folder for each incident.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use crate::error::CliError;
use crate::parse;
use crate::shared::Shared;
use crate::watch::{Directory, PidFile, Plan, Source, Watch, is_address};

/// Time between two requests to a server: a heap profile costs the server time.
const EVERY_OF_SERVERS: Duration = Duration::from_secs(90);

/// Time between two looks at a directory.
const EVERY_OF_DIRECTORIES: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  highwater watch http://localhost:6060                 a Go service, or what else has /debug/pprof/heap
  highwater watch http://host:6060/heap --every 30s --keep 120 --out /var/tmp/app
  highwater watch snapshots                             where Profiler::every(…, \"snapshots\") writes
  highwater watch app.pid --from snapshots              the same, with the process beside it
  highwater watch http://localhost:6060 --json --for 1h   one JSON object a line, for an hour

An incident is a folder: both snapshots, their difference (diff.txt, diff.json), a flame graph (flame.svg), and README.md
with the evidence. highwater trend and highwater spikes read the ring. docs/PRODUCTION.md says what counts as an incident.

Exit codes: 0 the watch ended as asked (Ctrl-C, a signal, no reader, --for, --max-snapshots), whatever it found; 2 it could
not go on.";

/// Watch a running program: take snapshots, and write down spikes and growth
///
/// TARGET is an address (http://…), from which a snapshot is fetched regularly; a directory into which the
/// program itself writes snapshots; or a file with the program's process id. All snapshots go into a ring of
/// files, whose files are compared. When memory jumps, or keeps growing, an incident is written to a folder.
///
/// When a snapshot cannot be fetched, the watch says so and tries again. Snapshots of different processes are
/// never compared: a new series begins after a restart. With a process id, snapshots come from --from, the
/// resident memory of the process is also shown, and the watch reports its end and its restart under another
/// id; it then waits for the next process.
///
/// --sample has no effect: an incident shows the values in which it was found.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// An address, a directory of snapshots, or a file with a process id
    target: String,
    /// Where snapshots come from when TARGET is a file with a process id: an address or a directory [default:
    /// the directory that the file is in]
    #[arg(long, value_name = "URL|DIR")]
    from: Option<String>,
    /// Time between two looks [default: 90s for addresses, 5s for directories]
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    every: Option<Duration>,
    /// Number of snapshots to keep, at least 8: growth needs that many
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(8..))]
    keep: u16,
    /// What to do about a spike, and about growth that continues
    #[arg(long, value_name = "ACTION", value_enum, default_value_t = Action::Diff)]
    on_spike: Action,
    /// Smallest jump or growth that is an incident, as a share of live memory
    #[arg(long, value_name = "FRACTION", default_value = "0.1", value_parser = parse::fraction)]
    min_rise: f64,
    /// Directory for the ring and the incidents; other files in it are not touched
    #[arg(short, long, value_name = "DIR", default_value = "highwater-watch")]
    out: PathBuf,
    /// End after this many snapshots
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_snapshots: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse::duration)]
    lasting: Option<Duration>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Write a folder with both snapshots, their difference and a flame graph
    Diff,
    /// Report it only
    Tell,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let (source, pid_file) = self.source()?;
        let every = self.every.unwrap_or(match source {
            Source::Endpoint(_) => EVERY_OF_SERVERS,
            Source::Directory(_) => EVERY_OF_DIRECTORIES,
        });
        let plan = Plan {
            every,
            keep: self.keep.into(),
            out: self.out.clone(),
            folders: self.on_spike == Action::Diff,
            min_rise: self.min_rise,
            timeout: self.shared.server.timeout,
            max_snapshots: self.max_snapshots.map(|it| usize::try_from(it).unwrap_or(usize::MAX)),
            lasting: self.lasting,
        };
        Watch::start(plan, source, pid_file, &self.shared)?.go_on()
    }

    fn source(&self) -> Result<(Source, Option<PidFile>), CliError> {
        let path = Path::new(&self.target);
        if !is_address(&self.target) && path.is_file() {
            let wrong = |reason| CliError::Target { target: self.target.clone(), reason };
            let pid_file = PidFile::open(path).map_err(wrong)?;
            let source = match &self.from {
                Some(from) => self.shared.server.snapshots(from)?,
                None => Source::Directory(Directory::new(pid_file.directory())),
            };
            return Ok((source, Some(pid_file)));
        }
        if self.from.is_some() {
            let reason = "--from goes with a file that holds a process id".to_owned();
            return Err(CliError::Target { target: self.target.clone(), reason });
        }
        Ok((self.shared.server.snapshots(&self.target)?, None))
    }
}
