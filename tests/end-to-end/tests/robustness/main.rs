//! Every golden cut at any place, and with flipped bits: no reader panics, hangs, or uses more memory than
//! allowed.

mod damage;
mod trial;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use highwater_profile::Format;

use self::damage::Damage;
use self::trial::Fault;

/// Bit flips of each golden.
const FLIPS: usize = 10_000;

/// Files next to goldens that are not profiles: their scripts, and the answers of other tools.
const OTHERS: [&str; 3] = ["command", "oracle.json", "page.html"];

/// All goldens: name, content, and uncompressed content if it is compressed.
fn goldens() -> Vec<(String, Vec<u8>)> {
    let root = highwater_tests::repository().join("tests/golden");
    let mut goldens = Vec::new();
    for case in entries(&root).iter().filter(|it| it.is_dir()).flat_map(|format| entries(format)) {
        for file in if case.is_dir() { entries(&case) } else { Vec::new() } {
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            if OTHERS.iter().any(|other| file.ends_with(other)) {
                continue;
            }
            let content = fs::read(&file).unwrap();
            if content.starts_with(&[0x1f, 0x8b]) {
                let mut unpacked = Vec::new();
                flate2::read::MultiGzDecoder::new(&content[..]).read_to_end(&mut unpacked).unwrap();
                goldens.push((format!("{name} unpacked"), unpacked));
            }
            goldens.push((name, content));
        }
    }
    goldens
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn damaged_goldens_are_refused_or_read() {
    let goldens = goldens();
    for format in Format::ALL.into_iter().filter(|it| it.can_read()) {
        let directory = format!("{format}/");
        assert!(goldens.iter().any(|(name, _)| name.starts_with(&directory)), "no golden of {format}");
    }
    for (name, content) in &goldens {
        let rows = highwater_fuzz::try_read(None, content);
        assert!(rows.as_ref().is_ok_and(|rows| *rows > 0), "{name}: {rows:?}");
    }
    let trials = goldens.iter().flat_map(|(name, content)| {
        let cuts = (0..content.len()).map(Damage::Cut);
        cuts.chain((0..FLIPS).map(Damage::Flip))
            .map(move |damage| (name.as_str(), content.as_slice(), damage))
    });
    let faults = trial::run(trials.collect(), |content| drop(highwater_fuzz::try_read(None, content)));
    assert!(faults.is_empty(), "{} faults, such as {:#?}", faults.len(), &faults[..faults.len().min(5)]);
}

/// The planted faults of a reader are detected by the code above.
#[test]
fn planted_faults_are_seen() {
    let content = b"a golden".as_slice();
    let trials = || vec![("planted", content, Damage::Cut(3)), ("planted", content, Damage::Flip(7))];
    let is_cut = |content: &[u8]| content.len() == 3;
    let faults = trial::run(trials(), |content| assert!(!is_cut(content), "fell over"));
    assert_eq!(faults, [Fault::new("planted", Damage::Cut(3), "panicked: fell over")]);
    let faults = trial::run(trials(), |content| {
        if is_cut(content) {
            std::thread::sleep(trial::LONGEST + trial::LONGEST / 4);
        }
    });
    assert!(matches!(&faults[..], [fault] if fault.what.starts_with("took ")), "{faults:?}");
    let faults = trial::run(trials(), |content| {
        if is_cut(content) {
            std::hint::black_box(vec![1_u8; trial::MOST_BYTES as usize + (64 << 20)]);
        }
    });
    assert!(matches!(&faults[..], [fault, ..] if fault.what.starts_with("memory ")), "{faults:?}");
    assert_eq!(trial::run(trials(), |_| {}), []);
}
