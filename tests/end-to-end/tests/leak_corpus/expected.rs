//! What the corpus says of itself: which threads of which tests are left, and on which lines they are started.

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
    /// The name of a thread; a part of the type of a task's future, or nothing for any.
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
            if self.kind == "task" { leak.name.contains(&self.name) || !build::has_lines() } else { leak.name == self.name };
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
            let (kind, name) =
                name.strip_prefix("task").map_or(("thread", name), |name| ("task", name.trim()));
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
