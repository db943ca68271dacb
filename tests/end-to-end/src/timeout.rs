//! Programs that may hang: run with a timeout, killed with all their child processes, and reported.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Why a program failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The program was still running at the timeout, and was killed.
    Hung(String),
    /// A signal ended the program.
    Crashed(String),
    /// The program found a fault, and reported it by its exit code.
    Failed(String),
    /// The program's files are wrong.
    Wrong(String),
}

impl Failure {
    /// All known details, as text.
    pub fn message(&self) -> &str {
        match self {
            Self::Hung(message) | Self::Crashed(message) | Self::Failed(message) | Self::Wrong(message) => {
                message
            }
        }
    }
}

/// Runs a command and returns its output. A process that exceeds `limit` is killed, together with all
/// processes that it started.
///
/// # Errors
/// When the program hangs, crashes or fails, with the content of both its outputs.
///
/// # Panics
/// When the command cannot be started.
pub fn run_with_timeout(command: &mut Command, limit: Duration) -> Result<String, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group of its own, so that a hung child process can be killed too.
    command.process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let output = drain(child.stdout.take());
    let errors = drain(child.stderr.take());
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        kill_group(&mut child);
    }
    // The pipes close when the last process of the group has ended.
    let [output, errors] = [output, errors].map(|it| it.join().unwrap_or_default());
    let said = format!("{command:?}\n{output}{errors}");
    match ended {
        None => Err(Failure::Hung(format!("still running after {limit:?}, and killed: {said}"))),
        Some(status) => match (status.success(), status.signal()) {
            (true, _) => Ok(output),
            (false, Some(_)) => Err(Failure::Crashed(format!("ended by {status}: {said}"))),
            (false, None) => Err(Failure::Failed(format!("failed with {status}: {said}"))),
        },
    }
}

/// Reads a pipe to its end, so that a program with much output is not blocked.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            // Output from before an error is still useful.
            let _ = pipe.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// `None` at the timeout.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begin.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn kill_group(child: &mut Child) {
    // The standard library can only kill single processes, so the shell's `kill` is used.
    let kill = format!("kill -KILL -{}", child.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    if !killed.is_ok_and(|status| status.success()) {
        let _ = child.kill();
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<String, Failure> {
        run_with_timeout(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn a_program_that_ends_well_is_heard() {
        assert_eq!(shell("echo words", Duration::from_secs(20)), Ok("words\n".to_owned()));
    }

    #[test]
    fn failures_and_crashes_are_told_apart() {
        let failed = shell("echo reason >&2; exit 3", Duration::from_secs(20)).unwrap_err();
        assert!(matches!(&failed, Failure::Failed(it) if it.contains("reason")), "{failed:?}");
        let crashed = shell("kill -SEGV $$", Duration::from_secs(20)).unwrap_err();
        assert!(matches!(crashed, Failure::Crashed(_)), "{crashed:?}");
    }

    #[test]
    fn a_hung_program_is_killed_with_what_it_started() {
        let begin = Instant::now();
        // The inner shell keeps the pipes open, so this call returns only if the inner shell is killed too.
        let hung = shell("sh -c 'echo here; sleep 60' & wait", Duration::from_millis(300)).unwrap_err();
        assert!(matches!(&hung, Failure::Hung(it) if it.contains("here")), "{hung:?}");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}
