//! Frames that a file marks to be left out: Highwater and `go tool pprof` leave out the same ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_profile::{Line, Location, Profile, ValueType, file, pprof};
use highwater_tests::go::Go;
use highwater_tests::{highwater, succeed};

use crate::callers::json;
use crate::{Snapshots, read};

/// A location: its inlined functions, innermost first, followed by the function that contains them.
type Place<'a> = &'a [&'a str];

/// Stacks, leaf first, with the expressions for frames to leave out.
struct Dropping<'a> {
    drop: &'a str,
    keep: &'a str,
    stacks: &'a [&'a [Place<'a>]],
}

const PLAIN: &[&[Place<'static>]] = &[&[&["take"], &["parse"], &["main"]], &[&["parse"], &["main"]]];
const INLINED: &[&[Place<'static>]] =
    &[&[&["take", "grow", "parse"], &["run"], &["main"]], &[&["grow", "other"], &["main"]]];

const DROPPINGS: [Dropping<'static>; 18] = [
    Dropping { drop: "take", keep: "", stacks: PLAIN },
    Dropping { drop: "tak", keep: "", stacks: PLAIN },
    Dropping { drop: "parse", keep: "", stacks: PLAIN },
    Dropping { drop: ".*", keep: "", stacks: PLAIN },
    Dropping { drop: ".*", keep: "main", stacks: PLAIN },
    Dropping { drop: "take|parse", keep: "parse", stacks: PLAIN },
    Dropping { drop: "main", keep: "", stacks: PLAIN },
    Dropping { drop: "take", keep: "(", stacks: PLAIN },
    Dropping { drop: "(", keep: "", stacks: PLAIN },
    Dropping { drop: "(?!x)take", keep: "", stacks: PLAIN },
    Dropping { drop: r"\Atake\z|\pN+|[[:word:]]+ake", keep: "", stacks: PLAIN },
    Dropping { drop: r"\Qtake\E", keep: "", stacks: PLAIN },
    Dropping {
        drop: r"demo::f::{{closure}}",
        keep: "",
        stacks: &[&[&["leaf"], &["demo::f::{{closure}}"], &["main"]]],
    },
    Dropping {
        drop: r"\<a as b\>::f|[[]x",
        keep: "",
        stacks: &[&[&["<a as b>::f"], &["main"]], &[&["[x"], &["main"]]],
    },
    Dropping { drop: r"\w+", keep: "", stacks: &[&[&["é"], &["main::x"]], &[&["e"], &["main::x"]]] },
    Dropping { drop: "grow", keep: "", stacks: INLINED },
    Dropping { drop: "take|run", keep: "", stacks: INLINED },
    Dropping {
        drop: "Foo::.*::Bar|Call::operator()|.dot",
        keep: "",
        stacks: &[
            &[
                &["Foo::(anonymous namespace)::Test::Bar(int)"],
                &["Foo::(anonymous namespace)::Baz(int)"],
                &["main"],
            ],
            &[&["Call::operator()(int) const"], &["main"]],
            &[&[".xdot(int)"], &["main"]],
        ],
    },
];

impl Dropping<'_> {
    fn write(&self, path: &Path) {
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
        profile.drop_frames = self.drop.to_owned();
        profile.keep_frames = self.keep.to_owned();
        for (stack, value) in self.stacks.iter().zip(1..) {
            let mut locations = Vec::new();
            for place in *stack {
                // A name that is not a linker name is not demangled again.
                let line = |name: &&str| {
                    let function = profile.add_function(name, &format!("linker {name}"), "src/a.rs");
                    Line::new(function, 1)
                };
                let lines = place.iter().map(line).collect();
                locations.push(profile.add_location(Location::symbolized(lines)));
            }
            profile.samples.push(&locations, &[value * 1000], &[]);
        }
        file::write_atomically(path, |out| pprof::write(&profile, out)).unwrap();
    }
}

/// The stacks that `pprof -traces` prints: root first, with their values.
fn traces(text: &str) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    for block in text.split("-----------+").skip(1) {
        let mut names: Vec<&str> = Vec::new();
        let mut value = 0;
        for line in block.lines().skip(1).map(str::trim).filter(|it| !it.is_empty()) {
            let name = if names.is_empty() {
                let (number, name) = line.split_once(' ').unwrap();
                value = number.trim_end_matches('B').parse().unwrap_or_else(|_| panic!("{line} in {text}"));
                name.trim()
            } else {
                line
            };
            names.push(name.strip_suffix(" (inline)").unwrap_or(name));
        }
        if !names.is_empty() {
            names.reverse();
            all.push((names.join(";"), value));
        }
    }
    merged(all)
}

/// Adds up equal stacks, since folded files have each stack once.
fn merged(stacks: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let mut all = BTreeMap::new();
    for (stack, value) in stacks {
        *all.entry(stack).or_insert(0) += value;
    }
    all.into_iter().collect()
}

/// The stacks of a folded file.
fn folded(text: &str) -> Vec<(String, i64)> {
    let row = |line: &str| {
        let (names, value) = line.rsplit_once(' ').unwrap();
        (names.to_owned(), value.parse().unwrap())
    };
    merged(text.lines().map(row).collect())
}

#[test]
fn highwater_and_go_drop_the_same_frames() {
    let directory = tempfile::tempdir().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = |name: &str| directory.path().join(name);
    let mut differs = 0;
    for dropping in &DROPPINGS {
        let about = format!("drop_frames {:?}, keep_frames {:?}", dropping.drop, dropping.keep);
        let file = path("dropping.pb.gz");
        dropping.write(&file);
        let arguments = ["-traces", "-symbolize=none", "-unit=bytes"];
        let [debian, python] =
            Go::ALL.map(|go| traces(&go.pprof(directory.path(), temporary, &arguments, &[&file])));
        assert_eq!(debian, python, "{about}");
        let total: i64 = debian.iter().map(|it| it.1).sum();
        let written: i64 = (1..).zip(dropping.stacks).map(|(value, _)| value * 1000).sum();
        assert_eq!(total, written, "{about}");
        let ours = |more: &[&str]| {
            let output = path("stacks.folded");
            let mut command = Command::new(highwater());
            command
                .args(["flame", "--leaf"])
                .args(more)
                .arg("--format")
                .arg("folded")
                .arg(&file)
                .arg("-o")
                .arg(&output);
            succeed(&mut command);
            folded(&fs::read_to_string(output).unwrap())
        };
        assert_eq!(ours(&[]), debian, "{about}");
        // The planted fault: if the expressions are ignored, most answers differ.
        differs += usize::from(ours(&["--all-frames"]) != debian);
        // A format that cannot hold the expressions has the frames left out.
        let converted = path("converted.folded");
        succeed(Command::new(highwater()).arg("convert").arg(&file).arg(&converted));
        assert_eq!(folded(&fs::read_to_string(&converted).unwrap()), debian, "{about}");
        let again = path("again.pb.gz");
        succeed(Command::new(highwater()).arg("convert").arg(&file).arg(&again));
        assert_eq!(
            (read(&again).drop_frames, read(&again).keep_frames),
            (dropping.drop.into(), dropping.keep.into())
        );
    }
    assert!(differs >= 8, "{differs}");
}

/// A program's code that the recorder calls belongs to the program for every reader.
#[test]
fn code_called_by_a_measurement_is_not_dropped() {
    let snapshots = Snapshots::take("");
    let own = read(&snapshots.new);
    let stack: &[Place<'_>] = &[
        &["highwater_recorder::exact::find"],
        &["__rustc::__rust_alloc"],
        &["demo::inner"],
        &["highwater_recorder::thread::measure::measure::<demo::inner, ()>"],
        &["demo::main"],
    ];
    let file = snapshots.directory.path().join("measured.pb.gz");
    Dropping { drop: &own.drop_frames, keep: &own.keep_frames, stacks: &[stack] }.write(&file);
    for go in Go::ALL {
        let snapshots = Snapshots { go, ..Snapshots::take("") };
        let theirs = traces(&snapshots.pprof(&["-traces", "-symbolize=none", "-unit=bytes"], &[&file]));
        assert!(theirs[0].0.ends_with(";demo::inner") && theirs.len() == 1, "{theirs:?}");
    }
    let ours = json(&["top"], &file);
    assert_eq!(ours["rows"][0]["key"]["label"], "demo::inner", "{ours:#}");
}

/// Frames that several files drop are dropped in their sum, except for invalid expressions.
#[test]
fn an_invalid_expression_does_not_disable_those_of_other_files() {
    let directory = tempfile::tempdir().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let stacks: &[&[Place<'_>]] = &[&[&["take"], &["Grow"], &["keep"], &["main"]], &[&["keep"], &["main"]]];
    let expressions =
        [("take", ""), ("(", ""), (r"\Qgrow", ""), ("(?i)GROW", ""), ("x)(y", ""), ("keep", "(?=k)")];
    let mut files = Vec::new();
    for ((drop, keep), number) in expressions.into_iter().zip(1..) {
        let file = directory.path().join(format!("{number}.pb.gz"));
        Dropping { drop, keep, stacks }.write(&file);
        files.push(file);
    }
    let merged = directory.path().join("merged.pb.gz");
    let run = Command::new(highwater()).arg("merge").args(&files).arg("-o").arg(&merged).output().unwrap();
    assert!(run.status.success());
    let said = String::from_utf8(run.stderr).unwrap();
    let of_file =
        |number: i32| said.lines().filter(|it| it.contains(&format!("{number}.pb.gz: its "))).count();
    assert_eq!((1..=6).map(of_file).collect::<Vec<_>>(), [0, 1, 0, 0, 0, 1], "{said}");
    // The expression that Go would split into two keeps its meaning.
    let profile = read(&merged);
    assert_eq!((profile.drop_frames.matches("(?:").count(), profile.keep_frames.as_str()), (4, ""));
    let arguments = ["-traces", "-symbolize=none", "-unit=bytes"];
    let expected = [("main;keep".to_owned(), 6 * 3000)];
    for go in Go::ALL {
        let theirs = traces(&go.pprof(directory.path(), temporary, &arguments, &[&merged]));
        assert_eq!(theirs, expected, "{go:?}");
    }
    let ours = json(&["flame", "-o", "-"], &merged);
    assert_eq!(ours["stacks"].as_array().unwrap().len(), 1, "{ours:#}");
    assert_eq!(ours["stacks"][0]["value"], 6 * 3000);
    // The planted fault: joined unchanged, they are an invalid expression, and nothing is dropped.
    let mut joined = profile;
    joined.drop_frames = expressions.map(|it| it.0).join("|");
    file::write_atomically(&merged, |out| pprof::write(&joined, out)).unwrap();
    assert_eq!(json(&["flame", "-o", "-"], &merged)["stacks"].as_array().unwrap().len(), 2);
}

/// Paths through the allocator that differ only in its own frames are one row, for a Go version that adds up
/// equal rows and for one that does not.
#[test]
fn no_two_rows_are_equal() {
    let rows = |profile: &Profile| {
        let mut rows: Vec<_> = profile.samples.iter().map(|it| (it.stack_id, it.labels_id)).collect();
        let all = rows.len();
        rows.sort_unstable();
        rows.dedup();
        (all, rows.len())
    };
    let blocks = |snapshots: &Snapshots, file: &Path| {
        snapshots.pprof(&["-traces", "-symbolize=none"], &[file]).matches("-----------+").count()
    };
    for setting in ["", "interval:512B"] {
        let snapshots = Snapshots::take(setting);
        let profile = read(&snapshots.base);
        let (all, different) = rows(&profile);
        assert_eq!(all, different, "{setting:?}");
        let [debian, python] =
            Go::ALL.map(|go| blocks(&Snapshots { go, ..Snapshots::take("") }, &snapshots.base));
        assert_eq!(debian, python, "{setting:?}");
        // The planted fault: a duplicate row.
        let mut twice = profile.clone();
        let row = profile.samples.get(all / 2);
        twice.samples.push(row.stack, row.values, row.labels);
        let file = snapshots.directory.path().join("twice.pb.gz");
        file::write_atomically(&file, |out| pprof::write(&twice, out)).unwrap();
        let [debian, python] = Go::ALL.map(|go| blocks(&Snapshots { go, ..Snapshots::take("") }, &file));
        assert_eq!(python, debian + 1, "{setting:?}");
    }
}

#[test]
fn an_invalid_expression_is_noted_in_every_answer() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("invalid.pb.gz");
    Dropping { drop: "take(", keep: "", stacks: PLAIN }.write(&file);
    let note = "its drop_frames are no regular expression";
    for command in ["top", "tree", "info", "diff"] {
        let files = if command == "diff" { vec![&file, &file] } else { vec![&file] };
        let text = succeed(Command::new(highwater()).arg(command).args(&files));
        assert!(text.contains(note), "{command}: {text}");
        let json = succeed(Command::new(highwater()).arg(command).arg("--json").args(&files));
        assert!(json.contains(note), "{command}: {json}");
    }
}
