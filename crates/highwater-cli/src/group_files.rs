//! The processes of a group, as arguments name them: files, directories, patterns, addresses and lists.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use highwater_analyze::{AnalyzeError, GroupOptions, GroupSide, Groups, GroupsBuilder, Normalize, Query};

use crate::error::CliError;
use crate::load::Progress;
use crate::shared::Shared;
use crate::watch::is_address;
use crate::{command, input, load, output, series};

/// A process of a group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// A file, or an address.
    pub(crate) path: PathBuf,
    /// Whether a directory was given, in which other files may lie.
    pub(crate) in_directory: bool,
    /// Numbers that a list gives, by name.
    pub(crate) counters: HashMap<String, f64>,
}

/// Two groups of processes, as arguments name them.
pub(crate) struct GroupFiles<'a> {
    pub(crate) base: &'a [String],
    pub(crate) new: &'a [String],
    /// Whether to leave out what cannot be read.
    pub(crate) force: bool,
    pub(crate) shared: &'a Shared,
}

impl GroupFiles<'_> {
    /// Reads both groups, with one profile in memory at a time, and compares them.
    pub(crate) fn compare(&self, query: Query, normalize: &Normalize, fdr: f64) -> Result<Groups, CliError> {
        let groups = [(GroupSide::Base, members(self.base)?), (GroupSide::New, members(self.new)?)];
        if let Some(both) = groups[0].1.iter().find(|it| groups[1].1.iter().any(|new| new.path == it.path)) {
            let reason = "it is in both groups; a process belongs to one".to_owned();
            return Err(CliError::Target { target: input::shown(&both.path), reason });
        }
        let mut builder = GroupsBuilder::new(query, normalize.clone());
        for (side, members) in &groups {
            self.read(*side, members, normalize, &mut builder)?;
        }
        load::busy("comparing", || builder.finish(&GroupOptions { fdr })).map_err(|source| {
            let files = match &source {
                AnalyzeError::SameProcess(first, second) => vec![first.into(), second.into()],
                _ => groups.iter().filter_map(|it| it.1.first()).map(|it| it.path.clone()).collect(),
            };
            CliError::Question { files, source }
        })
    }

    /// Adds the processes of a group.
    fn read(
        &self,
        side: GroupSide,
        members: &[Member],
        normalize: &Normalize,
        builder: &mut GroupsBuilder,
    ) -> Result<(), CliError> {
        let bar = Progress::start("reading processes".to_owned(), "files");
        let mut others: Vec<&Path> = Vec::new();
        for (done, member) in members.iter().enumerate() {
            bar.show(done, members.len());
            let path: &Path = &member.path;
            let mut profile = match load::raw(path, self.shared) {
                Ok(profile) => profile,
                Err(error) if member.in_directory && series::is_no_profile(&error) => {
                    others.push(path);
                    continue;
                }
                Err(error @ (CliError::File(_) | CliError::Target { .. } | CliError::Input { .. }))
                    if self.force =>
                {
                    output::note(&format!("{error}; it is left out (--force)"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            load::symbolize_quietly(path, &mut profile, self.shared)?;
            let counter = match normalize {
                Normalize::Counter(name) => member.counters.get(name).copied(),
                _ => None,
            };
            let name = input::shown(path);
            builder.push(side, name, &profile, counter).map_err(command::question(&[path]))?;
        }
        drop(bar);
        if let Some(first) = others.first() {
            let directory = first.parent().unwrap_or(Path::new("."));
            let count = others.len();
            output::note(&format!(
                "{}: files that are no profiles were passed over: {count}",
                directory.display()
            ));
        }
        Ok(())
    }
}

/// Whether these arguments name more than one process, whatever there is on disk.
pub(crate) fn is_several(arguments: &[String]) -> bool {
    let is_group =
        |it: &String| it.starts_with('@') || Path::new(it).is_dir() || is_pattern(it, Path::new(it));
    arguments.len() > 1 || arguments.iter().any(is_group)
}

/// Whether a text that stands for this path is a pattern.
fn is_pattern(text: &str, path: &Path) -> bool {
    text.contains(['*', '?', '[']) && !is_address(text) && !path.exists()
}

/// The processes that these arguments name, each once.
pub(crate) fn members(arguments: &[String]) -> Result<Vec<Member>, CliError> {
    let mut all: Vec<Member> = Vec::new();
    for argument in arguments {
        let found = match argument.strip_prefix('@') {
            Some(list) => listed(Path::new(list))?,
            None => named(argument, Path::new(""))?,
        };
        for member in found {
            if !all.iter().any(|it| it.path == member.path) {
                all.push(member);
            }
        }
    }
    Ok(all)
}

/// The processes that a text names, relative to a directory.
fn named(text: &str, directory: &Path) -> Result<Vec<Member>, CliError> {
    let member = |path, in_directory| Member { path, in_directory, counters: HashMap::new() };
    let path = if is_address(text) { PathBuf::from(text) } else { directory.join(text) };
    if path.is_dir() {
        return Ok(series::entries(&path)?.into_iter().map(|it| member(it, true)).collect());
    }
    if !is_pattern(text, &path) {
        return Ok(vec![member(path, false)]);
    }
    let wrong = |reason: String| CliError::Target { target: text.to_owned(), reason };
    let pattern = path.to_str().ok_or_else(|| wrong("a pattern is UTF-8".to_owned()))?;
    let found = glob::glob(pattern).map_err(|it| wrong(format!("this is no pattern: {}", it.msg)))?;
    let mut members = Vec::new();
    for path in found {
        let path = path.map_err(|it| wrong(it.to_string()))?;
        if path.is_file() {
            members.push(member(path, false));
        }
    }
    if members.is_empty() {
        return Err(wrong("no file matches this pattern".to_owned()));
    }
    Ok(members)
}

/// The processes of a list: a file, directory, pattern or address a line, then numbers by name
/// (`pod-1.pb.gz requests=1200`).
/// Paths are relative to the list. Empty lines and those that begin with `#` mean nothing.
fn listed(list: &Path) -> Result<Vec<Member>, CliError> {
    let text =
        fs::read_to_string(list).map_err(|source| CliError::Unreadable { path: list.to_owned(), source })?;
    let directory = list.parent().unwrap_or(Path::new(""));
    let mut all = Vec::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let (name, counters) = with_counters(line);
        for member in named(name, directory)? {
            all.push(Member { counters: counters.clone(), ..member });
        }
    }
    if all.is_empty() {
        let target = list.display().to_string();
        return Err(CliError::Target { target, reason: "this list names no file".to_owned() });
    }
    Ok(all)
}

/// A line of a list without the numbers at its end, and these.
fn with_counters(line: &str) -> (&str, HashMap<String, f64>) {
    let (mut name, mut counters) = (line, HashMap::new());
    while let Some((rest, last)) = name.rsplit_once(char::is_whitespace) {
        let counter = last.split_once('=').and_then(|(key, value)| Some((key, value.parse::<f64>().ok()?)));
        let Some((key, value)) = counter.filter(|it| !it.0.is_empty()) else { break };
        counters.insert(key.to_owned(), value);
        name = rest.trim_end();
    }
    (name, counters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_behind_the_name() {
        let (name, counters) = with_counters("pods/a b.pb.gz requests=1200\tcpu=0.5");
        assert_eq!((name, counters["requests"], counters["cpu"]), ("pods/a b.pb.gz", 1200.0, 0.5));
        assert_eq!(with_counters("http://pod:6060/?a=1"), ("http://pod:6060/?a=1", HashMap::new()));
        assert_eq!(with_counters("a =1").0, "a =1");
        assert_eq!(with_counters("a n=x").0, "a n=x");
    }
}
