//! What the corpus says of itself: the threads that each test leaves, and the lines that start them.

use std::collections::BTreeMap;
use std::fs;

use crate::build;
use crate::run::{Leak, Program};

/// By the name of the test's function.
pub type Expected = BTreeMap<String, Case>;

/// A test, and what it leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    pub file: String,
    pub left: Vec<Left>,
}

/// Threads or tasks that are left by a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// As the harness calls it.
    pub kind: &'static str,
    /// The name of a thread; a part of the type of a task's future, or nothing for any; the beginning of what
    /// a descriptor leads to; a child's command.
    pub name: String,
    pub file: String,
    pub line: u32,
    pub count: usize,
}

impl Left {
    /// Whether what was found is this.
    pub fn is(&self, leak: &Leak) -> bool {
        let is_named =
            // Types are known by debug information, or by names of the symbol table that have them.
            match self.kind {
                "task" => leak.name.contains(&self.name) || !build::has_lines(),
                "descriptor" => {
                    let (begin, rest) = self.name.split_once('*').unwrap_or((&self.name, ""));
                    leak.name.strip_prefix(begin).is_some_and(|it| it.contains(rest))
                }
                _ => leak.name == self.name,
            };
        leak.kind == self.kind && is_named
    }
}

/// Every test that leaks, and with no threads every test that does not.
pub fn of(program: Program) -> Expected {
    let mut expected = Expected::new();
    for entry in fs::read_dir(build::directory().join("cases")).expect("the corpus has cases") {
        let path = entry.expect("its directory can be read").path();
        if path.is_dir() {
            continue;
        }
        let file = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if file == "trivial.rs" || (file == "marked.rs") != (program == Program::Marked) {
            continue;
        }
        read(&fs::read_to_string(&path).expect("a case can be read"), &file, &mut expected);
    }
    assert!(expected.len() > 10, "the corpus has shrunk to {}", expected.len());
    expected
}

fn read(text: &str, file: &str, expected: &mut Expected) {
    let mut test = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = test_name(line) {
            expected.insert(name.clone(), Case { file: file.to_owned(), left: Vec::new() });
            test = Some(name);
        }
        let leaks = line.split_once("// leak: ").map_or("", |(_, leaks)| leaks);
        for leak in leaks.split(", ").filter(|it| !it.is_empty()) {
            let (name, count) = leak
                .split_once(" × ")
                .map_or((leak, 1), |(name, count)| (name, count.parse().expect("behind × stands a number")));
            let line = u32::try_from(index + 1).expect("a case is short");
            let kinds = [("task", "task"), ("fd ", "descriptor"), ("child ", "child")];
            let of_kind = |(prefix, kind): (&str, _)| Some((kind, name.strip_prefix(prefix)?.trim()));
            let (kind, name) = kinds.into_iter().find_map(of_kind).unwrap_or(("thread", name));
            let (name, file) = (name.to_owned(), file.to_owned());
            let thread = Left { kind, name, file, line, count };
            let test = test.as_ref().expect("a leak stands in a test");
            expected.get_mut(test).expect("it was put there").left.push(thread);
        }
    }
    for (name, case) in expected {
        assert_eq!(name.starts_with("leak_"), !case.left.is_empty(), "{name} is not what it is called");
    }
}

/// The test that begins on this line, `fn NAME` or `generated!(NAME`.
pub fn test_name(line: &str) -> Option<String> {
    let begin = ["leak_", "clean_"].iter().filter_map(|it| line.find(it)).min()?;
    let (before, name) = line.split_at(begin);
    let is_definition = before.ends_with("fn ") || before.ends_with("generated!(");
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    is_definition.then(|| name[..end].to_owned())
}
