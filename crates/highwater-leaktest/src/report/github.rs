//! Findings as annotations of a GitHub workflow: a line on stderr that the runner puts beside the line of
//! code. GitHub shows few annotations of a step, so there is one for each line of code, whatever the number
//! of tests, of what they left, and of processes: cargo-nextest runs each test in one of its own.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::phrases::count;
use super::{group, memory};
use crate::finding::{Activity, Excess, Findings, Frame, Kind, Leak, Origin, innermost_own};

/// How many tests are named.
const MOST_TESTS: usize = 20;
/// A directory that GitHub empties when a job begins.
const JOB: &str = "RUNNER_TEMP";

/// Something that has a place.
#[derive(Clone, Copy)]
enum Finding<'a> {
    Leak(&'a Leak),
    Excess(&'a Excess),
}

impl<'a> Finding<'a> {
    fn leak(&self) -> Option<&'a Leak> {
        if let Self::Leak(leak) = self { Some(leak) } else { None }
    }

    fn excess(&self) -> Option<&'a Excess> {
        if let Self::Excess(excess) = self { Some(excess) } else { None }
    }

    fn calls(&self) -> &'a [Frame] {
        match self {
            Self::Leak(leak) => &leak.spawned,
            Self::Excess(excess) => excess.sites.first().map_or(&[], |it| &it.allocated),
        }
    }
}

/// One line for each place where something was started that is left, or where most was allocated for a limit
/// that was not kept.
pub(crate) fn annotations(findings: &Findings) -> String {
    let workspace = env::var("GITHUB_WORKSPACE").unwrap_or_default();
    let job = env::var_os(JOB).filter(|it| !it.is_empty()).map(PathBuf::from);
    new_annotations(findings, &workspace, job.as_deref())
}

/// Annotations of places that no other process of the job has annotated.
fn new_annotations(findings: &Findings, workspace: &str, job: Option<&Path>) -> String {
    let leaks = findings.leaks.iter().map(Finding::Leak);
    let all = leaks.chain(findings.memory.iter().map(Finding::Excess));
    let groups = group::by_place(all, Finding::calls);
    let are_new = |found: &&Vec<Finding<'_>>| {
        let place = place(site(found), workspace);
        place.is_empty() || job.is_none_or(|job| is_first(job, &place))
    };
    groups.iter().filter(are_new).map(|it| annotation(it, workspace)).collect()
}

/// Whether no other process of this job has annotated this place.
fn is_first(job: &Path, place: &str) -> bool {
    let directory = job.join("highwater-leaktest-annotations");
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    let claim = directory.join(format!("{:016x}", hasher.finish()));
    // One process can make a directory.
    let made = fs::create_dir_all(&directory).and_then(|()| fs::create_dir(claim));
    // Where nothing can be written, an annotation too many is better than none.
    made.map_or_else(|error| error.kind() != ErrorKind::AlreadyExists, |()| true)
}

/// What was found at one place.
fn annotation(found: &[Finding<'_>], workspace: &str) -> String {
    let leaks: Vec<&Leak> = found.iter().filter_map(Finding::leak).collect();
    let excesses: Vec<&Excess> = found.iter().filter_map(Finding::excess).collect();
    let (mut titles, mut messages) = (Vec::new(), Vec::new());
    if let Some(first) = leaks.first() {
        let tests: BTreeSet<&str> = leaks.iter().map(|it| it.test.as_str()).collect();
        let (kind, began) = match first.kind {
            Kind::Thread => ("thread", "was started here and did not end"),
            Kind::Task => ("task", "was started here and did not end"),
            Kind::Descriptor => ("descriptor", "was opened here and was not closed"),
            Kind::Child if first.activity == Activity::Zombie => {
                ("child process", "was started here, has ended, and was not waited for")
            }
            Kind::Child => ("child process", "was started here and did not end"),
        };
        let left = if leaks.len() == 1 { format!("a {kind}") } else { group::number(&leaks) };
        let is_only = |kinds: &[Kind]| leaks.iter().all(|it| kinds.contains(&it.kind));
        let how = match () {
            () if is_only(&[Kind::Thread, Kind::Task]) => "alive",
            () if is_only(&[Kind::Descriptor]) => "open",
            () => "behind",
        };
        titles.push(format!("{} left {left} {how}", who(&tests)));
        let name = match (first.kind, first.name.as_str()) {
            (Kind::Thread, name) => format!("thread {name:?}"),
            (Kind::Task, "") => "a task".to_owned(),
            (Kind::Task, name) => format!("task {name}"),
            (Kind::Descriptor, name) => name.to_owned(),
            (Kind::Child, name) => format!("`{name}`"),
        };
        messages.push(match leaks.len() {
            1 => format!("{name} {began} within {} ms", first.waited_ms),
            _ if is_only(&[Kind::Descriptor]) => format!(
                "{} were opened here and were not closed in time, for example {name} within {} ms{}",
                group::number(&leaks),
                first.waited_ms,
                names(&tests)
            ),
            _ => format!(
                "{} were started here and did not end in time, for example {name} within {} ms{}",
                group::number(&leaks),
                first.waited_ms,
                names(&tests)
            ),
        });
    }
    if let Some(first) = excesses.first() {
        let tests: BTreeSet<&str> = excesses.iter().map(|it| it.test.as_str()).collect();
        titles.push(format!("{} used too much memory", who(&tests)));
        let headline = memory::headline(first);
        messages.push(match excesses.len() {
            1 => headline,
            number => format!("{number} limits not kept, for example {headline}{}", names(&tests)),
        });
    }
    error(&place(site(found), workspace), &titles.join(", "), &messages.join("\n"))
}

/// The call that what was found has in common.
fn site<'a>(found: &[Finding<'a>]) -> Option<&'a Frame> {
    found.first().and_then(|it| innermost_own(it.calls()))
}

/// One test by its name, or the number of several.
fn who(tests: &BTreeSet<&str>) -> String {
    match tests.first() {
        Some(one) if tests.len() == 1 => (*one).to_owned(),
        _ => count(tests.len(), "test"),
    }
}

/// The names of several tests, which the title has not.
fn names(tests: &BTreeSet<&str>) -> String {
    if tests.len() == 1 {
        return String::new();
    }
    let named: Vec<&str> = tests.iter().take(MOST_TESTS).copied().collect();
    let more = tests.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; tests: {}{more}", named.join(", "))
}

/// The file and the line of a call of the project's own, as properties of an annotation.
fn place(site: Option<&Frame>, workspace: &str) -> String {
    let site = site.filter(|it| it.origin == Origin::Own);
    let Some((site, file)) = site.and_then(|it| Some((it, it.file.as_ref()?))) else { return String::new() };
    let file = Path::new(file).strip_prefix(workspace).unwrap_or(Path::new(file));
    let line = site.line.map_or_else(String::new, |line| format!("line={line},"));
    format!("file={},{line}", property(&file.display().to_string()))
}

fn error(place: &str, title: &str, message: &str) -> String {
    format!("::error {place}title={}::{}\n", property(title), data(message))
}

/// A value in front of the second `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// What stands behind it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Activity;

    #[test]
    fn an_annotation_is_one_line_with_its_place() {
        let leak = Leak {
            test: "tests::a".to_owned(),
            kind: Kind::Thread,
            name: "100%\n::x".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 500,
            parent: None,
            id: None,
            spawned: vec![Frame {
                function: "f".to_owned(),
                file: Some("/home/me/src/a,b.rs".to_owned()),
                line: Some(4),
                origin: Origin::Own,
            }],
            now: vec![],
        };
        assert_eq!(
            annotation(&[Finding::Leak(&leak)], "/home/me"),
            "::error file=src/a%2Cb.rs,line=4,title=tests%3A%3Aa left a thread alive::\
             thread \"100%25\\n::x\" was started here and did not end within 500 ms\n"
        );
        let nowhere = Leak { spawned: vec![], ..leak };
        let nowhere = annotation(&[Finding::Leak(&nowhere)], "/home/me");
        assert!(nowhere.starts_with("::error title="), "{nowhere}");
    }

    #[test]
    fn a_line_of_source_has_one_annotation() {
        let frame = |line| Frame::at("mine::start", "src/a.rs", line, Origin::Own);
        let leak = |test: &str, kind, line| Leak {
            test: test.to_owned(),
            kind,
            name: "kid".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 500,
            parent: None,
            id: None,
            spawned: vec![frame(line)],
            now: vec![],
        };
        let excess = |test: &str| Excess {
            test: test.to_owned(),
            limit: crate::finding::Limit::Blocks,
            allowed: 1,
            found: 3,
            waited_ms: 0,
            sites: vec![crate::finding::ExcessSite {
                blocks: 3,
                bytes: 9,
                allocated: vec![frame(8)],
                container: None,
            }],
        };
        let mut leaks = vec![leak("a", Kind::Task, 7); 12];
        leaks.extend(vec![leak("b", Kind::Task, 7); 12]);
        leaks.push(leak("a", Kind::Thread, 7));
        leaks.push(leak("c", Kind::Thread, 8));
        let findings = Findings { leaks, memory: vec![excess("a"), excess("d")], ..Findings::default() };
        assert_eq!(
            new_annotations(&findings, "", None),
            "::error file=src/a.rs,line=7,title=2 tests left 1 thread and 24 tasks alive::1 thread and 24 tasks were started here \
             and did not end in time, for example task kid within 500 ms; tests: a, b\n\
             ::error file=src/a.rs,line=8,title=c left a thread alive%2C 2 tests used too much memory::thread \"kid\" was started \
             here and did not end within 500 ms%0A2 limits not kept, for example 3 blocks allocated, 2 above max_blocks = 1; \
             tests: a, d\n"
        );
        let many: Vec<Leak> = (0..30).map(|it| leak(&format!("t{it}"), Kind::Task, 7)).collect();
        let many = Findings { leaks: many, ..Findings::default() };
        let said = new_annotations(&many, "", None);
        assert!(said.lines().count() == 1 && said.ends_with(" and 10 more\n"), "{said}");
        // Another process of the same job.
        let job = tempfile::tempdir().unwrap();
        assert_eq!(new_annotations(&many, "", Some(job.path())), said);
        let again = new_annotations(&findings, "", Some(job.path()));
        assert!(again.lines().count() == 1 && again.contains("line=8,"), "{again}");
        let nowhere = job.path().join("file");
        fs::write(&nowhere, "").unwrap();
        assert_eq!(new_annotations(&many, "", Some(&nowhere)), said, "nothing can be written there");
    }
}
