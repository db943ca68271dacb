//! Files that Highwater writes: inferno reads its folded stacks, and Python reads its JSON and CSV.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_profile::{Format, Profile, write};
use highwater_tests::succeed;
use serde_json::Value;

use super::support::{cumulative, golden, read};

/// Goldens with names, with addresses, with labels of both kinds, and with several columns.
const PROFILES: [&str; 5] = [
    "go/sampled/heap.txt",
    "jemalloc/sampled/heap",
    "memray/peak/allocations.csv",
    "folded/jeprof/stacks.folded",
    "gperftools/sampled/heap",
];

fn written(profile: &Profile, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(format, profile, &mut out).unwrap();
    out
}

/// The names and values of the boxes that inferno draws for these lines, added up by name.
fn boxes(folded: &[u8]) -> BTreeMap<String, i64> {
    let text = str::from_utf8(folded).unwrap();
    let mut options = inferno::flamegraph::Options::default();
    options.min_width = 0.0;
    let mut svg = Vec::new();
    inferno::flamegraph::from_lines(&mut options, text.lines(), &mut svg).unwrap();
    let svg = String::from_utf8(svg).unwrap();
    let mut boxes = BTreeMap::new();
    for title in svg.split("<title>").skip(1) {
        let title = title.split("</title>").next().unwrap();
        let (name, rest) = title.rsplit_once(" (").unwrap();
        let value: i64 = rest.split(' ').next().unwrap().replace(',', "").parse().unwrap();
        let name =
            name.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", "\"");
        *boxes.entry(name).or_default() += value;
    }
    boxes
}

#[test]
fn inferno_reads_folded_stacks() {
    for name in PROFILES {
        let profile = read(&golden(name));
        let column = profile.shown_sample_type().unwrap();
        let folded = written(&profile, Format::Folded);
        let boxes = boxes(&folded);
        assert_eq!(boxes["all"], profile.samples.total(column), "{name}");
        // Names that occur at most once in a stack: their boxes add up to their cumulative values.
        let names = |sample: &highwater_profile::Sample<'_>| {
            let mut names = Vec::new();
            for &id in sample.stack {
                profile.location_names(id, |name| names.push(name.replace(';', ",")));
            }
            names
        };
        let mut recursive = Vec::new();
        for sample in profile.samples.iter() {
            let mut names = names(&sample);
            names.sort();
            recursive.extend(names.windows(2).filter(|it| it[0] == it[1]).map(|it| it[0].clone()));
        }
        let mut compared = 0;
        for (name, value) in cumulative(&profile, column, names) {
            if value != 0 && !recursive.contains(&name) {
                assert_eq!(boxes.get(&name), Some(&value), "{name}");
                compared += 1;
            }
        }
        assert!(compared > 10, "{name}: {compared}");
        // Highwater reads its own file, too.
        let again = highwater_profile::read(&folded, &Default::default()).unwrap();
        assert_eq!(again.samples.total(0), profile.samples.total(column), "{name}");
    }
}

#[test]
fn inferno_and_we_read_the_same_folded_stacks() {
    let path = golden("folded/jeprof/stacks.folded");
    assert_eq!(boxes(&fs::read(&path).unwrap())["all"], read(&path).samples.total(0));
}

/// The output of a Python program for `content` on its standard input.
fn python(program: &str, content: &[u8]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("content");
    fs::write(&path, content).unwrap();
    let mut python = Command::new("/usr/bin/python3");
    serde_json::from_str(&succeed(python.args(["-I", "-c", program]).arg(Path::new(&path)))).unwrap()
}

/// The expected output of both programs: totals by sample type, and values of the default sample type by leaf
/// name.
fn expected(profile: &Profile) -> Value {
    let totals: BTreeMap<&str, i64> = (profile.sample_types().iter().enumerate())
        .map(|(column, it)| (it.kind.as_str(), profile.samples.total(column)))
        .collect();
    let leaves = cumulative(profile, profile.shown_sample_type().unwrap(), |sample| {
        let mut names = Vec::new();
        profile.location_names(sample.stack[0], |name| names.push(name.into_owned()));
        names.truncate(1);
        names
    });
    serde_json::json!([totals, leaves])
}

#[test]
fn python_reads_json() {
    const PROGRAM: &str = r#"
import collections, json, sys
document = json.load(open(sys.argv[1]))
assert (document["format"], document["version"]) == ("highwater-profile", 1)
kinds = [it["kind"] for it in document["sample_types"]]
totals = {kind: sum(it["values"][at] for it in document["samples"]) for at, kind in enumerate(kinds)}
leaves = collections.Counter()
for sample in document["samples"]:
    location = document["locations"][sample["stack"][0]]
    if location["lines"]:
        name = document["functions"][location["lines"][0]["function"]]["name"]
    else:
        address = int(location["address"], 16)
        name = hex(address)
        if location["mapping"] is not None:
            mapping = document["mappings"][location["mapping"]]
            offset = address - int(mapping["start"], 16) + int(mapping["file_offset"], 16)
            name = mapping["file"].rpartition("/")[2] + "+" + hex(offset)
    leaves[name] += sample["values"][document["default_sample_type"]]
json.dump([totals, leaves], sys.stdout)
"#;
    for name in PROFILES {
        let profile = read(&golden(name));
        assert_eq!(python(PROGRAM, &written(&profile, Format::Json)), expected(&profile), "{name}");
    }
}

#[test]
fn python_reads_csv() {
    const PROGRAM: &str = r#"
import collections, csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
names = list(rows[0])
labels = ["label:bytes", "function", "label:allocator", "label:thread"]
kinds = names[:min(names.index(it) for it in labels if it in names)]
totals = {kind: sum(int(row[kind]) for row in rows) for kind in kinds}
leaves = collections.Counter()
for row in rows:
    leaves[row["function"]] += int(row[kinds[-1]])
    assert row["stack"].split(";")[-1] == row["function"].replace(";", ",")
json.dump([totals, leaves], sys.stdout)
"#;
    for name in PROFILES {
        let profile = read(&golden(name));
        // The program takes the last column as the default sample type.
        assert_eq!(profile.shown_sample_type(), Some(profile.sample_types().len() - 1));
        assert_eq!(python(PROGRAM, &written(&profile, Format::Csv)), expected(&profile), "{name}");
    }
}
