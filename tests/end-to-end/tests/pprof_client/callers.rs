//! Callers, callees and the tree have the values of pprof's own reports.

use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{highwater, succeed};

use super::{Snapshots, asked};

/// A function with its callers above and its callees below, from `pprof -peek` or `pprof -tree`: names
/// without paths and type arguments, and values in bytes.
struct Block {
    name: String,
    cumulative: i64,
    callers: Vec<(String, i64)>,
    callees: Vec<(String, i64)>,
}

/// The last part of a function's name; the shortened names in pprof's reports have the same.
fn short(name: &str) -> String {
    let name = name.split(['<', ' ']).next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

fn blocks(text: &str) -> Vec<Block> {
    let bytes =
        |it: &str| it.trim_end_matches('B').parse::<i64>().unwrap_or_else(|_| panic!("{it} in {text}"));
    let mut blocks = Vec::new();
    for part in text.split("+-------------\n").skip(2) {
        let (mut callers, mut node, mut callees) = (Vec::new(), None, Vec::new());
        for (values, name) in part.lines().filter_map(|it| it.split_once('|')) {
            let fields: Vec<&str> = values.split_whitespace().collect();
            match fields.as_slice() {
                [_, _, _, cumulative, _] => node = Some((short(name.trim()), bytes(cumulative))),
                [value, _] if node.is_none() => callers.push((short(name.trim()), bytes(value))),
                [value, _] => callees.push((short(name.trim()), bytes(value))),
                _ => {}
            }
        }
        let Some((name, cumulative)) = node else { continue };
        blocks.push(Block { name, cumulative, callers, callees });
    }
    blocks
}

/// The later snapshot with names in it, so that both readers have the same ones.
fn named(snapshots: &Snapshots) -> PathBuf {
    let named = snapshots.directory.path().join("named.pb.gz");
    succeed(Command::new(highwater()).arg("symbolize").arg(&snapshots.new).arg("-o").arg(&named));
    named
}

pub fn json(arguments: &[&str], file: &Path) -> serde_json::Value {
    let mut command = Command::new(highwater());
    command
        .args(arguments)
        .args(["--json", "--limit", "0", "--min-fraction", "0", "--by", "function"])
        .arg(file);
    serde_json::from_str(&succeed(&mut command)).unwrap()
}

const PPROF_ALL: [&str; 5] =
    ["-symbolize=none", "-unit=bytes", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0"];

#[test]
fn callers_and_callees_have_the_same_values() {
    for (snapshots, setting) in asked() {
        let file = named(&snapshots);
        let text = snapshots.pprof(&[&["-peek=grow_shelf"], &PPROF_ALL[..]].concat(), &[&file]);
        let theirs = blocks(&text).into_iter().find(|it| it.name == "grow_shelf").unwrap();
        let ours = json(&["peek", "grow_shelf", "--all-frames", "--leaf"], &file);
        let ours = &ours["functions"][0];
        let edges = |side: &str| -> Vec<(String, i64)> {
            let all = ours[side].as_array().unwrap().iter();
            all.map(|it| {
                (short(it["key"]["label"].as_str().unwrap()), it["value"]["value"].as_i64().unwrap())
            })
            .collect()
        };
        assert_eq!(ours["cumulative"]["value"], theirs.cumulative, "{setting}: {text}");
        assert_eq!(edges("callers"), theirs.callers, "{setting}: {text}");
        assert_eq!(edges("callees"), theirs.callees, "{setting}: {text}");
        assert!(theirs.cumulative > 0 && !theirs.callers.is_empty() && !theirs.callees.is_empty(), "{text}");
    }
}

#[test]
fn the_tree_has_the_same_totals() {
    for (snapshots, setting) in asked() {
        let file = named(&snapshots);
        let text = snapshots.pprof(&[&["-tree"], &PPROF_ALL[..]].concat(), &[&file]);
        let theirs = blocks(&text);
        let tree = json(&["tree", "--all-frames", "--leaf"], &file);
        let nodes = tree["nodes"].as_array().unwrap();
        let flat: i64 = nodes.iter().map(|it| it["flat"]["value"].as_i64().unwrap()).sum();
        let total = nodes[0]["cumulative"]["value"].as_i64().unwrap();
        assert_eq!((flat, total), (total, total_of(&text)), "{setting}: {text}");
        // A function that occurs once in the tree has its own value there.
        let mut compared = 0;
        for node in nodes.iter().skip(1) {
            let name = |it: &serde_json::Value| short(it["label"].as_str().unwrap());
            let is_alone = nodes.iter().filter(|it| name(it) == name(node)).count() == 1;
            let mut same = theirs.iter().filter(|it| it.name == name(node));
            if let (true, Some(block), None) = (is_alone, same.next(), same.next()) {
                assert_eq!(node["cumulative"]["value"], block.cumulative, "{} {setting}: {text}", block.name);
                compared += 1;
            }
        }
        assert!(compared >= 3, "{compared} functions compared, {setting}: {text}");
    }
}

/// The total of a pprof report, in bytes.
fn total_of(text: &str) -> i64 {
    let line = text.lines().find(|it| it.starts_with("Showing nodes")).unwrap_or_else(|| panic!("{text}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    words[words.len() - 2].trim_end_matches('B').parse().unwrap()
}
