//! `highwater rss`: what the resident set consists of.

use std::path::{Path, PathBuf};

use highwater_analyze::{GroupBy, SampleKind};

use crate::error::CliError;
use crate::shared::Shared;
use crate::watch::is_address;
use crate::{command, input, load, output};

/// The agent's page of what is resident.
const PAGE: &str = "/debug/pprof/rss";

const EXAMPLES: &str = "\
Examples:
  highwater rss http://localhost:6060
  highwater rss rss.pb.gz
  highwater top --sample held-bytes rss.pb.gz
  highwater diff --sample resident-bytes --by function before.pb.gz after.pb.gz";

/// Say why the process is so large: a ledger that adds up to its resident set
///
/// Each line says what part of the resident set is for: live blocks, empty space on their pages, free memory
/// that the allocator keeps, stacks, files and so on. A table says which lines of code made the live blocks
/// that keep most of it, or that were never touched. The profile comes from the agent's page
/// /debug/pprof/rss, or from Snapshot::capture_with_residency in the program. With glibc and jemalloc all
/// lines are there; with other allocators those that the kernel alone can tell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let file = page(&self.file);
        let profile = load::symbolized(&file, &self.shared)?;
        if SampleKind::ResidentBytes.column(&profile).is_err() {
            let reason = "this profile does not say what is resident; take one from the agent's page \
                          /debug/pprof/rss, or with Snapshot::capture_with_residency in the program";
            return Err(CliError::Target { target: input::shown(&file), reason: reason.to_owned() });
        }
        let query = self.shared.query(GroupBy::Line);
        let answer = highwater_analyze::residency(&profile, &query).map_err(command::question(&[&file]))?;
        output::answer(&self.shared, "rss", &answer, |it| highwater_report::residency(it, &output::view()))
    }
}

/// An address without a path means the agent's page.
fn page(path: &Path) -> PathBuf {
    let Some(text) = path.to_str().filter(|it| is_address(it) && !path.exists()) else {
        return path.to_owned();
    };
    let is_bare = match (text.split_once("://"), text.strip_prefix("unix:")) {
        (Some((_, rest)), _) => rest.trim_end_matches('/').find('/').is_none(),
        (None, Some(socket)) => {
            let separator = if socket.contains(":/") { return path.to_owned() } else { ":" };
            return PathBuf::from(format!("{text}{separator}{PAGE}"));
        }
        (None, None) => false,
    };
    if is_bare { PathBuf::from(format!("{}{PAGE}", text.trim_end_matches('/'))) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_means_the_page() {
        for (given, asked) in [
            ("http://host:6060", "http://host:6060/debug/pprof/rss"),
            ("http://host:6060/", "http://host:6060/debug/pprof/rss"),
            ("http://host:6060/debug/pprof/heap", "http://host:6060/debug/pprof/heap"),
            ("unix:/run/a.sock", "unix:/run/a.sock:/debug/pprof/rss"),
            ("unix:/run/a.sock:/x", "unix:/run/a.sock:/x"),
            ("rss.pb.gz", "rss.pb.gz"),
            ("-", "-"),
        ] {
            assert_eq!(page(Path::new(given)), Path::new(asked), "{given}");
        }
    }
}
