//! The example of docs/LEAKTEST.md: the leaking and the fixed service are run, and compared with the page's
//! text.

use std::fs;
use std::process::Command;

use crate::build;
use crate::run;

/// The exit code and the output of a test program of the example.
pub fn tell(program: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(build::program(program));
    command.current_dir(build::directory());
    run::clear(&mut command);
    command.envs(variables.iter().copied());
    let output = command.arg("--test-threads=1").output().expect("the program starts");
    (
        output.status.code(),
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat(),
    )
}

fn guide() -> String {
    let path = highwater_tests::repository().join("docs/LEAKTEST.md");
    fs::read_to_string(path).expect("the guide can be read")
}

/// A text without its numbers of milliseconds.
fn without_times(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    for place in 1..words.len() {
        if words[place].starts_with("ms)") && words[place - 1].bytes().all(|it| it.is_ascii_digit()) {
            words[place - 1] = "N";
        }
    }
    words.join(" ")
}

/// The source of a program's handler.
fn handler(program: &str) -> String {
    let path = build::directory().join(format!("guide/{program}.rs"));
    let text = fs::read_to_string(path).expect("the program's source can be read");
    let begin = text.find("async fn report").expect("it has the handler");
    let end = text[begin..].find("\n}\n").expect("the handler ends");
    text[begin..begin + end + 2].to_owned()
}

#[test]
fn the_leaking_service_fails_as_the_guide_says() {
    let (code, said) = tell("guide_leaking", &[]);
    assert_eq!(code, Some(101), "{said}");
    let begin = said.find("LEAK ").unwrap_or_else(|| panic!("{said}"));
    let end = said[begin..].find("))]\n").expect("it shows the attribute that allows it");
    let report = without_times(&said[begin..begin + end]);
    assert!(report.contains("  3 tasks  for example ") && report.contains("  fix: "), "{report}");
    let guide = guide();
    assert!(without_times(&guide).contains(&report), "docs/LEAKTEST.md does not show this:\n{report}");
    assert!(guide.contains(&handler("leaking")), "docs/LEAKTEST.md does not show the handler as it is");
}

#[test]
fn the_mended_service_passes() {
    let (code, said) = tell("guide_fixed", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("LEAK") && said.contains("1 passed"), "{said}");
    assert!(guide().contains(&handler("fixed")), "docs/LEAKTEST.md does not show the handler as it is");
}
