//! The spikes of a series: when each one was, its signs, and a table of the lines that allocated the memory.

use highwater_analyze::{Estimate, Sign, Spike, SpikeRow, Spikes, Suspects, Unit};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The spikes as text. `files` has the files before and after each spike; `suspects` explain the first one.
pub fn spikes(spikes: &Spikes, files: &[[String; 2]], suspects: Option<&Suspects>, view: &View) -> String {
    let bytes = |value| number::amount(value, &Unit::Bytes);
    let (first, last) = (spikes.snapshots.first(), spikes.snapshots.last());
    let span = first.zip(last).map_or(0, |(first, last)| last.time_ns.saturating_sub(first.time_ns));
    let mut text = format!(
        "{} in {}, live {} to {}\n",
        number::count(spikes.snapshots.len(), "snapshot"),
        number::duration(span),
        bytes(spikes.snapshots.iter().map(|it| it.live_bytes.value).min().unwrap_or(0)),
        bytes(spikes.snapshots.iter().map(|it| it.live_bytes.value).max().unwrap_or(0)),
    );
    if spikes.only_live {
        let remark = "the files have neither cumulative values nor a peak: temporary blocks do not show";
        text += &format!("{}\n", view.paint(Role::Faint, remark));
    }
    if spikes.spikes.is_empty() {
        return text + "no spike: no interval stands out from the others\n";
    }
    for (at, (spike, [before, after])) in spikes.spikes.iter().zip(files).enumerate() {
        let offset = first.map_or(0, |it| spikes.snapshots[spike.before].time_ns.saturating_sub(it.time_ns));
        let title = format!(
            "{} after {}, within {}: {}",
            if at == 0 { "spike" } else { "another" },
            number::duration(offset),
            number::duration(spike.elapsed_ns),
            signs(spike)
        );
        text += &format!("{}\n", view.paint(if at == 0 { Role::Heading } else { Role::Plain }, &title));
        text += &format!("  {} → {}\n", clean(before), clean(after));
    }
    if spikes.omitted > 0 {
        let more =
            format!("{} left out; --limit 0 shows all", number::count(spikes.omitted, "smaller spike"));
        text += &format!("{}\n", view.paint(Role::Faint, &more));
    }
    if let (Some(suspects), Some([before, after])) = (suspects, files.first()) {
        text += &table(suspects, view);
        let sample = if suspects.only_live { "live-bytes" } else { "alloc-bytes" };
        let command = format!("highwater diff {} {} --sample {sample}", quoted(before), quoted(after));
        text += &format!("{}\n", view.paint(Role::Faint, &format!("more: {command}")));
    }
    text
}

/// The signs of a spike, in numbers.
fn signs(spike: &Spike) -> String {
    let bytes = |value| number::amount(value, &Unit::Bytes);
    let signs = spike.signs.iter().map(|sign| match sign {
        Sign::Peak => {
            let above = spike.peak_above_live_bytes.unwrap_or(0);
            format!("the peak rose {} above what is live before and after", bytes(above))
        }
        Sign::Live => format!("live {}", number::signed(spike.live_change_bytes, &Unit::Bytes)),
        Sign::Allocated => {
            let usual =
                spike.usual_alloc_bytes.map_or_else(String::new, |it| format!(" (usual {})", bytes(it)));
            format!("{} allocated{usual}", bytes(spike.alloc_bytes.unwrap_or(0)))
        }
    });
    signs.collect::<Vec<_>>().join("; ")
}

fn table(suspects: &Suspects, view: &View) -> String {
    let unit = &Unit::Bytes;
    let lost = suspects.header.lost.as_ref();
    let lost =
        lost.map_or_else(String::new, |it| format!("\n{}", header::lost(it, &suspects.header.sample, unit)));
    if suspects.rows.is_empty() {
        return format!("{lost}\nno line stands out from its usual rate beyond sampling noise\n");
    }
    let errors = header::has_errors(&suspects.header);
    let has = |column: fn(&SpikeRow) -> Option<Estimate>| suspects.rows.iter().any(|it| column(it).is_some());
    let (usual, at_peak) = (has(|it| it.usual), has(|it| it.at_peak));
    let mut heads = vec![if suspects.only_live { "live change" } else { "excess" }];
    heads.extend(errors.then_some("±"));
    if !suspects.only_live {
        heads.push("allocated");
        heads.extend(usual.then_some("usual"));
        heads.push("live");
    }
    heads.extend(at_peak.then_some("at peak"));
    heads.push("where");
    let mut table = Table::new(heads);
    let or_nothing = |it: Option<Estimate>| it.map_or_else(String::new, |it| number::amount(it.value, unit));
    for row in &suspects.rows {
        let mut cells = vec![Cell::role(number::signed(row.excess.value, unit), Role::Growth)];
        cells.extend(errors.then(|| Cell::role(number::margin(&row.excess, unit), Role::Faint)));
        if !suspects.only_live {
            cells.push(Cell::new(number::amount(row.allocated.value, unit)));
            cells.extend(usual.then(|| Cell::new(or_nothing(row.usual))));
            cells.push(Cell::new(number::signed(row.live_change.value, unit)));
        }
        cells.extend(at_peak.then(|| Cell::new(or_nothing(row.at_peak))));
        table.push(cells, Label::from_key(&row.key));
    }
    let notes = header::note_lines([&suspects.header]);
    format!("{lost}\n{notes}{}{}", table.render(view), header::omitted(&suspects.omitted, unit, "row", view))
}

/// A file's name, quoted for a shell.
fn quoted(name: &str) -> String {
    let name = clean(name);
    let plain = |it: char| it.is_alphanumeric() || "/._-+:@%".contains(it);
    if !name.is_empty() && name.chars().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Omitted, SnapshotTotals};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> (Spikes, Suspects) {
        let snapshot = |minute: i64, live| SnapshotTotals {
            time_ns: minute * 60_000_000_000,
            process: Some(1),
            epoch: Some(minute),
            interval_bytes: Some(512 << 10),
            live_bytes: estimate(live, 0.0),
            alloc_bytes: None,
            peak_bytes: None,
        };
        let spike = Spike {
            before: 1,
            peak: 2,
            after: 2,
            last: 2,
            signs: vec![Sign::Peak, Sign::Live, Sign::Allocated],
            elapsed_ns: 60_000_000_000,
            live_change_bytes: 1 << 20,
            peak_above_live_bytes: Some(512 << 20),
            alloc_bytes: Some(1 << 30),
            usual_alloc_bytes: Some(8 << 20),
        };
        let spikes = Spikes {
            snapshots: vec![snapshot(1, 3 << 20), snapshot(2, 3 << 20), snapshot(3, 4 << 20)],
            spikes: vec![spike],
            omitted: 0,
            only_live: false,
        };
        let row = SpikeRow {
            key: line_key("src/spike.rs", 46, "codeindex::count"),
            allocated: estimate(1 << 30, 1000.0),
            usual: Some(estimate(0, 0.0)),
            excess: estimate(1 << 30, 1000.0),
            live_change: estimate(0, 0.0),
            at_peak: Some(estimate(512 << 20, 0.0)),
            stack: Vec::new(),
        };
        let omitted = Omitted { rows: 1, value: 4096 };
        (spikes, Suspects { header: header(), only_live: false, rows: vec![row], omitted })
    }

    fn files() -> [[String; 2]; 1] {
        [["a/2.pb.gz".to_owned(), "a b/3.pb.gz".to_owned()]]
    }

    #[test]
    fn a_spike_has_its_signs_its_files_and_its_lines() {
        let (spiking, suspects) = sample();
        let text = spikes(&spiking, &files(), Some(&suspects), &View::default());
        let expected = "\
3 snapshots in 2 min 0 s, live 3.0 MiB to 4.0 MiB
spike after 1 min 0 s, within 1 min 0 s: the peak rose 512.0 MiB above what is live before and after; live +1.0 MiB; 1.0 GiB allocated (usual 8.0 MiB)
  a/2.pb.gz → a b/3.pb.gz

  excess        ±  allocated  usual  live    at peak  where
+1.0 GiB  1.9 KiB    1.0 GiB    0 B   0 B  512.0 MiB  src/spike.rs:46 …count
1 more row, 4.0 KiB together; --limit 0 --min-fraction 0 shows all
more: highwater diff a/2.pb.gz 'a b/3.pb.gz' --sample alloc-bytes
";
        assert_eq!(text, expected);
    }

    #[test]
    fn missing_values_are_reported() {
        let (spiking, suspects) = sample();
        let more = Spikes { omitted: 2, ..spiking.clone() };
        let text = spikes(&more, &files(), Some(&suspects), &View::default());
        assert!(text.contains("\n2 smaller spikes left out; --limit 0 shows all\n"), "{text}");
        let quiet = Spikes { spikes: Vec::new(), only_live: true, ..spiking.clone() };
        let text = spikes(&quiet, &[], None, &View::default());
        assert!(text.contains("temporary blocks do not show\nno spike:"), "{text}");
        let live = Suspects { only_live: true, ..suspects.clone() };
        let text = spikes(&spiking, &files(), Some(&live), &View::default());
        assert!(text.contains("live change") && text.ends_with("--sample live-bytes\n"), "{text}");
        let nobody = Suspects { rows: Vec::new(), ..suspects };
        let text = spikes(&spiking, &files(), Some(&nobody), &View::default());
        assert!(text.contains("no line stands out"), "{text}");
    }

    #[test]
    fn a_name_is_one_word_to_a_shell() {
        assert_eq!(quoted("a/b-1.pb.gz"), "a/b-1.pb.gz");
        assert_eq!(quoted("it's; rm x"), r"'it'\''s; rm x'");
        assert_eq!(quoted(""), "''");
    }
}
