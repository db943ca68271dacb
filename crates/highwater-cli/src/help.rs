//! The first page of help: commands in groups, by what a reader wants to do, and a few examples.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::builder::styling::Styles;
use clap::{Command, CommandFactory};

use crate::args::Cli;

/// Commands by purpose. Each command is in exactly one group.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Record a program as it is",
        &[
            ("run", "run it with the recorder behind its malloc; no rebuild"),
            ("record", "start or stop recording a program that is running so"),
            ("cargo", "cargo run, test or bench, with every program recorded"),
        ],
    ),
    (
        "Look at one profile",
        &[
            ("top", "lines, functions or types of code, by what they hold"),
            ("tree", "the call tree, callers above what they call"),
            ("peek", "callers and callees of a function"),
            ("list", "source code, with what each line holds"),
            ("types", "types of blocks, what keeps them, where they are made"),
            ("rss", "why the process is so large: a ledger that adds up"),
            ("flame", "a flame graph, as SVG or HTML"),
            ("report", "all of it as one page for a browser"),
            ("leaks", "what is alive and should not be"),
            ("advise", "lines that could allocate less, and how much less"),
            ("info", "what a file holds, and what is missing in it"),
        ],
    ),
    (
        "Compare",
        &[
            ("diff", "what grew between two profiles, beyond sampling noise"),
            ("compare", "groups of processes or runs, beyond what they differ"),
            ("check", "a gate for CI: does a profile hold more than a baseline?"),
        ],
    ),
    (
        "Look at memory over time",
        &[
            ("trend", "which lines leak over a series of snapshots, and how fast"),
            ("spikes", "when the process jumped, and whose allocations did it"),
            ("plot", "memory over time, as SVG or PNG"),
        ],
    ),
    (
        "Watch a running program",
        &[
            ("live", "a screen in the terminal: totals, lines, growth"),
            ("watch", "snapshots, and a folder for each spike and growth"),
        ],
    ),
    (
        "Convert files",
        &[
            ("convert", "a profile in another tool's format"),
            ("merge", "profiles of several processes or runs as one"),
            ("symbolize", "a profile with functions and lines in it"),
        ],
    ),
    ("Test", &[("init-tests", "have a package's tests checked for leaks")]),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("highwater run -- ./server", "record a program as it is"),
    ("highwater top heap.pb.gz", "which lines hold memory"),
    ("highwater top http://localhost:6060", "the same of a service"),
    ("highwater diff before.pb.gz after.pb.gz", "what grew"),
    ("highwater trend snapshots/", "what leaks"),
    ("highwater report snapshots/ -o report.html", "a page for a browser"),
];

/// Notes that hold for every command.
const NOTES: &str = "\
A profile is a file, - for standard input, or the address of a running program.
Files may be of Highwater, pprof, Go, DHAT, jemalloc, gperftools, heaptrack,
memray, folded stacks, speedscope, V8, OpenTelemetry, massif, memcheck and
LeakSanitizer. What a file is shows in its content.
Lines are as wide as the terminal; elsewhere as COLUMNS says, or 80.
Colours follow the terminal and NO_COLOR.
Exit codes: 0 the answer was given; 2 it was not, and one line on stderr says
why. Commands that judge: 1 found something, 3 cannot tell.";

/// The grammar, with the commands in groups on its first page.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let page = page(command.get_styles());
    command.help_template("{about-with-newline}\n{usage-heading} {usage}{after-help}").after_help(page)
}

fn page(styles: &Styles) -> StyledStr {
    let (heading, literal) = (styles.get_header(), styles.get_literal());
    let mut text = StyledStr::new();
    let mut write = |title: &str, rows: &[(&str, &str)], width: usize| {
        // Writing into memory cannot fail.
        let _ = writeln!(text, "{heading}{title}:{heading:#}");
        for (name, meaning) in rows {
            let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {meaning}");
        }
        let _ = writeln!(text);
    };
    for (title, commands) in GROUPS {
        write(title, commands, 10);
    }
    let options =
        [("-h, --help", "print help; after a command, its own"), ("-V, --version", "print the version")];
    write("Options", &options, 13);
    write("Examples", EXAMPLES, 42);
    let _ = write!(text, "{NOTES}");
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, GROUPS};

    #[test]
    fn every_command_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, it)| *it).map(|(name, _)| *name).collect();
        grouped.sort_unstable();
        let command = Cli::command();
        let mut commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        commands.sort_unstable();
        assert_eq!(grouped, commands);
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let help = super::command().render_long_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}
