//! Which files may print, read, write, connect, start a program or end the process.
//!
//! [`LIST`] has each file that does so, once, with the reason. A call elsewhere is a finding. A line of the
//! list that nothing uses any more is a finding, too. Tests are free to do all of it.

use std::collections::BTreeMap;

use proc_macro2::TokenTree;
use serde::Deserialize;

use super::{calls, finding::Finding, tree::Tree};

/// Who may do what.
pub const LIST: &str = "xtask/src/tidy/powers.toml";

/// Something that only some files may do.
struct Power {
    name: &'static str,
    macros: &'static [&'static str],
    functions: &'static [&'static str],
    paths: calls::Paths,
    /// Calls that a name alone does not tell.
    other: fn(&[TokenTree]) -> Option<String>,
    /// What to do about a call in a file that may not.
    advice: &'static str,
}

const POWERS: &[Power] = &[
    Power {
        name: "print",
        macros: &["print", "println", "eprint", "eprintln"],
        functions: &["stdout", "stderr"],
        paths: &[],
        other: write_to_stream,
        advice: "return an error or an answer, and let the command print it",
    },
    Power {
        name: "read",
        macros: &[],
        functions: &[],
        paths: &[
            ("fs", &["read", "read_to_string", "read_dir", "read_link"]),
            ("File", &["open"]),
            ("libc", &["open", "open64", "openat", "fopen", "opendir", "readlink"]),
        ],
        other: nothing,
        advice: "ask the file that reads this kind of thing already",
    },
    Power {
        name: "write",
        macros: &[],
        functions: &[],
        paths: &[
            ("fs", &["write", "rename", "copy", "OpenOptions"]),
            ("File", &["create", "create_new", "options"]),
            ("OpenOptions", &["new"]),
            ("tempfile", &["tempfile", "tempdir", "Builder", "NamedTempFile", "TempDir"]),
        ],
        other: nothing,
        advice: "write by `highwater_profile::file`, which keeps devices and links and leaves no half of a file",
    },
    Power {
        name: "arrange",
        macros: &[],
        functions: &[],
        paths: &[
            (
                "fs",
                &["create_dir", "create_dir_all", "hard_link", "remove_dir", "remove_dir_all", "remove_file"],
            ),
            ("DirBuilder", &["new"]),
        ],
        other: nothing,
        advice: "let `highwater_profile::file` make and remove files and directories",
    },
    Power {
        name: "connect",
        macros: &[],
        functions: &[],
        paths: &[
            ("TcpStream", &["connect", "connect_timeout"]),
            ("UnixStream", &["connect"]),
            ("TcpListener", &["bind"]),
            ("StdTcpListener", &["bind"]),
            ("UnixListener", &["bind"]),
            ("Agent", &["new_with_config", "new_with_defaults", "with_parts"]),
            ("ureq", &["get", "post", "agent"]),
        ],
        other: nothing,
        advice: "connect where time, bytes and redirections are bounded already",
    },
    Power {
        name: "start",
        macros: &[],
        functions: &[],
        paths: &[("Command", &["new"]), ("MetadataCommand", &["new"])],
        other: nothing,
        advice: "start no program",
    },
    Power {
        name: "exit",
        macros: &[],
        functions: &[],
        paths: &[
            ("process", &["abort", "exit"]),
            ("libc", &["_exit", "abort", "exit", "kill", "quick_exit", "raise"]),
            ("low_level", &["abort", "emulate_default_handler", "exit", "raise"]),
        ],
        other: nothing,
        advice: "return an error: only a program's entry decides when the process ends",
    },
];

impl Power {
    /// The call of this kind at the start of these tokens. A function whose address is taken is not called.
    fn at(&self, tokens: &[TokenTree]) -> Option<String> {
        let is_address = matches!(tokens.get(4), Some(TokenTree::Ident(word)) if word == "as");
        calls::macro_call(tokens, self.macros)
            .or_else(|| calls::function(tokens, self.functions))
            .or_else(|| calls::path(tokens, self.paths).filter(|_| !is_address))
            .or_else(|| (self.other)(tokens))
    }
}

fn nothing(_: &[TokenTree]) -> Option<String> {
    None
}

/// `libc::write` to standard output or standard error by their numbers, at the start of these tokens.
fn write_to_stream(tokens: &[TokenTree]) -> Option<String> {
    let call = calls::path(tokens, &[("libc", &["write"])])?;
    let Some(TokenTree::Group(arguments)) = tokens.get(4) else { return None };
    let Some(TokenTree::Literal(number)) = arguments.stream().into_iter().next() else { return None };
    ["1", "2"].contains(&number.to_string().as_str()).then_some(call)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    place: Vec<Place>,
}

/// A file, what it may do, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    file: String,
    may: Vec<String>,
    why: String,
}

fn places(tree: &Tree) -> Result<Vec<Place>, Finding> {
    let text = tree.text(LIST).unwrap_or_default();
    let list: List = toml::from_str(text)
        .map_err(|error| Finding::new(LIST, 0, format!("correct the list: {}", error.message())))?;
    Ok(list.place)
}

/// Every call is in a file that may make it, and every line of the list has such a call.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let places = match places(tree) {
        Ok(places) => places,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let mut used = BTreeMap::<(&str, &str), bool>::new();
    for place in &places {
        for power in &place.may {
            if !POWERS.iter().any(|each| each.name == power) {
                let advice = format!("{}: there is no power `{power}`", place.file);
                findings.push(Finding::new(LIST, 0, advice));
            } else if used.insert((&place.file, power), false).is_some() {
                findings.push(Finding::new(LIST, 0, format!("{}: say `{power}` once", place.file)));
            }
        }
        if place.why.trim().len() < 10 {
            findings.push(Finding::new(LIST, 0, format!("{}: say why it may", place.file)));
        }
    }
    for source in calls::delivered(tree) {
        for power in POWERS {
            for (line, call) in calls::find(&source.text, &|tokens| power.at(tokens)) {
                if let Some(is_used) = used.get_mut(&(source.path.as_str(), power.name)) {
                    *is_used = true;
                } else {
                    let advice = format!(
                        "`{call}`: {}; or add the file to {LIST} with `{}` and the reason",
                        power.advice, power.name
                    );
                    findings.push(Finding::new(&source.path, line, advice));
                }
            }
        }
    }
    for ((file, power), _) in used.iter().filter(|(_, is_used)| !**is_used) {
        findings.push(Finding::new(LIST, 0, format!("{file} does not {power} any more: drop the line")));
    }
    findings
}

/// The list as a table, for the page about the house.
pub fn table(tree: &Tree) -> String {
    let mut text = String::from("| file | may | why |\n|---|---|---|\n");
    for Place { file, may, why } in places(tree).unwrap_or_default() {
        text.push_str(&format!("| `{file}` | {} | {why} |\n", may.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/b.rs";

    /// The findings over one source, and over a list that allows it `may`.
    fn found(path: &str, text: &str, may: &str) -> Vec<Finding> {
        let list = match may {
            "" => String::new(),
            may => format!("[[place]]\nfile = '{PATH}'\nmay = [{may}]\nwhy = 'the test says so'"),
        };
        check(&Tree::of(&[(path, text), (LIST, &list)], vec![]))
    }

    fn lines(text: &str) -> Vec<usize> {
        found(PATH, text, "").iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn each_power_is_found_where_it_is_not_given() {
        for (power, call) in [
            ("print", "println!()"),
            ("print", "eprint!(\"a\")"),
            ("print", "io::stdout()"),
            ("print", "std::io::stderr().lock()"),
            ("print", "libc::write(2, a, b)"),
            ("read", "fs::read(a)"),
            ("read", "a.map(std::fs::read_to_string)"),
            ("read", "File::open(a)"),
            ("read", "libc::open(a, b)"),
            ("write", "fs::write(a, b)"),
            ("write", "std::fs::File::create(a)"),
            ("write", "OpenOptions::new()"),
            ("write", "tempfile::tempfile()"),
            ("arrange", "fs::remove_file(a)"),
            ("connect", "std::net::TcpStream::connect(a)"),
            ("start", "std::process::Command::new(a)"),
            ("exit", "std::process::exit(1)"),
            ("exit", "libc::_exit(1)"),
        ] {
            let text = format!("//! a\nfn a() {{\n    x(|| {call});\n}}");
            let findings = found(PATH, &text, "");
            assert_eq!(findings.len(), 1, "{call}: {findings:?}");
            assert_eq!((findings[0].path.as_str(), findings[0].line), (PATH, 3), "{call}");
            assert!(findings[0].advice.contains(&format!("with `{power}`")), "{findings:?}");
            assert_eq!(found(PATH, &text, &format!("'{power}'")), [], "{call}");
        }
    }

    #[test]
    fn imports_and_macros_are_searched_too() {
        let text =
            "//! a\nuse std::fs::{self, rename};\nuse std::process::exit;\nfn a() { vec![fs::read(a)] }";
        assert_eq!(lines(text), [4, 2, 3]);
    }

    #[test]
    fn other_calls_words_tests_and_addresses_pass() {
        let text = "//! fs::write\nfn a() { PidFile::open(a); child.stdout; libc::write(pipe, a, b); \"fs::write\"; \
            abort(libc::abort as fn() -> !) }\n#[cfg(test)]\nmod tests {\n    fn b() { fs::write(a, b) }\n}\n\
            #[cfg(all(test, unix))]\nmod more;\n";
        assert_eq!(lines(text), [0; 0]);
        assert_eq!(found("crates/a/tests/b.rs", "//! a\nfn a() { fs::write(a, b) }", ""), []);
        assert_eq!(
            lines("//! a\n#[cfg(test)]\nmod tests;\n#[cfg(not(test))]\nfn a() { fs::write(a, b) }"),
            [5]
        );
    }

    #[test]
    fn a_line_that_nothing_uses_is_found() {
        let reads = "//! a\nfn a() { fs::read(a) }";
        assert_eq!(found(PATH, reads, "'read'"), []);
        assert_eq!(found(PATH, reads, "'read', 'write'").len(), 1);
        let gone = found("crates/a/src/c.rs", "//! c", "'read'");
        assert!(gone.len() == 1 && gone[0].advice.contains("drop the line"), "{gone:?}");
    }

    #[test]
    fn a_list_that_makes_no_sense_is_found() {
        let reads = "//! a\nfn a() { fs::read(a) }";
        assert_eq!(found(PATH, reads, "'read', 'read'").len(), 1, "twice");
        assert_eq!(found(PATH, reads, "'read', 'fly'").len(), 1, "no such power");
        let list = |text: &str| check(&Tree::of(&[(PATH, reads), (LIST, text)], vec![]));
        assert_eq!(list("[[place]]\nfile = 'a'").len(), 1);
        let text = format!("[[place]]\nfile = '{PATH}'\nmay = ['read']\nwhy = ''");
        assert_eq!(list(&text).len(), 1, "no reason");
    }
}
