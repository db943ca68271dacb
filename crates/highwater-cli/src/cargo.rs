//! Running cargo so that it starts each program through `highwater run`.
//!
//! Cargo starts the programs of `cargo run`, `cargo test` and `cargo bench` by the runner that is
//! configured for their target. An environment variable configures it, so that no file of the project is
//! changed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use cargo_metadata::MetadataCommand;

use crate::error::CliError;
use crate::output;
use crate::run::{Mode, child, library};

/// What cargo is to do, and how its programs are recorded.
#[derive(Debug)]
pub(crate) struct Plan {
    pub action: &'static str,
    pub mode: Mode,
    pub output: Option<PathBuf>,
    pub has_children: bool,
    /// Options of cargo.
    pub options: Vec<OsString>,
    /// What stands behind `--`.
    pub arguments: Option<Vec<OsString>>,
}

impl Plan {
    /// Runs cargo. Returns its exit code; if a signal ended it, this process ends by the same one.
    pub(crate) fn run(self) -> Result<u8, CliError> {
        // Missed at once, and not by each program.
        library::find()?;
        let directory = self.directory()?;
        let runner = self.runner(&directory)?;
        let name = format!("CARGO_TARGET_{}_RUNNER", self.target()?.to_uppercase().replace(['-', '.'], "_"));
        let mut arguments = vec![OsString::from(self.action)];
        arguments.extend(self.options);
        if let Some(behind) = self.arguments {
            arguments.push("--".into());
            arguments.extend(behind);
        }
        let begin = SystemTime::now();
        let ended = child::run(&cargo(), &arguments, &[(&name, &runner)])?;
        say_what_was_written(&directory, begin);
        Ok(ended.mirror())
    }

    /// The directory of the profiles, which is made.
    fn directory(&self) -> Result<PathBuf, CliError> {
        let given = match &self.output {
            Some(given) => given.clone(),
            None => {
                let mut command = MetadataCommand::new();
                if let Some(manifest) = self.option("--manifest-path") {
                    command.manifest_path(manifest);
                }
                let metadata = command.no_deps().exec();
                let metadata = metadata.map_err(|it| CliError::Cargo(it.to_string().trim().to_owned()))?;
                let target = self.option("--target-dir").map(PathBuf::from);
                target.unwrap_or_else(|| metadata.target_directory.into_std_path_buf()).join("highwater")
            }
        };
        let wrong = |error: std::io::Error| CliError::Run {
            program: given.display().to_string(),
            reason: format!("the directory cannot be made: {error}"),
        };
        fs::create_dir_all(&given).map_err(wrong)?;
        given.canonicalize().map_err(wrong)
    }

    /// The value of cargo's variable: the words of a command, divided by spaces.
    fn runner(&self, directory: &Path) -> Result<OsString, CliError> {
        let own = env::current_exe().map_err(|error| CliError::Run {
            program: "highwater".to_owned(),
            reason: format!("its own path is not known: {error}"),
        })?;
        for path in [&*own, directory] {
            if path.to_str().is_none_or(|it| it.contains(char::is_whitespace)) {
                return Err(CliError::Run {
                    program: path.display().to_string(),
                    reason: "cargo divides the words of its runner by spaces, and this path has one; use a directory without spaces (-o for the profiles)".to_owned(),
                });
            }
        }
        let mode = match self.mode {
            Mode::Exact => "--exact".to_owned(),
            Mode::Interval(bytes) => format!("--interval {bytes}"),
        };
        let children = if self.has_children { " --children" } else { "" };
        let output = directory.join("%n.pb.gz");
        Ok(format!("{} run --if-possible {mode}{children} -o {} --", own.display(), output.display()).into())
    }

    /// The target that cargo builds for.
    fn target(&self) -> Result<String, CliError> {
        let named =
            self.option("--target").map(OsStr::to_owned).or_else(|| env::var_os("CARGO_BUILD_TARGET"));
        if let Some(target) = named {
            return Ok(target.to_string_lossy().into_owned());
        }
        let failed = |reason: String| {
            CliError::Cargo(format!("cargo -vV does not say for which machine it builds: {reason}"))
        };
        let said = Command::new(cargo()).arg("-vV").output().map_err(|it| failed(it.to_string()))?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let host = said.lines().find_map(|it| it.strip_prefix("host: "));
        host.map(str::to_owned).ok_or_else(|| failed(said))
    }

    /// The value of one of cargo's options.
    fn option(&self, name: &str) -> Option<&OsStr> {
        let mut options = self.options.iter();
        while let Some(option) = options.next() {
            if option == name {
                return options.next().map(OsString::as_os_str);
            }
            let value = option.to_str().and_then(|it| it.strip_prefix(name)?.strip_prefix('='));
            if let Some(value) = value {
                return Some(OsStr::new(value));
            }
        }
        None
    }
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Says which profiles were written since this moment.
fn say_what_was_written(directory: &Path, begin: SystemTime) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_new = |it: &fs::DirEntry| {
        it.metadata().and_then(|it| it.modified()).is_ok_and(|it| it >= begin)
            && it.file_name().to_string_lossy().ends_with(".pb.gz")
    };
    let mut names: Vec<String> =
        entries.filter(is_new).map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let here = env::current_dir().ok().and_then(|it| directory.strip_prefix(it).ok().map(Path::to_owned));
    let directory = here.unwrap_or_else(|| directory.to_owned());
    match &names[..] {
        [] => output::note("no program was recorded"),
        [one] => output::note(&format!(
            "recorded; highwater top {} shows what was never freed",
            directory.join(one).display()
        )),
        all => output::note(&format!(
            "{} programs were recorded, in {}: {}",
            all.len(),
            directory.display(),
            all.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_cargo_has_its_value_behind_a_space_or_an_equals_sign() {
        let plan = |words: &[&str]| Plan {
            action: "test",
            mode: Mode::Exact,
            output: None,
            has_children: false,
            options: words.iter().map(OsString::from).collect(),
            arguments: None,
        };
        let target = |words: &[&str]| plan(words).option("--target").map(OsStr::to_owned);
        assert_eq!(target(&["-r", "--target", "a"]), Some("a".into()));
        assert_eq!(target(&["--target=b", "-r"]), Some("b".into()));
        assert_eq!(target(&["--target-dir", "c"]), None);
        let runner = plan(&[]).runner(Path::new("/x")).unwrap().into_string().unwrap();
        assert!(runner.ends_with(" run --if-possible --exact -o /x/%n.pb.gz --"), "{runner}");
        assert!(plan(&[]).runner(Path::new("/a b")).is_err());
    }
}
