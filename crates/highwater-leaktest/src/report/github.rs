//! Leaks as annotations of a GitHub workflow: a line on stderr that the runner puts beside the line of code.

use std::env;
use std::path::Path;

use crate::finding::{Kind, Leak, Origin};

/// One line for each leak.
pub(crate) fn annotations(leaks: &[Leak]) -> String {
    let workspace = env::var("GITHUB_WORKSPACE").unwrap_or_default();
    leaks.iter().map(|leak| annotation(leak, &workspace)).collect()
}

fn annotation(leak: &Leak, workspace: &str) -> String {
    let mut place = String::new();
    if let Some(site) = leak.site().filter(|it| it.origin == Origin::Own)
        && let Some(file) = &site.file
    {
        let file = Path::new(file).strip_prefix(workspace).unwrap_or(Path::new(file));
        place = format!("file={},", property(&file.display().to_string()));
        if let Some(line) = site.line {
            place += &format!("line={line},");
        }
    }
    let (kind, name) = match leak.kind {
        Kind::Thread => ("thread", format!("{:?}", leak.name)),
        Kind::Task => ("task", leak.name.clone()),
    };
    let title = property(&format!("{} left a {kind} alive", leak.test));
    let message =
        data(&format!("{kind} {name} was started here and did not end within {} ms", leak.waited_ms));
    format!("::error {place}title={title}::{message}\n")
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
    use crate::finding::{Activity, Frame};

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
                file: Some("/work/src/a,b.rs".to_owned()),
                line: Some(4),
                origin: Origin::Own,
            }],
            now: vec![],
        };
        assert_eq!(
            annotation(&leak, "/work"),
            "::error file=src/a%2Cb.rs,line=4,title=tests%3A%3Aa left a thread alive::\
             thread \"100%25\\n::x\" was started here and did not end within 500 ms\n"
        );
        let nowhere = annotation(&Leak { spawned: vec![], ..leak }, "/work");
        assert!(nowhere.starts_with("::error title="), "{nowhere}");
    }
}
