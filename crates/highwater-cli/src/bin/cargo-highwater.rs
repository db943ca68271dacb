//! `cargo highwater …`: cargo starts this program for the subcommand. It runs `highwater …` from its own
//! directory.
#![forbid(unsafe_code)]

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let beside =
        env::current_exe().ok().map(|it| it.with_file_name(format!("highwater{}", env::consts::EXE_SUFFIX)));
    // If `highwater` is not in the same directory, the system searches PATH for it.
    let program = beside.filter(|it| it.is_file()).unwrap_or_else(|| PathBuf::from("highwater"));
    let mut command = Command::new(&program);
    command.args(arguments(env::args_os()));
    let error = match run(&mut command) {
        Ok(code) => return code,
        Err(error) => error,
    };
    // If stderr is closed, nobody can read the message.
    let _ = writeln!(
        io::stderr(),
        "cargo-highwater: error: cannot start {}: {error}; install both with `cargo install highwater-cli`",
        program.display()
    );
    ExitCode::from(2)
}

/// Replaces this process with the other program: signals then reach that program, and it ends when this
/// process is ended.
#[cfg(unix)]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Runs the other program and ends with its exit code.
#[cfg(not(unix))]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    let status = command.status()?;
    Ok(ExitCode::from(status.code().and_then(|it| u8::try_from(it).ok()).unwrap_or(2)))
}

/// The commands of cargo that have programs recorded: `cargo highwater test` is `highwater cargo test`.
const ACTIONS: [&str; 3] = ["run", "test", "bench"];

/// The arguments after `cargo highwater`. Cargo passes the subcommand's name as the first argument.
fn arguments(all: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = all.skip(1).collect();
    if arguments.first().is_some_and(|it| it == "highwater") {
        arguments.remove(0);
    }
    if arguments.first().is_some_and(|first| ACTIONS.iter().any(|it| first == it)) {
        arguments.insert(0, "cargo".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_cargos() {
        let given = |words: &[&str]| arguments(words.iter().map(OsString::from));
        assert_eq!(given(&["cargo-highwater", "highwater", "top", "highwater"]), ["top", "highwater"]);
        assert_eq!(given(&["cargo-highwater", "top"]), ["top"]);
        assert_eq!(given(&["cargo-highwater", "highwater", "test", "-r"]), ["cargo", "test", "-r"]);
        assert_eq!(given(&["cargo-highwater", "run", "--", "run"]), ["cargo", "run", "--", "run"]);
        assert!(given(&["cargo-highwater"]).is_empty());
    }
}
