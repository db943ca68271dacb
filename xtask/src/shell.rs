//! Runs other programs. Each command line is printed in a form that a user could type, and runs in the
//! workspace root; its failure is an error.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::Failure;

/// A command line to print and run in one directory.
#[derive(Clone)]
pub struct Line<'a> {
    directory: &'a Path,
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    removed: Vec<&'static str>,
    quiet: bool,
}

impl<'a> Line<'a> {
    /// A command line that will run in `directory`.
    pub fn new(directory: &'a Path, program: impl AsRef<OsStr>) -> Self {
        Self {
            directory,
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            removed: Vec::new(),
            quiet: false,
        }
    }

    /// A cargo command line, with the cargo that started this command: another one could use another
    /// toolchain.
    pub fn cargo(directory: &'a Path) -> Self {
        Self::new(directory, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Adds an option with a path as its value.
    pub fn arg_path(self, option: &str, path: &Path) -> Self {
        self.args([OsStr::new(option), path.as_os_str()])
    }

    /// Sets an environment variable for the program.
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// Removes an environment variable for the program.
    pub fn without_env(mut self, name: &'static str) -> Self {
        self.removed.push(name);
        self
    }

    /// Hides the program's stderr, unless it fails.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The command line as a user would type it in its directory: paths below the directory are relative, and
    /// words are quoted if a shell needs that.
    pub fn shown(&self) -> String {
        let mut words: Vec<String> = self.removed.iter().map(|name| format!("-u {name}")).collect();
        if !words.is_empty() {
            words.insert(0, "env".to_owned());
        }
        words.extend(self.variables.iter().map(|(name, value)| format!("{name}={}", self.shown_word(value))));
        let is_cargo = Path::new(&self.program).file_stem().is_some_and(|stem| stem == "cargo");
        words.push(if is_cargo { "cargo".to_owned() } else { self.shown_word(&self.program) });
        words.extend(self.arguments.iter().map(|argument| self.shown_word(argument)));
        words.join(" ")
    }

    fn shown_word(&self, word: &OsStr) -> String {
        let path = Path::new(word);
        match path.strip_prefix(self.directory) {
            Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
            Ok(below) if path.is_absolute() => quoted(&below.to_string_lossy()),
            _ => quoted(&word.to_string_lossy()),
        }
    }

    /// Prints the command line, then runs it with this process's input and output.
    ///
    /// # Errors
    /// When the program cannot be started or fails.
    pub fn run(&self) -> Result<(), Failure> {
        println!("$ {}", self.shown());
        let status = self.command().status().map_err(|source| self.cannot_start(source))?;
        if status.success() { Ok(()) } else { Err(Failure::Exit { command: self.shown(), status }) }
    }

    /// Runs the command line without printing it, and returns its output; its stderr is this process's.
    ///
    /// # Errors
    /// When the program cannot be started, fails, or prints text that is not UTF-8.
    pub fn capture(&self) -> Result<String, Failure> {
        let stderr = if self.quiet { Stdio::piped() } else { Stdio::inherit() };
        let output = self.command().stderr(stderr).output().map_err(|source| self.cannot_start(source))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            return Err(Failure::Exit { command: self.shown(), status: output.status });
        }
        String::from_utf8(output.stdout)
            .map_err(|error| Failure::Output { command: self.shown(), what: error.to_string() })
    }

    /// Runs the command line without printing it, whether it succeeds or not. Its output, including stderr,
    /// goes to the file `log`.
    ///
    /// # Errors
    /// When the program cannot be started or the file cannot be written.
    pub fn log(&self, log: &Path) -> Result<ExitStatus, Failure> {
        let fail = |source| Failure::File { path: log.to_owned(), source };
        let out = File::create(log).map_err(fail)?;
        let err = out.try_clone().map_err(fail)?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        command.status().map_err(|source| self.cannot_start(source))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(self.directory)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        for name in &self.removed {
            command.env_remove(name);
        }
        command
    }

    fn cannot_start(&self, source: std::io::Error) -> Failure {
        Failure::Start { command: self.shown(), source }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_line_can_be_typed_in_its_directory() {
        let line = Line::new(Path::new("/home/me/project"), "/home/me/project/target/release/highwater")
            .args(["top", "/home/me/project/target/a file.pb.gz", "it's", "/elsewhere"])
            .env("HIGHWATER", "exact");
        assert_eq!(
            line.shown(),
            r"HIGHWATER=exact target/release/highwater top 'target/a file.pb.gz' 'it'\''s' /elsewhere"
        );
    }

    #[test]
    fn a_removed_variable_is_shown() {
        let line = Line::new(Path::new("/project"), "/project/codeindex").without_env("HIGHWATER");
        assert_eq!(line.shown(), "env -u HIGHWATER codeindex");
    }

    #[test]
    fn failures_name_the_command() {
        let missing = Line::new(Path::new("/"), "no-such-program-anywhere").run();
        assert!(
            matches!(&missing, Err(Failure::Start { command, .. }) if command == "no-such-program-anywhere")
        );
        let failing = Line::cargo(Path::new("/")).args(["no-such-subcommand"]).capture();
        assert!(
            matches!(&failing, Err(Failure::Exit { command, .. }) if command == "cargo no-such-subcommand")
        );
    }
}
