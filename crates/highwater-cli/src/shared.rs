//! The options that all commands share, and how they map to the options of other crates.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use highwater_analyze::{ContainerRule, GroupBy, Query, SampleKind};
use highwater_profile::Limits;
use highwater_symbol::Cache;
use regex::Regex;

use crate::grouping::{Grouping, TypeFilter};
use crate::parse;
use crate::watch::Server;

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The values to show: live-bytes, live-blocks, and the same with alloc-, peak-, temp-, realloc- and
    /// freed-, realloc-doublings, or a name from the file (inuse_space) [default: the file's own choice]
    // `highwater check` takes several kinds; the other commands take one.
    #[arg(long, value_name = "KIND", value_parser = parse::sample, action = ArgAction::Set, num_args = 1, help_heading = "What to show")]
    pub(crate) sample: Vec<SampleKind>,

    /// What a row stands for: site, function, generic (functions without their type arguments), line, file,
    /// module, crate, type (what the blocks hold) or container (what keeps them) [default: line; function in
    /// flame graphs]
    #[arg(long, value_name = "GROUPING", value_parser = Grouping::parse, help_heading = "What to show")]
    pub(crate) by: Option<Grouping>,

    /// Show only samples with a frame that matches (function, file or module)
    #[arg(long, value_name = "REGEX", value_parser = parse::regex, help_heading = "What to show")]
    focus: Vec<Regex>,

    /// Leave out samples with a frame that matches
    #[arg(long, value_name = "REGEX", value_parser = parse::regex, help_heading = "What to show")]
    ignore: Vec<Regex>,

    /// Remove matching frames from all stacks
    #[arg(long, value_name = "REGEX", value_parser = parse::regex, help_heading = "What to show")]
    hide: Vec<Regex>,

    /// Remove all frames that do not match
    #[arg(long, value_name = "REGEX", value_parser = parse::regex, help_heading = "What to show")]
    show: Vec<Regex>,

    /// Skip matching frames like the standard library's: their callers get their values [default for
    /// leaks: frames of libraries, below a frame of the program]
    #[arg(long, value_name = "REGEX", value_parser = parse::regex, help_heading = "What to show")]
    through: Vec<Regex>,

    /// Show nothing but blocks whose type matches, or the type of the collection that keeps them
    #[arg(long = "type", value_name = "REGEX", value_parser = TypeFilter::parse, help_heading = "What to show")]
    types: Vec<TypeFilter>,

    /// Attribute values to the innermost frame, in the standard library or not
    #[arg(long, help_heading = "What to show")]
    leaf: bool,

    /// Keep the frames of the recorder and of the allocator's entry points, and those that the file marks to
    /// be left out
    #[arg(long, help_heading = "What to show")]
    pub(crate) all_frames: bool,

    /// Leave out rows below this share of the whole
    #[arg(long, value_name = "FRACTION", default_value = "0.005", value_parser = parse::fraction, help_heading = "What to show")]
    min_fraction: f64,

    /// Show at most this many rows (in a tree: callees of one function); 0 for all
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "What to show")]
    limit: usize,

    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Another binary with names, used if a mapped file has its build id
    #[arg(long, value_name = "PATH", help_heading = "Names and lines")]
    binary: Vec<PathBuf>,

    /// Another directory with debug files (.debug, .dwp, .dwo, .dSYM), besides /usr/lib/debug
    #[arg(long, value_name = "DIR", value_parser = parse::directory, help_heading = "Names and lines")]
    debug_dir: Vec<PathBuf>,

    /// Look up all names again, and store none for the next run (stored below ~/.cache/highwater)
    #[arg(long, help_heading = "Names and lines")]
    no_cache: bool,

    /// Continue with addresses if a binary is missing
    #[arg(long, help_heading = "Names and lines")]
    pub(crate) addresses: bool,

    #[command(flatten)]
    pub(crate) server: Server,

    /// Refuse files that unpack to more than this, such as 512MiB or 4GiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse::size, help_heading = "What to read")]
    max_unpacked: u64,

    /// Refuse files whose reading needs more memory than this
    #[arg(long, value_name = "SIZE", default_value = "8GiB", value_parser = parse::size, help_heading = "What to read")]
    max_memory: u64,
}

impl Shared {
    /// The query for these options, with rows of `default_by` unless `--by` is given.
    pub(crate) fn query(&self, default_by: GroupBy) -> Query {
        Query {
            sample: self.sample.first().cloned(),
            by: self.by.as_ref().map_or(default_by, |grouping| grouping.by),
            focus: self.focus.clone(),
            ignore: self.ignore.clone(),
            hide: self.hide.clone(),
            show: self.show.clone(),
            through: self.through.clone(),
            through_libraries: false,
            types: self.types.iter().map(|filter| filter.expression.clone()).collect(),
            containers: self.containers(),
            all_frames: self.all_frames,
            leaf: self.leaf,
            cumulative: false,
            min_fraction: self.min_fraction,
            limit: Some(self.limit).filter(|&limit| limit > 0),
        }
    }

    /// What the project says of its collections, where types are asked for.
    fn containers(&self) -> Vec<ContainerRule> {
        let of_filter = || self.types.first().map(|filter| &filter.containers);
        self.by
            .as_ref()
            .map(|grouping| &grouping.containers)
            .filter(|rules| !rules.is_empty())
            .or_else(of_filter)
            .cloned()
            .unwrap_or_default()
    }

    /// The same for findings of leaks. What leaks in a library leaks for a line that the reader can change.
    pub(crate) fn leak_query(&self, default_by: GroupBy) -> Query {
        Query { through_libraries: self.through.is_empty(), ..self.query(default_by) }
    }

    /// The options for looking up symbols.
    pub(crate) fn symbols(&self) -> highwater_symbol::Options {
        let mut options = highwater_symbol::Options::default();
        options.binaries.extend_from_slice(&self.binary);
        // Directories from the command line are searched before the default ones.
        options.debug_dirs.splice(..0, self.debug_dir.iter().cloned());
        options.cache = if self.no_cache { None } else { Cache::in_user_directory() };
        options.max_debug_bytes = self.max_memory;
        options
    }

    /// The limits for reading a file.
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_unpacked_bytes: self.max_unpacked, max_memory_bytes: self.max_memory }
    }

    /// Whether `--limit 0` asks for every row.
    pub(crate) fn unlimited(&self) -> bool {
        self.limit == 0
    }
}
