//! The compiler refuses invalid arguments with a message that says what to write.

use std::collections::BTreeSet;
use std::fs;

use crate::build;

const FILE: &str = "programs/bad_arguments.rs";

/// The lines of a part of the program that must be refused, each with the expected message.
fn expected(part: &str) -> Vec<(usize, String)> {
    let text = fs::read_to_string(build::directory().join(FILE)).expect("the corpus has it");
    let begin = format!("#[cfg({part})]");
    let lines = text.lines().enumerate().skip_while(|(_, it)| *it != begin).take_while(|(_, it)| *it != "}");
    let marked =
        lines.filter_map(|(index, line)| Some((index + 1, line.split_once("// error: ")?.1.to_owned())));
    marked.collect()
}

/// The lines that the compiler refuses with this `cfg`, each with its message.
fn refused(part: &str) -> Vec<(usize, String)> {
    let words = ["rustc", "--message-format", "json"];
    let mut cargo = build::cargo_for(&words, &["bad_arguments"]);
    let output = cargo.args(["--profile", "test", "--", "--cfg", part]).output().expect("cargo starts");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = messages.lines().filter_map(|it| serde_json::from_str::<serde_json::Value>(it).ok());
    let refused = |it: serde_json::Value| {
        let message = &it["message"];
        let rendered = message["rendered"].as_str()?;
        let place = rendered.split_once("bad_arguments.rs:")?.1;
        let line = place.split(':').next()?.parse().ok()?;
        (message["level"] == "error")
            .then(|| (line, message["message"].as_str().unwrap_or_default().to_owned()))
    };
    messages.filter_map(refused).collect()
}

#[test]
fn invalid_arguments_are_refused() {
    for (part, least) in [("bad_arguments", 8), ("bad_values", 2)] {
        let (expected, refused) = (expected(part), refused(part));
        assert!(expected.len() >= least, "{expected:?}");
        for (line, words) in &expected {
            assert!(
                refused.iter().any(|(at, said)| at == line && said.contains(words)),
                "line {line}: {words:?} was not said, but {refused:?}"
            );
        }
        let lines = |all: &[(usize, String)]| all.iter().map(|it| it.0).collect::<BTreeSet<_>>();
        assert_eq!(lines(&expected), lines(&refused), "{refused:?}");
    }
}
