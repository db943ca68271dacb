//! `cargo highwater …`: what cargo starts for a subcommand of this name. It is `highwater …`, from the same directory.
#![forbid(unsafe_code)]

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let beside =
        env::current_exe().ok().map(|it| it.with_file_name(format!("highwater{}", env::consts::EXE_SUFFIX)));
    // Without one beside it there may be one that the system finds.
    let program = beside.filter(|it| it.is_file()).unwrap_or_else(|| PathBuf::from("highwater"));
    let mut command = Command::new(&program);
    command.args(arguments(env::args_os()));
    let error = match run(&mut command) {
        Ok(code) => return code,
        Err(error) => error,
    };
    // When stderr is gone there is nobody left to tell.
    let _ = writeln!(
        io::stderr(),
        "cargo-highwater: error: cannot start {}: {error}; install both with `cargo install highwater-cli`",
        program.display()
    );
    ExitCode::from(2)
}

/// Becomes the other program, so that it gets the signals that are meant for it, and nothing is left when one ends this one.
#[cfg(unix)]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Runs the other program, and ends as it does.
#[cfg(not(unix))]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    let status = command.status()?;
    Ok(ExitCode::from(status.code().and_then(|it| u8::try_from(it).ok()).unwrap_or(2)))
}

/// What stands behind `cargo highwater`. Cargo hands the name on in front.
fn arguments(all: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = all.skip(1).collect();
    if arguments.first().is_some_and(|it| it == "highwater") {
        arguments.remove(0);
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
        assert!(given(&["cargo-highwater"]).is_empty());
    }
}
