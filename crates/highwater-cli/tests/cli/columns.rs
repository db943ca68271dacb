//! Every command at 80 columns, in a terminal and in a pipe, with names as long as in real Rust programs.

use std::fs;
use std::process::{Command, Stdio};

use highwater_profile::Profile;

use crate::support::{Place, demo, frame, push};

/// Names as the compiler makes them, with paths as on build machines; one name has no place for a line break.
const LONG: [(&str, &str); 3] = [
    (
        "<alloc::boxed::Box<dyn core::ops::function::FnMut(&mut demo::session::Session<demo::transport::Tls>) -> core::result::Result<(), demo::error::Error>> as core::ops::function::FnMut<()>>::call_mut",
        "/home/builder/projects/a-workspace-with-a-long-name/crates/session-management/src/transport/callbacks.rs",
    ),
    (
        "demo::storage::segmented_log::writer::SegmentedLogWriter<demo::storage::policy::RetentionByAgeAndSize>::append_batch_with_checksums",
        "/home/builder/projects/a-workspace-with-a-long-name/crates/storage/src/segmented_log/writer.rs",
    ),
    (
        "aNameThatNobodyWouldChooseButThatSomeGeneratorOfCodeMadeUpFromAllWordsOfItsInputWithoutAnySpaceInIt",
        "generated_from_the_interface_description_of_the_service_with_the_longest_name_of_them_all_version_2.rs",
    ),
];

const COMMANDS: [&str; 19] = [
    "top new.pb.gz",
    "top --by function new.pb.gz",
    "top --by site --cumulative new.pb.gz",
    "top --by file new.pb.gz",
    "diff old.pb.gz new.pb.gz",
    "diff --noise --by function old.pb.gz new.pb.gz",
    "tree new.pb.gz",
    "peek append new.pb.gz",
    "list append new.pb.gz",
    "info new.pb.gz",
    "check new.pb.gz --baseline old.pb.gz --max-growth 5%",
    "leaks new.pb.gz",
    "leaks series",
    "advise series",
    "trend series",
    "spikes series",
    "convert new.pb.gz out.pb.gz",
    "merge old.pb.gz new.pb.gz -o out.pb.gz",
    "symbolize new.pb.gz -o out.pb.gz",
];

/// A process with these names after this many minutes.
fn moment(at: i64) -> Profile {
    let mut profile = demo(8 + 4 * at);
    profile.time_ns += at * 60_000_000_000;
    if let Some(meta) = &mut profile.meta {
        (meta.process, meta.epoch) = (Some(7), Some(at + 1));
    }
    let frames = LONG.map(|(name, file)| frame(&mut profile, name, file, 1_234));
    push(&mut profile, &frames, 40 * (at + 1), 1 << 20);
    for deepest in frames {
        push(&mut profile, &[deepest, frames[0]], 10 * (at + 1), 1 << 20);
    }
    profile
}

fn place() -> Place {
    let place = Place::new();
    place.profile("old.pb.gz", &moment(0));
    place.profile("new.pb.gz", &moment(9));
    fs::create_dir(place.path("series")).unwrap();
    for at in 0..10 {
        place.profile(&format!("series/{at}.pb.gz"), &moment(at));
    }
    place
}

/// The output of a command in a terminal with 80 columns.
fn in_terminal(place: &Place, command: &str, setting: &str) -> String {
    let command_of_place = place.command();
    let program = command_of_place.get_program().to_str().unwrap().to_owned();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &format!("stty cols 80 rows 24; {setting} '{program}' {command} 2>/dev/null")]);
    terminal.arg("/dev/null").stdin(Stdio::null()).env("TERM", "xterm").env_remove("NO_COLOR");
    for (name, value) in command_of_place.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    if let Some(directory) = command_of_place.get_current_dir() {
        terminal.current_dir(directory);
    }
    let output = terminal.output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n").replace("^D\u{8}\u{8}", "")
}

fn in_pipe(place: &Place, command: &str, columns: &str) -> String {
    let arguments = command.split_whitespace();
    let output = place.command().args(arguments).env("COLUMNS", columns).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The text without escape codes.
fn plain(text: &str) -> String {
    let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    codes.replace_all(text, "").into_owned()
}

fn longest(text: &str) -> usize {
    text.lines().map(|it| it.chars().count()).max().unwrap_or(0)
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let place = place();
    for command in COMMANDS {
        let piped = in_pipe(&place, command, "80");
        assert!(!piped.is_empty(), "{command}");
        assert!(longest(&piped) <= 80, "{command}:\n{piped}");
        assert!(!piped.contains('\u{1b}'), "{command}: {piped:?}");
        let shown = in_terminal(&place, command, "");
        assert!(longest(&plain(&shown)) <= 80, "{command}:\n{shown}");
        assert_eq!(plain(&shown), piped, "{command}");
    }
    // The planted fault: without shortening, the output would be wider.
    let wide = in_pipe(&place, COMMANDS[0], "400");
    assert!(longest(&wide) > 80, "{wide}");
    // Rows are shortened, and no row takes two lines.
    for table in &COMMANDS[..4] {
        let lines = |columns| in_pipe(&place, table, columns).lines().count();
        assert_eq!(lines("80"), lines("400"), "{table}");
    }
}

#[test]
fn a_terminal_has_colours_unless_they_are_not_wanted() {
    let place = place();
    for command in ["top new.pb.gz", "diff old.pb.gz new.pb.gz", "trend series", "tree new.pb.gz"] {
        assert!(in_terminal(&place, command, "").contains('\u{1b}'), "{command}");
        let without = in_terminal(&place, command, "NO_COLOR=1");
        assert!(!without.is_empty() && !without.contains('\u{1b}'), "{command}: {without:?}");
    }
}
