//! The files for operators in `docs/deploy`, each checked with the program that it is for, if that can be
//! installed.

mod boxes;
mod dashboard;
mod prometheus;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The root of the repository.
fn top() -> PathBuf {
    highwater_tests::repository().to_owned()
}

/// One of the files.
fn file(name: &str) -> String {
    let path = top().join("docs/deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A program that `cargo xtask test` installs with pip.
fn python(program: &str) -> Command {
    let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients");
    Command::new(clients.join("python/bin").join(program))
}

/// The output of a program that reads this text from its standard input.
fn fed(command: &mut Command, text: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask test` installs what the tests need",
            command.get_program().display()
        )
    });
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The documents in a YAML file.
fn yaml(text: &str) -> Vec<Value> {
    let script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
    let output = fed(python("python3").args(["-c", script]), text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_page_names_every_file_and_no_other() {
    let page = file("README.md");
    let files = fs::read_dir(top().join("docs/deploy")).unwrap();
    let mut files: Vec<_> = files.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|it| it != "README.md");
    let links: Vec<_> = page.split("](").skip(1).map(|it| it.split(')').next().unwrap()).collect();
    for name in &files {
        assert!(links.contains(&name.as_str()), "{name} is not on the page");
    }
    for link in links.iter().filter(|it| !it.contains('/')) {
        assert!(files.iter().any(|it| it == link), "{link} is not there");
    }
}
