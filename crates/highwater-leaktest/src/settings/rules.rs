//! `highwater.toml`: which threads and blocks are allowed, each with a reason, and how long threads are
//! waited for.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;

use super::pattern;
use super::time;
use crate::evidence::constants::least_align_of_tasks;
use crate::finding::{Frame, Kind};

const FILE: &str = "highwater.toml";

/// The section of the file that is about tests.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Section {
    #[serde(deserialize_with = "duration")]
    pub(crate) grace: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) busy_grace: Option<Duration>,
    pub(crate) hang: Option<Hang>,
    pub(crate) check: Option<Which>,
    pub(crate) blocks: Option<Blocks>,
    pub(crate) descriptors: Option<Policy>,
    pub(crate) children: Option<Policy>,
    pub(crate) baseline: KnownLeaks,
    pub(crate) allow: Vec<Rule>,
}

/// What is set for the baseline.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KnownLeaks {
    pub(crate) by: Option<By>,
    /// Where its reports are. A relative path begins at the directory of the file.
    pub(crate) directory: Option<PathBuf>,
}

/// What a leak has in common with one that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The program, the test, its kind, and the function that started it.
    #[default]
    Test,
    /// Its kind, its name, and where it was started, in any test of any program.
    Site,
}

/// After which time a test that sleeps is said to hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hang {
    After(Duration),
    Never,
}

impl Hang {
    /// Reads a time, or `off`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "off" { Some(Self::Never) } else { time::parse(text).map(Self::After) }
    }
}

impl<'de> Deserialize<'de> for Hang {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parsed = Self::parse(&String::deserialize(deserializer)?);
        parsed.ok_or_else(|| serde::de::Error::custom("expected a time such as \"20s\", or \"off\""))
    }
}

/// Which tests are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Which {
    /// Every test of a program that links the harness.
    All,
    /// Tests with the attribute, and guarded ones.
    Marked,
    /// None.
    Off,
}

/// Which tests may not leave something of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// None may.
    Deny,
    /// Those may not that say so themselves.
    Asked,
    /// All may: it is not followed.
    Off,
}

impl Policy {
    /// Whether a test is judged by this kind, which asks for it or does not.
    pub(crate) fn judges(self, is_asked: bool) -> bool {
        match self {
            Self::Deny => true,
            Self::Asked => is_asked,
            Self::Off => false,
        }
    }
}

/// Which blocks of memory are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Blocks {
    /// Those that may be tasks, and in a test that asks for it all of them.
    Asked,
    /// All of every test, and none may stay.
    Deny,
    /// None.
    Off,
}

impl Blocks {
    /// From which alignment on blocks of every test are written down; `None` for none.
    pub(crate) fn least_align(self) -> Option<usize> {
        match self {
            Self::Asked => Some(least_align_of_tasks()),
            Self::Deny => Some(1),
            Self::Off => None,
        }
    }
}

/// Threads, tasks, descriptors and children, or blocks, that are allowed to be left. All patterns that it has
/// must match.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    threads: Option<String>,
    tasks: Option<String>,
    descriptors: Option<String>,
    children: Option<String>,
    #[serde(alias = "opened")]
    spawned: Option<String>,
    blocks: Option<String>,
    tests: Option<String>,
    program: Option<String>,
    pub(crate) reason: String,
    #[serde(skip)]
    used: AtomicBool,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{}: rule {rule} of [[leaktest.allow]] has an empty reason: say why the thread may stay", path.display())]
    Reason { path: PathBuf, rule: usize },
    #[error(
        "{}: rule {rule} of [[leaktest.allow]] allows everything: add `threads`, `tasks`, `descriptors`, `children`, `spawned` or `blocks`",
        path.display()
    )]
    Everything { path: PathBuf, rule: usize },
    #[error(
        "{}: rule {rule} of [[leaktest.allow]] is about blocks and about something else: make two rules of it",
        path.display()
    )]
    Both { path: PathBuf, rule: usize },
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = time::parse(&text);
    parsed.map(Some).ok_or_else(|| serde::de::Error::custom("expected a time such as \"500ms\" or \"2s\""))
}

/// Reads the nearest file, from the package under test outwards. Without one everything is as by default.
pub(crate) fn load() -> Result<Section, RulesError> {
    let start = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| env::current_dir().ok());
    let found = start.iter().flat_map(|it| it.ancestors()).map(|it| it.join(FILE)).find(|it| it.is_file());
    found.map_or_else(|| Ok(Section::default()), |path| read(&path))
}

fn read(path: &Path) -> Result<Section, RulesError> {
    /// Other tools' sections are theirs.
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        leaktest: Section,
    }
    let text = fs::read_to_string(path).map_err(|source| RulesError::Read { path: path.into(), source })?;
    let mut file: File = toml::from_str(&text)
        .map_err(|source| RulesError::Syntax { path: path.into(), source: Box::new(source) })?;
    for (index, rule) in file.leaktest.allow.iter().enumerate() {
        let (path, rule_number) = (path.to_owned(), index + 1);
        if rule.reason.trim().is_empty() {
            return Err(RulesError::Reason { path, rule: rule_number });
        }
        let is_of_threads = rule.is_of_what_is_started();
        if is_of_threads && rule.blocks.is_some() {
            return Err(RulesError::Both { path, rule: rule_number });
        }
        if !is_of_threads && rule.blocks.is_none() {
            return Err(RulesError::Everything { path, rule: rule_number });
        }
    }
    let known = &mut file.leaktest.baseline.directory;
    *known = known.take().map(|it| path.parent().unwrap_or(Path::new("")).join(it));
    Ok(file.leaktest)
}

/// Reads the rules in a text.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<Section, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    fs::write(&path, text).unwrap();
    read(&path).map_err(|it| it.to_string())
}

impl Rule {
    /// Whether this thread, or task, is allowed; if so the rule counts as used.
    pub(crate) fn allows(
        &self,
        kind: Kind,
        program: &str,
        test: &str,
        name: &str,
        spawned: &[Frame],
    ) -> bool {
        let named = self.names().into_iter().find(|(of, _)| *of == kind).and_then(|(_, pattern)| pattern);
        let is_of_others = self.names().iter().any(|(of, pattern)| *of != kind && pattern.is_some());
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern::matches(pattern, text))
        };
        let passes = |pattern: &String| pattern::matches_a_call(pattern, spawned);
        let allows = self.blocks.is_none()
            && self.applies_to(program)
            && fits(&self.tests, test)
            && (named.is_some() || !is_of_others)
            && named.is_none_or(|pattern| pattern::matches_a_name(pattern, kind, name))
            && self.spawned.as_ref().is_none_or(passes);
        self.note(allows)
    }

    /// Whether blocks that these calls allocated may stay; if so the rule counts as used.
    pub(crate) fn allows_blocks(&self, program: &str, test: &str, allocated: &[Frame]) -> bool {
        let passes = |pattern: &String| pattern::matches_a_call(pattern, allocated);
        let allows = self.blocks.as_ref().is_some_and(passes)
            && self.applies_to(program)
            && self.tests.as_ref().is_none_or(|pattern| pattern::matches(pattern, test));
        self.note(allows)
    }

    /// Its patterns for names, by what they are names of.
    fn names(&self) -> [(Kind, Option<&str>); 4] {
        [
            (Kind::Thread, self.threads.as_deref()),
            (Kind::Task, self.tasks.as_deref()),
            (Kind::Descriptor, self.descriptors.as_deref()),
            (Kind::Child, self.children.as_deref()),
        ]
    }

    /// Whether it is about what is started or opened, and not about all of that.
    pub(crate) fn is_of_what_is_started(&self) -> bool {
        self.spawned.is_some() || self.names().iter().any(|(_, pattern)| pattern.is_some())
    }

    fn note(&self, allows: bool) -> bool {
        if allows {
            self.used.store(true, Ordering::Relaxed);
        }
        allows
    }

    /// Whether it is about this program and has allowed nothing.
    pub(crate) fn is_unused(&self, program: &str) -> bool {
        self.applies_to(program) && !self.used.load(Ordering::Relaxed)
    }

    fn applies_to(&self, program: &str) -> bool {
        self.program.as_ref().is_none_or(|pattern| pattern::matches(pattern, program))
    }

    /// Its patterns, in words.
    pub(crate) fn described(&self) -> String {
        let parts = [
            ("threads", &self.threads),
            ("tasks", &self.tasks),
            ("descriptors", &self.descriptors),
            ("children", &self.children),
            ("spawned", &self.spawned),
            ("blocks", &self.blocks),
            ("tests", &self.tests),
            ("program", &self.program),
        ];
        let said = parts.iter().filter_map(|(name, value)| Some(format!("{name} = {:?}", value.as_ref()?)));
        said.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Origin;

    #[test]
    fn a_whole_file_is_read() {
        let section = parse(
            "[other-tool]\nx = 1\n[leaktest]\ngrace = \"2s\"\nbusy-grace = \"9s\"\ncheck = \"marked\"\n\
             [[leaktest.allow]]\nthreads = \"pool-*\"\nreason = \"a pool of ours\"\n",
        )
        .unwrap();
        assert_eq!(section.grace, Some(Duration::from_secs(2)));
        assert_eq!(section.busy_grace, Some(Duration::from_secs(9)));
        assert_eq!(section.check, Some(Which::Marked));
        assert_eq!(section.allow[0].described(), "threads = \"pool-*\"");
        assert!(section.baseline.by.is_none() && section.baseline.directory.is_none());
    }

    #[test]
    fn a_baseline_lies_beside_the_file() {
        let known = parse("[leaktest.baseline]\nby = \"site\"\ndirectory = \"known\"").unwrap().baseline;
        assert_eq!(known.by, Some(By::Site));
        let directory = known.directory.expect("it is set");
        assert!(directory.is_absolute() && directory.ends_with("known"), "{directory:?}");
    }

    #[test]
    fn faults_name_the_file_and_the_place() {
        for (text, words) in [
            ("[leaktest]\ngrace = \"soon\"", "line 2"),
            ("[leaktest]\ngraze = \"2s\"", "unknown field `graze`"),
            ("[[leaktest.allow]]\nthreads = \"a\"", "missing field `reason`"),
            (
                "[[leaktest.allow]]\nthreads = \"a\"\nreason = \" \"",
                "rule 1 of [[leaktest.allow]] has an empty reason",
            ),
            ("[[leaktest.allow]]\nreason = \"b\"\ntests = \"a\"", "allows everything"),
            ("[[leaktest.allow]]\nreason = \"b\"\nblocks = \"a\"\nthreads = \"c\"", "make two rules"),
            ("[leaktest]\nblocks = \"no\"", "unknown variant `no`"),
            ("[leaktest]\nhang = \"soon\"", "expected a time such as \"20s\", or \"off\""),
            ("[leaktest", "line 1"),
            ("[leaktest.baseline]\nby = \"line\"", "unknown variant `line`"),
            ("[leaktest]\nbaseline = \"known\"", "line 2"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.contains(words) && fault.contains(FILE), "{text}: {fault}");
        }
    }

    #[test]
    fn a_rule_allows_what_all_its_patterns_match_and_knows_that_it_did() {
        let frame = Frame {
            function: "mine::pool::grow".to_owned(),
            file: Some("/home/me/mine/src/pool.rs".to_owned()),
            line: Some(3),
            origin: Origin::Own,
        };
        let section = |patterns: &str| {
            parse(&format!("[[leaktest.allow]]\nreason = \"r\"\n{patterns}")).unwrap().allow.remove(0)
        };
        let allows = |rule: &Rule| {
            rule.allows(Kind::Thread, "mine", "tests::a", "pool-1", std::slice::from_ref(&frame))
        };
        for patterns in [
            "threads = \"pool-*\"",
            "spawned = \"mine::pool::*\"",
            "spawned = \"src/pool.rs\"",
            "spawned = \"*/src/pool.rs\"",
            "threads = \"pool-*\"\ntests = \"tests::*\"\nprogram = \"mine\"",
        ] {
            let rule = section(patterns);
            assert!(rule.is_unused("mine"));
            assert!(allows(&rule), "{patterns}");
            assert!(!rule.is_unused("mine"));
        }
        for patterns in [
            "threads = \"pool\"",
            "spawned = \"ol.rs\"",
            "threads = \"pool-*\"\ntests = \"other::*\"",
            "threads = \"pool-*\"\nspawned = \"other::*\"",
            "threads = \"pool-*\"\nprogram = \"other\"",
            "tasks = \"pool-*\"",
        ] {
            let rule = section(patterns);
            assert!(!allows(&rule), "{patterns}");
            assert_eq!(rule.is_unused("mine"), !patterns.contains("program"), "{patterns}");
        }
    }
}
