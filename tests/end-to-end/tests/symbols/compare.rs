//! Binaries with debug information inside or split off, compared address by address.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSymbol};

use crate::programs::{cpp, rust, tool};
use crate::subject::{Place, Subject, only};

/// Number of addresses that are looked up in each program.
const SAMPLED: u64 = 3000;

/// `llvm-symbolizer`'s answer for each address, innermost first.
fn expected(binary: &Path, addresses: &[u64]) -> Vec<Vec<Place>> {
    let directory = binary.parent().unwrap();
    let mut list = String::new();
    for address in addresses {
        writeln!(list, "{address:#x}").unwrap();
    }
    fs::write(directory.join("addresses"), list).unwrap();
    let line = format!(
        "llvm-symbolizer --no-demangle --functions=linkage --inlines --obj={} @addresses",
        binary.display()
    );
    blocks(&tool(directory, &line))
}

/// Blocks of a function's line and a place's line, each ended by an empty line.
fn blocks(text: &str) -> Vec<Vec<Place>> {
    let known = |text: &str| if text == "??" { String::new() } else { text.to_owned() };
    let mut all = Vec::new();
    for block in text.split("\n\n").filter(|it| !it.trim().is_empty()) {
        let lines: Vec<&str> = block.trim_start().lines().collect();
        let places = lines.chunks(2).map(|pair| {
            let mut parts = pair[1].rsplitn(3, ':');
            let line = parts.nth(1).unwrap().parse().unwrap();
            Place { symbol: known(pair[0]), name: String::new(), file: known(parts.next().unwrap()), line }
        });
        all.push(places.collect());
    }
    all
}

/// Checks that symbols, files and lines are equal for every address, and that the names are the same as in
/// binutils.
#[track_caller]
fn assert_equal_to_the_tools(binary: &Path, subject: &Subject) {
    let found = subject.places();
    let expected = expected(binary, &subject.addresses);
    assert_eq!(found.len(), expected.len());
    let table = Table::read(binary);
    let mut differences = Vec::new();
    let mut with_lines = 0;
    let mut inlined = 0;
    for ((address, found), expected) in subject.addresses.iter().zip(&found).zip(&expected) {
        with_lines += usize::from(found.iter().any(|it| it.line > 0));
        inlined += usize::from(found.len() > 1);
        let expected: Vec<&Place> =
            expected.iter().filter(|it| !(it.symbol.is_empty() && it.file.is_empty())).collect();
        if !table.agree(found, &expected) {
            differences.push(format!("{address:#x}\n  found    {found:?}\n  expected {expected:?}"));
        }
    }
    let shown = &differences[..differences.len().min(5)];
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), found.len(), shown.join("\n"));
    assert!(with_lines * 2 > found.len() && inlined * 10 > found.len(), "{with_lines} {inlined}");
}

/// The binary's symbol table, for places where two tools may differ.
struct Table {
    addresses: HashMap<String, u64>,
    /// Functions whose size is not stated, such as those written in assembly.
    without_size: HashSet<String>,
}

impl Table {
    fn read(binary: &Path) -> Self {
        let bytes = fs::read(binary).unwrap();
        let object = object::File::parse(&*bytes).unwrap();
        let name = |it: &object::Symbol<'_, '_>| it.name().unwrap().to_owned();
        Self {
            addresses: object.symbols().map(|it| (name(&it), it.address())).collect(),
            without_size: object.symbols().filter(|it| it.size() == 0).map(|it| name(&it)).collect(),
        }
    }

    fn agree(&self, found: &[Place], expected: &[&Place]) -> bool {
        match (found, expected) {
            // The other tool takes the nearest symbol before an address, even if the symbol's size does not
            // reach so far.
            ([], [guess]) => guess.line == 0 && self.without_size.contains(&guess.symbol),
            // The other tool names the object file if the source is unknown.
            ([found], [expected]) if found.line == 0 && found.file.is_empty() => {
                expected.line == 0 && self.is_same_function(&found.symbol, &expected.symbol)
            }
            _ => {
                found.len() == expected.len()
                    && found.iter().zip(expected).all(|(found, expected)| {
                        (&found.file, found.line) == (&expected.file, expected.line)
                            && self.is_same_function(&found.symbol, &expected.symbol)
                    })
            }
        }
    }

    /// A function has several names if the linker folded equal functions, and parts of a function have names
    /// with a suffix.
    fn is_same_function(&self, found: &str, expected: &str) -> bool {
        let plain = |name: &str| name.split_once('.').map_or(name, |it| it.0).to_owned();
        let address = |name: &str| self.addresses.get(name);
        plain(found) == plain(expected) || address(found).is_some_and(|it| Some(it) == address(expected))
    }
}

fn symbolized(binary: &Path) -> Subject {
    let mut subject = Subject::new(binary, SAMPLED);
    let summary = subject.run(&only(&[]));
    assert_eq!(summary.missing().count(), 0);
    subject
}

/// Checks that the names equal the names in binutils, compared by `same`.
#[track_caller]
fn assert_names_equal_to_binutils(binary: &Path, subject: &Subject, same: impl Fn(&str, &str) -> bool) {
    let directory = binary.parent().unwrap();
    let line = format!(
        "addr2line --functions --demangle --inlines --addresses --exe={} @addresses",
        binary.display()
    );
    let text = tool(directory, &line);
    let mut expected: Vec<Vec<&str>> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("0x") {
            expected.push(Vec::new());
        } else {
            expected.last_mut().unwrap().push(line);
            lines.next();
        }
    }
    let found = subject.places();
    assert_eq!(found.len(), expected.len());
    let table = Table::read(binary);
    let mut compared = 0;
    let mut differences = HashSet::new();
    for (found, expected) in found.iter().zip(&expected).filter(|(found, it)| found.len() == it.len()) {
        for (found, expected) in found.iter().zip(expected) {
            compared += 1;
            if !same(&found.name, expected) && !table.addresses.contains_key(&found.symbol) {
                differences.insert(format!(
                    "  found    {}\n  expected {expected}\n  symbol {}",
                    found.name, found.symbol
                ));
            }
        }
    }
    let differences: Vec<String> = differences.into_iter().collect();
    assert!(differences.is_empty(), "{} of {compared}:\n{}", differences.len(), differences.join("\n"));
    assert!(compared > found.len() / 2, "{compared}");
}

/// C++ names without arguments: tools spell template arguments differently, and have no common spelling for
/// some.
fn same_cpp(found: &str, expected: &str) -> bool {
    let path = |name: &str| {
        let mut depth = 0;
        let mut path = String::new();
        for letter in name.chars() {
            depth += i32::from(matches!(letter, '<' | '('));
            if depth == 0 {
                path.push(letter);
            }
            depth -= i32::from(matches!(letter, '>' | ')'));
        }
        // The text before the last space is the type of the result.
        path.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    // A name that the demangler does not know stays unchanged, which is right although unreadable.
    path(found) == path(expected) || found.starts_with("_ZSt14__relocate_a")
}

#[test]
fn rust_in_the_current_mangling() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "-C symbol-mangling-version=v0");
    let subject = symbolized(&binary);
    assert_equal_to_the_tools(&binary, &subject);
    // The other tool puts brackets around a type with methods, and shows the default allocator.
    let plain = |name: &str| name.replace(", alloc::alloc::Global>", ">").replace(['<', '>'], "");
    assert_names_equal_to_binutils(&binary, &subject, |found, expected| plain(found) == plain(expected));
}

#[test]
fn rust_in_the_older_mangling() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "-Z unstable-options -C symbol-mangling-version=legacy");
    let subject = symbolized(&binary);
    assert!(subject.places().concat().iter().any(|it| it.symbol.starts_with("_ZN4demo")));
    assert_equal_to_the_tools(&binary, &subject);
    assert_names_equal_to_binutils(&binary, &subject, same_function);
}

/// Function names without the arguments that the legacy mangling lacks, and without the numbers of closures.
fn same_function(found: &str, expected: &str) -> bool {
    let last = |name: &str| {
        let mut depth = 0_usize;
        let mut plain = String::new();
        for letter in name.replace("->", "").chars() {
            depth += usize::from(letter == '<');
            if depth == 0 && !letter.is_ascii_digit() && !matches!(letter, '{' | '}' | '#') {
                plain.push(letter);
            }
            depth -= usize::from(letter == '>' && depth > 0);
        }
        plain.rsplit("::").find(|it| !it.is_empty()).unwrap_or_default().to_owned()
    };
    last(found) == last(expected)
}

#[test]
fn cpp_with_templates_and_inlined_calls() {
    let directory = tempfile::tempdir().unwrap();
    let binary = cpp(directory.path(), "");
    let subject = symbolized(&binary);
    assert_equal_to_the_tools(&binary, &subject);
    assert_names_equal_to_binutils(&binary, &subject, same_cpp);
}

#[test]
fn compressed_debug_sections() {
    let directory = tempfile::tempdir().unwrap();
    let binary = rust(directory.path(), "");
    let plain = symbolized(&binary).places();
    for format in ["zlib", "zlib-gnu", "zstd"] {
        tool(directory.path(), &format!("objcopy --compress-debug-sections={format} demo packed"));
        assert!(
            fs::metadata(directory.path().join("packed")).unwrap().len()
                < fs::metadata(&binary).unwrap().len()
        );
        assert_eq!(symbolized(&directory.path().join("packed")).places(), plain, "{format}");
    }
}

/// Rust's split debug information in one file or many, compared with complete debug information inside the
/// binary.
#[test]
fn split_rust() {
    for kind in ["packed", "unpacked"] {
        let directory = tempfile::tempdir().unwrap();
        let binary = rust(directory.path(), &format!("-C split-debuginfo={kind} -C codegen-units=4"));
        let split = if kind == "packed" { "dwp" } else { "dwo" };
        assert_eq!(files(directory.path(), split).len() > 1, kind == "unpacked");
        let subject = symbolized(&binary);
        assert_equal_to_the_tools(&binary, &subject);
        without_split_files_there_are_fewer_names(directory.path(), &binary, split, &subject);
    }
}

#[test]
fn split_cpp() {
    let directory = tempfile::tempdir().unwrap();
    // Version 4, because binutils' packer fails on version 5; Rust's packages are checked with version 5.
    let binary = cpp(directory.path(), "-gdwarf-4 -gsplit-dwarf");
    let subject = symbolized(&binary);
    assert_equal_to_the_tools(&binary, &subject);
    tool(directory.path(), "dwp -e demo -o demo.dwp");
    for file in files(directory.path(), "dwo") {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(symbolized(&binary).places(), subject.places());
    without_split_files_there_are_fewer_names(directory.path(), &binary, "dwp", &subject);
}

/// The planted fault of these tests, and the options for split files that are elsewhere.
#[track_caller]
fn without_split_files_there_are_fewer_names(directory: &Path, binary: &Path, split: &str, whole: &Subject) {
    let elsewhere = directory.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for file in files(directory, split) {
        fs::rename(&file, elsewhere.join(file.file_name().unwrap())).unwrap();
    }
    let frames = |subject: &Subject| subject.places().concat().len();
    let without = symbolized(binary);
    assert!(frames(&without) < frames(whole), "{} {}", frames(&without), frames(whole));
    let mut again = Subject::new(binary, SAMPLED);
    again.run(&only(&[&elsewhere]));
    assert_eq!(again.places(), whole.places());
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    entries.filter(|it| it.extension().is_some_and(|it| it == extension)).collect()
}
