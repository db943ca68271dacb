//! A profile that is written in another format and read back says the same, as far as that format can hold
//! it.

use std::collections::BTreeMap;
use std::path::Path;

use highwater_profile::{Format, Limits, Profile, Sample, file, write};

/// What a format keeps of a profile.
struct Keeps {
    format: Format,
    /// All kinds of values, and not the default one alone.
    every_kind: bool,
    /// Source files and lines.
    lines: bool,
    /// Where in its file an address without a name is.
    offsets: bool,
    /// Everything else: addresses, mapped files, labels, times, the sampling interval.
    all: bool,
}

/// The formats that are read again. The others are written only, and other programs read them, see
/// `tests/end-to-end/tests/formats_text` and `tests/end-to-end/tests/formats_structured`.
const READ_AGAIN: [Keeps; 4] = [
    Keeps { format: Format::Pprof, every_kind: true, lines: true, offsets: true, all: true },
    Keeps { format: Format::Speedscope, every_kind: true, lines: true, offsets: true, all: false },
    // It has places for these kinds: what was allocated, what is live at the end, at the peak. Of an address
    // without a name it has the file, and the address in the process.
    Keeps { format: Format::Dhat, every_kind: true, lines: true, offsets: false, all: false },
    Keeps { format: Format::Folded, every_kind: false, lines: false, offsets: true, all: false },
];

const WRITTEN_ONLY: [Format; 3] = [Format::Callgrind, Format::Json, Format::Csv];

/// Goldens of each reader that has names or addresses of its own kind.
const PROFILES: [&str; 9] = [
    "go/sampled/heap.txt",
    "jemalloc/sampled/heap",
    "gperftools/sampled/heap",
    "memray/peak/allocations.csv",
    "folded/jeprof/stacks.folded",
    "heaptrack/zstd/recording.zst",
    "v8/node/sites.heapprofile",
    "massif/sites/massif.out",
    "pprof/highwater/sampled.pb.gz",
];

fn read(golden: &str) -> Profile {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    file::read(&goldens.join(golden), &Limits::default()).unwrap()
}

/// The values of a kind by stack: names, root first, and where each frame is, as far as a format keeps it.
fn stacks(profile: &Profile, column: usize, keeps: &Keeps) -> BTreeMap<String, i64> {
    let mut stacks = BTreeMap::new();
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        *stacks.entry(stack(profile, &sample, keeps)).or_default() += sample.values[column];
    }
    stacks
}

fn stack(profile: &Profile, sample: &Sample<'_>, keeps: &Keeps) -> String {
    let mut frames = Vec::new();
    for &id in sample.stack {
        let mut all = profile.location(id).lines.iter();
        profile.location_names(id, |name| {
            let place = all.next().map(|it| (profile.string(profile.function(it.function).file), it.line));
            let place = match place {
                // What has no name is called by its address, and is a function of that name afterwards.
                None | Some(("", _)) => String::new(),
                Some((file, line)) => format!(" {file}:{line}"),
            };
            // What separates frames in folded stacks is another character in their names.
            let name = match name.split_once("+0x") {
                Some((file, _)) if !keeps.offsets => file,
                _ => &*name,
            };
            frames.push(name.replace(';', ",") + if keeps.lines { &place } else { "" });
        });
    }
    frames.reverse();
    frames.join(";")
}

fn written(profile: &Profile, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(format, profile, &mut out).unwrap();
    out
}

#[test]
fn every_format_that_is_written_is_in_one_of_the_lists() {
    let mut listed: Vec<Format> = READ_AGAIN.iter().map(|it| it.format).chain(WRITTEN_ONLY).collect();
    listed.sort_unstable();
    let mut all: Vec<Format> = Format::ALL.into_iter().filter(|it| it.can_write()).collect();
    all.sort_unstable();
    assert_eq!(listed, all);
    assert!(WRITTEN_ONLY.iter().all(|it| !it.can_read()) && READ_AGAIN.iter().all(|it| it.format.can_read()));
}

#[test]
fn what_is_written_in_another_format_and_read_back_is_the_same() {
    for name in PROFILES {
        let profile = read(name);
        let shown = profile.shown_sample_type().unwrap();
        for keeps in &READ_AGAIN {
            let Keeps { format, every_kind, all, .. } = *keeps;
            let again = highwater_profile::read(&written(&profile, format), &Limits::default())
                .unwrap_or_else(|error| panic!("{name} as {format}: {error}"));
            if all {
                let [before, after] = [&profile, &again].map(document);
                assert_eq!(before, after, "{name} as {format}");
            }
            let mut compared = 0;
            for (column, it) in profile.sample_types().iter().enumerate() {
                let found =
                    if every_kind { again.sample_type(&it.kind) } else { (column == shown).then_some(0) };
                let Some(found) = found else {
                    assert!(format != Format::Speedscope && format != Format::Pprof, "{name}: {}", it.kind);
                    continue;
                };
                let what = format!("{} of {name} as {format}", it.kind);
                assert_eq!(again.samples.total(found), profile.samples.total(column), "{what}");
                let [before, after] =
                    [(&profile, column), (&again, found)].map(|(it, column)| stacks(it, column, keeps));
                assert_eq!(before, after, "{what}");
                compared += 1;
            }
            assert!(compared > 0, "{name} as {format}");
        }
    }
}

/// The whole profile but for what it came from.
fn document(profile: &Profile) -> serde_json::Value {
    let mut document: serde_json::Value = serde_json::from_slice(&written(profile, Format::Json)).unwrap();
    document.as_object_mut().unwrap().remove("source");
    document
}
