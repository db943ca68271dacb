//! What is set for this process: `highwater.toml`, and environment variables that override it for one run.

mod baseline;
pub(crate) mod known;
pub(crate) mod pattern;
pub(crate) mod rules;
pub(crate) mod time;

use std::env;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use baseline::Baseline;
use rules::{Blocks, By, Hang, Policy, Rule, Section, Which};

/// `all`, `marked` or `off`.
pub(crate) const CHECK: &str = "HIGHWATER_LEAKTEST";
/// A time such as `2s`.
pub(crate) const GRACE: &str = "HIGHWATER_LEAKTEST_GRACE";
/// A time such as `20s`, or `off`.
pub(crate) const HANG: &str = "HIGHWATER_LEAKTEST_HANG";
/// A directory for reports as JSON, one of each process.
pub(crate) const JSON: &str = "HIGHWATER_LEAKTEST_JSON";
/// A directory of such reports whose leaks are known.
pub(crate) const BASELINE: &str = "HIGHWATER_LEAKTEST_BASELINE";
/// `test` or `site`.
pub(crate) const BASELINE_BY: &str = "HIGHWATER_LEAKTEST_BASELINE_BY";
/// Set to `true` by GitHub for every step of a workflow.
const GITHUB: &str = "GITHUB_ACTIONS";

/// How long threads are waited for.
const DEFAULT_GRACE: Duration = Duration::from_millis(500);
/// How long threads are waited for that are still busy.
const DEFAULT_BUSY_GRACE: Duration = Duration::from_secs(5);
/// From when on a test that sleeps is said to hang.
const DEFAULT_HANG: Duration = Duration::from_secs(20);

/// The settings.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) which: Which,
    pub(crate) blocks: Blocks,
    pub(crate) descriptors: Policy,
    pub(crate) children: Policy,
    pub(crate) grace: Duration,
    pub(crate) busy_grace: Duration,
    /// After which time a test that sleeps is said to hang.
    pub(crate) hang: Hang,
    pub(crate) rules: Vec<Rule>,
    pub(crate) baseline: Baseline,
    pub(crate) json_directory: Option<PathBuf>,
    pub(crate) annotates: bool,
    /// What could not be read, in words. The run fails with it.
    pub(crate) faults: Vec<String>,
}

/// The settings of this process, read once.
pub(crate) fn settings() -> &'static Settings {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
        let mut faults = Vec::new();
        let section = rules::load().unwrap_or_else(|fault| {
            faults.push(fault.to_string());
            Section::default()
        });
        Settings::new(section, faults, |name| env::var_os(name).map(|it| it.to_string_lossy().into_owned()))
    });
    &SETTINGS
}

impl Settings {
    fn new(section: Section, mut faults: Vec<String>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|it| !it.is_empty());
        let which = match variable(CHECK).as_deref() {
            None => section.check,
            Some("all") => Some(Which::All),
            Some("marked") => Some(Which::Marked),
            Some("off") => Some(Which::Off),
            Some(other) => {
                faults.push(format!("{CHECK}={other}: expected all, marked or off"));
                None
            }
        };
        let grace = variable(GRACE).and_then(|text| {
            let grace = time::parse(&text);
            if grace.is_none() {
                faults.push(format!("{GRACE}={text}: expected a time such as 500ms or 2s"));
            }
            grace
        });
        let hang = variable(HANG).and_then(|text| {
            let hang = Hang::parse(&text);
            if hang.is_none() {
                faults.push(format!("{HANG}={text}: expected a time such as 20s, or off"));
            }
            hang
        });
        let by = match variable(BASELINE_BY).as_deref() {
            None => section.baseline.by,
            Some("test") => Some(By::Test),
            Some("site") => Some(By::Site),
            Some(other) => {
                faults.push(format!("{BASELINE_BY}={other}: expected test or site"));
                None
            }
        };
        let baseline = match variable(BASELINE).map(PathBuf::from).or(section.baseline.directory) {
            None => Baseline::default(),
            Some(directory) => Baseline::read(&directory, by.unwrap_or_default()).unwrap_or_else(|fault| {
                faults.push(fault.to_string());
                Baseline::default()
            }),
        };
        Self {
            which: which.unwrap_or(Which::All),
            blocks: section.blocks.unwrap_or(Blocks::Asked),
            descriptors: section.descriptors.unwrap_or(Policy::Deny),
            children: section.children.unwrap_or(Policy::Deny),
            grace: grace.or(section.grace).unwrap_or(DEFAULT_GRACE),
            busy_grace: section.busy_grace.unwrap_or(DEFAULT_BUSY_GRACE),
            hang: hang.or(section.hang).unwrap_or(Hang::After(DEFAULT_HANG)),
            rules: section.allow,
            baseline,
            // From the root: a test may change the directory before the report is written.
            json_directory: variable(JSON).map(|it| std::path::absolute(&it).unwrap_or_else(|_| it.into())),
            annotates: variable(GITHUB).as_deref() == Some("true"),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Settings {
        let section = Section { grace: Some(Duration::from_secs(1)), ..Section::default() };
        Settings::new(section, vec![], |name| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_override_the_file() {
        let file = with(&[(CHECK, ""), (GITHUB, "false")]);
        assert_eq!((file.which, file.grace, file.annotates), (Which::All, Duration::from_secs(1), false));
        assert_eq!((file.hang, with(&[(HANG, "off")]).hang), (Hang::After(DEFAULT_HANG), Hang::Never));
        let both = with(&[(CHECK, "marked"), (GRACE, "9ms"), (GITHUB, "true"), (JSON, "out")]);
        assert_eq!((both.which, both.grace, both.annotates), (Which::Marked, Duration::from_millis(9), true));
        assert_eq!(both.json_directory, Some(std::env::current_dir().unwrap().join("out")));
        assert_eq!(both.faults, [""; 0]);
    }

    #[test]
    fn the_file_may_name_a_baseline() {
        let known = rules::KnownLeaks { by: Some(By::Site), directory: Some("/no/such/one".into()) };
        let section = Section { baseline: known, ..Section::default() };
        let faults = Settings::new(section, vec![], |_| None).faults;
        assert!(faults.len() == 1 && faults[0].contains("/no/such/one"), "{faults:?}");
    }

    #[test]
    fn what_cannot_be_read_is_a_fault() {
        let variables = [
            (CHECK, "of"),
            (GRACE, "9"),
            (HANG, "ever"),
            (BASELINE_BY, "line"),
            (BASELINE, "/no/such/directory"),
        ];
        let faults = with(&variables).faults;
        assert_eq!(faults.len(), 5);
        assert!(faults[0].contains("expected all, marked or off"), "{faults:?}");
        assert!(faults[1].contains("expected a time"), "{faults:?}");
        assert!(faults[2].contains("a time such as 20s, or off"), "{faults:?}");
        assert!(faults[3].contains("BASELINE_BY=line: expected test or site"), "{faults:?}");
        assert!(faults[4].contains("/no/such/directory"), "{faults:?}");
    }
}
