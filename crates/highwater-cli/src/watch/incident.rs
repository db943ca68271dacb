//! Writes the folder of an incident: all data needed to look into it later, when the process is gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highwater_analyze::{DiffOptions, GroupBy, SampleKind, SnapshotTotals};
use highwater_profile::Profile;
use highwater_profile::file::{self, Folders, write_atomically};
use highwater_report::{View, time};
use serde::Serialize;

use super::detect::{Detail, Finding};
use super::event;
use super::names;
use super::run::Shot;
use super::store::failed;
use crate::command;
use crate::error::CliError;
use crate::shared::Shared;

/// Width of the texts in a folder, in columns.
const WIDTH: usize = 120;

/// A written incident.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) folder: PathBuf,
    /// What is missing in the folder, and why.
    pub(crate) missing: Vec<String>,
}

/// The content of `incident.json`.
#[derive(Serialize)]
struct Document<'a> {
    incident: &'static str,
    source: &'a str,
    found_ns: i64,
    summary: &'a str,
    evidence: &'a [String],
    detail: &'a Detail,
    sample: &'a SampleKind,
    /// The labels of the recorded process, from the snapshot.
    who: BTreeMap<String, String>,
    before: Side<'a>,
    after: Side<'a>,
    missing: &'a [String],
}

#[derive(Serialize)]
struct Side<'a> {
    file: &'a str,
    #[serde(flatten)]
    totals: &'a SnapshotTotals,
}

/// Writes the folder of an incident. The folder gets its name only when it is complete. In a folder that is
/// `known` already, each file is replaced as a whole.
///
/// # Errors
/// When a file cannot be written. An answer that cannot be computed is left out, and listed as missing.
pub(crate) fn write(
    incidents: &Folders,
    known: Option<&Path>,
    source: &str,
    finding: &Finding,
    shared: &Shared,
) -> Result<Written, CliError> {
    let found_ns = event::now_ns();
    let write = |folder: &Path| fill(folder, source, found_ns, finding, shared);
    let (folder, missing) = match known {
        Some(folder) => (folder.to_owned(), write(folder)?),
        None => {
            let taken = incidents.names().map_err(failed(incidents.directory()))?;
            let stamp = next_stamp(&taken, compact(&time(found_ns)));
            incidents.complete(&free_name(&taken, &format!("{stamp}-{}", finding.kind.name())), write)?
        }
    };
    Ok(Written { folder, missing })
}

fn fill(
    folder: &Path,
    source: &str,
    found_ns: i64,
    finding: &Finding,
    shared: &Shared,
) -> Result<Vec<String>, CliError> {
    let [before, after] = &finding.pair;
    let names = [name("before", &before.path), name("after", &after.path)];
    for (shot, name) in [before, after].into_iter().zip(&names) {
        let copy = folder.join(name);
        // A snapshot that is in the folder already needs no copy.
        if shot.path != copy {
            file::copy(&shot.path, &copy)?;
        }
    }
    let paths = [folder.join(&names[0]), folder.join(&names[1])];
    let mut missing = Vec::new();
    let mut who = BTreeMap::new();
    let diff = match pair(&paths, shared, &mut missing) {
        Ok([base, mut new]) => {
            who = std::mem::take(&mut new.identity);
            compare(folder, &names, [&base, &new], finding, shared, &mut missing)?
        }
        Err(error) => {
            missing.push(format!("diff.txt, diff.json and flame.svg: {error}"));
            None
        }
    };
    let document = Document {
        incident: finding.kind.name(),
        source,
        found_ns,
        summary: &finding.summary,
        evidence: &finding.evidence,
        detail: &finding.detail,
        sample: &finding.sample,
        who,
        before: Side { file: &names[0], totals: &before.facts },
        after: Side { file: &names[1], totals: &after.facts },
        missing: &missing,
    };
    text(&folder.join("incident.json"), &highwater_report::json("incident", &document)?)?;
    text(&folder.join("README.md"), &readme(&document, [before, after], diff.as_deref()))?;
    Ok(missing)
}

/// Both profiles with their symbols.
fn pair(paths: &[PathBuf; 2], shared: &Shared, missing: &mut Vec<String>) -> Result<[Profile; 2], CliError> {
    let [(before, _), (after, reason)] = [names::read(&paths[0], shared)?, names::read(&paths[1], shared)?];
    missing.extend(reason.map(|it| format!("names of some functions: {it}")));
    Ok([before, after])
}

/// Writes the ranked difference as text and JSON, and as a drawing. Returns the text.
fn compare(
    folder: &Path,
    names: &[String; 2],
    [base, new]: [&Profile; 2],
    finding: &Finding,
    shared: &Shared,
    missing: &mut Vec<String>,
) -> Result<Option<String>, CliError> {
    let options = DiffOptions::default();
    let mut query = shared.query(GroupBy::Line);
    query.sample = Some(finding.sample.clone());
    let table = match highwater_analyze::diff(base, new, &query, &options) {
        Ok(answer) => {
            let table = highwater_report::diff(&answer, &View { width: WIDTH, ..View::default() });
            text(&folder.join("diff.txt"), &table)?;
            text(&folder.join("diff.json"), &highwater_report::json("diff", &answer)?)?;
            Some(table)
        }
        Err(reason) => {
            missing.push(format!("diff.txt and diff.json: {reason}"));
            None
        }
    };
    query.by = GroupBy::Function;
    match command::flame::differential([base, new], &query, &options, [&names[0], &names[1]], false) {
        Ok(svg) => write_atomically(&folder.join("flame.svg"), |out| out.write_all(&svg))?,
        Err(reason) => missing.push(format!("flame.svg: {reason}")),
    }
    Ok(table)
}

fn readme(document: &Document<'_>, shots: [&Shot; 2], diff: Option<&str>) -> String {
    let title = match document.incident {
        "spike" => "Spike",
        _ => "Sustained growth",
    };
    let [before, after] = shots.map(|it| time(it.facts.time_ns));
    let mut text = format!(
        "# {title}: {}\n\n- source: {}\n- found: {}\n- before: {} ({before})\n- after: {} ({after})\n",
        plain(document.summary),
        plain(document.source),
        time(document.found_ns),
        document.before.file,
        document.after.file,
    );
    for line in document.evidence {
        text.push_str(&format!("- {}\n", plain(line)));
    }
    if !document.missing.is_empty() {
        text.push_str("\n## What is missing\n\n");
        for line in document.missing {
            text.push_str(&format!("- {}\n", plain(line)));
        }
    }
    if let Some(diff) = diff {
        text.push_str(&format!("\n## What changed ({})\n\n", document.sample));
        // Indented as a code block, because function names may contain the characters that end a fence.
        for line in diff.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    let files = format!("{} {}", document.before.file, document.after.file);
    text.push_str(&format!(
        "\n## Look closer\n\n    highwater diff --sample live-bytes {files}\n    highwater diff --sample alloc-bytes {files}\n\nflame.svg opens in a browser: red grew, blue shrank.\n"
    ));
    text
}

/// A line of text that is safe in Markdown and on a terminal.
fn plain(line: &str) -> String {
    line.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// The digits of `2026-03-01 12:34:56 UTC`, with a `T` and a `Z`.
fn compact(time: &str) -> String {
    let digits: String = time
        .chars()
        .filter_map(|it| match it {
            ' ' => Some('T'),
            it => it.is_ascii_digit().then_some(it),
        })
        .collect();
    format!("{}Z", digits.trim_end_matches('T'))
}

/// The time for the name of a folder: `now`, or, if the clock was set back, a time that sorts after all
/// existing folders.
fn next_stamp(taken: &[String], now: String) -> String {
    let is_stamp =
        |it: &&str| it.len() == now.len() && it.ends_with('Z') && it.as_bytes()[0].is_ascii_digit();
    let stamps = taken.iter().filter_map(|it| it.split('-').next().filter(is_stamp).map(str::to_owned));
    match stamps.max().filter(|newest| *newest > now) {
        Some(newest) => stamp_after(&newest),
        None => now,
    }
}

/// The next second after this one.
fn stamp_after(stamp: &str) -> String {
    let at = |second: i64| compact(&time(second * 1_000_000_000));
    let (mut low, mut high) = (0, i64::MAX / 1_000_000_000);
    while low < high {
        let middle = low + (high - low) / 2;
        (low, high) = if at(middle).as_str() > stamp { (low, middle) } else { (middle + 1, high) };
    }
    at(low)
}

/// A name that no folder has yet.
fn free_name(taken: &[String], name: &str) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    // The numbers never run out, because there are finitely many folders.
    all.find(|it| !taken.contains(it)).unwrap_or_else(|| name.to_owned())
}

/// The name of a copy: `stem` with the suffix of the ring's file.
fn name(stem: &str, path: &Path) -> String {
    let is_packed = path.extension().is_some_and(|it| it == "gz");
    format!("{stem}.{}", if is_packed { "pb.gz" } else { "profile" })
}

fn text(path: &Path, text: &str) -> Result<(), CliError> {
    write_atomically(path, |out| out.write_all(text.as_bytes()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_sort_by_time_and_never_meet() {
        let mut taken = vec!["notes".to_owned()];
        let name = format!("{}-spike", compact("2026-03-01 12:34:56 UTC"));
        assert_eq!(name, "20260301T123456Z-spike");
        for expected in ["20260301T123456Z-spike", "20260301T123456Z-spike-2", "20260301T123456Z-spike-3"] {
            let free = free_name(&taken, &name);
            assert_eq!(free, expected);
            taken.push(free);
        }
        // The clock is set back by an hour, and then forward again.
        let next = |taken: &[String], now: &str| next_stamp(taken, now.to_owned());
        assert_eq!(next(&taken, "20260301T113456Z"), "20260301T123457Z");
        taken.push("20261231T235959Z-growth".to_owned());
        assert_eq!(next(&taken, "20260301T113456Z"), "20270101T000000Z");
        assert_eq!(next(&taken, "20270301T113456Z"), "20270301T113456Z");
    }
}
