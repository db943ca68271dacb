//! The notes that describe the probes, read by `readelf`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use highwater_tests::succeed;

/// The arguments that the OpenTelemetry profiler expects: the registers of a C function's arguments.
const PROBES: [(&str, &str); 2] = [("alloc", "8@%rdi 8@%rsi 8@%rdx"), ("free", "8@%rdi")];

/// Looks for the two notes, each with the data that a listener needs.
///
/// # Errors
/// The first fault.
pub fn check(program: &Path) -> Result<(), String> {
    let notes = succeed(Command::new("readelf").arg("--notes").arg(program));
    let sections = succeed(Command::new("readelf").args(["--sections", "--wide"]).arg(program));
    let base = section(&sections, ".stapsdt.base")?;
    let semaphores = section(&sections, ".probes")?;
    let code = section(&sections, ".text")?;
    if semaphores.kind != "PROGBITS" {
        return Err(format!("the semaphores have no place in the file: {}", semaphores.kind));
    }
    let notes = parse(&notes);
    for (name, arguments) in PROBES {
        let note = notes.get(name).ok_or_else(|| format!("no note of {name} in {notes:?}"))?;
        if note.arguments != arguments {
            return Err(format!("{name} has its arguments in {:?}", note.arguments));
        }
        if note.base != base.start || !code.contains(note.location) || !semaphores.contains(note.semaphore) {
            return Err(format!("{name} leads nowhere: {note:x?}"));
        }
    }
    if notes["alloc"].semaphore == notes["free"].semaphore {
        return Err("both probes have one semaphore".to_owned());
    }
    Ok(())
}

struct Section {
    kind: String,
    start: u64,
    size: u64,
}

impl Section {
    fn contains(&self, address: u64) -> bool {
        (self.start..self.start + self.size).contains(&address)
    }
}

/// A line is `[ number] name kind address offset size …`, the numbers in hexadecimal.
fn section(table: &str, name: &str) -> Result<Section, String> {
    table
        .lines()
        .filter_map(|line| line.split_once(']'))
        .map(|(_, line)| line.split_whitespace().collect::<Vec<_>>())
        .find_map(|words| match words[..] {
            [found, kind, start, _, size, ..] if found == name => {
                Some(Section { kind: kind.to_owned(), start: hex(start)?, size: hex(size)? })
            }
            _ => None,
        })
        .ok_or_else(|| format!("no section {name}"))
}

#[derive(Debug, Default)]
struct Note {
    location: u64,
    base: u64,
    semaphore: u64,
    arguments: String,
}

/// The notes of the provider `otel_memory` by their names.
fn parse(text: &str) -> BTreeMap<String, Note> {
    let mut notes = BTreeMap::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !line.ends_with("Provider: otel_memory") {
            continue;
        }
        let mut next = |start: &str| {
            lines
                .next()
                .and_then(|it| it.strip_prefix(start))
                .map(|it| it.trim().to_owned())
                .unwrap_or_default()
        };
        let name = next("Name:");
        let places: Vec<u64> =
            next("Location:").split(',').filter_map(|it| hex(it.rsplit(' ').next()?)).collect();
        let arguments = next("Arguments:");
        if let [location, base, semaphore] = places[..] {
            notes.insert(name, Note { location, base, semaphore, arguments });
        }
    }
    notes
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}
