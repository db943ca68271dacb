//! Leaks as annotations of a GitHub workflow: a line on stderr that the runner puts beside the line of code.

use std::env;
use std::path::Path;

use crate::finding::{Findings, Frame, Kind, Leak, Origin};
use crate::memory;

/// One line for each leak, and for each limit that was not kept.
pub(crate) fn annotations(findings: &Findings) -> String {
    let workspace = env::var("GITHUB_WORKSPACE").unwrap_or_default();
    let threads = findings.leaks.iter().map(|leak| annotation(leak, &workspace));
    let memory = findings.memory.iter().map(|excess| {
        let title = format!("{} used too much memory", excess.test);
        error(excess.site(), &workspace, &title, &memory::headline(excess))
    });
    threads.chain(memory).collect()
}

fn annotation(leak: &Leak, workspace: &str) -> String {
    let (kind, name) = match leak.kind {
        Kind::Thread => ("thread", format!("{:?}", leak.name)),
        Kind::Task => ("task", leak.name.clone()),
    };
    let message = format!("{kind} {name} was started here and did not end within {} ms", leak.waited_ms);
    error(leak.site(), workspace, &format!("{} left a {kind} alive", leak.test), &message)
}

fn error(site: Option<&Frame>, workspace: &str, title: &str, message: &str) -> String {
    let mut place = String::new();
    if let Some(site) = site.filter(|it| it.origin == Origin::Own)
        && let Some(file) = &site.file
    {
        let file = Path::new(file).strip_prefix(workspace).unwrap_or(Path::new(file));
        place = format!("file={},", property(&file.display().to_string()));
        if let Some(line) = site.line {
            place += &format!("line={line},");
        }
    }
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
            spawned: vec![Frame {
                function: "f".to_owned(),
                file: Some("/home/me/src/a,b.rs".to_owned()),
                line: Some(4),
                origin: Origin::Own,
            }],
            now: vec![],
        };
        assert_eq!(
            annotation(&leak, "/home/me"),
            "::error file=src/a%2Cb.rs,line=4,title=tests%3A%3Aa left a thread alive::\
             thread \"100%25\\n::x\" was started here and did not end within 500 ms\n"
        );
        let nowhere = annotation(&Leak { spawned: vec![], ..leak }, "/home/me");
        assert!(nowhere.starts_with("::error title="), "{nowhere}");
    }
}
