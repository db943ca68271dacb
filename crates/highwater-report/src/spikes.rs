//! The spikes of a series: when, how it shows, and a table of whose allocations did it.

use highwater_analyze::{Estimate, Sign, Spike, SpikeRow, Spikes, Suspects, Unit};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The spikes as text. `files` has those before and after each spike; `suspects` explain the first.
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
    if let (Some(suspects), Some([before, after])) = (suspects, files.first()) {
        text += &table(suspects, view);
        let sample = if suspects.only_live { "live-bytes" } else { "alloc-bytes" };
        let command = format!("highwater diff {} {} --sample {sample}", quoted(before), quoted(after));
        text += &format!("{}\n", view.paint(Role::Faint, &format!("more: {command}")));
    }
    text
}

/// What shows a spike, in numbers.
fn signs(spike: &Spike) -> String {
    let bytes = |value| number::amount(value, &Unit::Bytes);
    let told = spike.signs.iter().map(|sign| match sign {
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
    told.collect::<Vec<_>>().join("; ")
}

fn table(suspects: &Suspects, view: &View) -> String {
    if suspects.rows.is_empty() {
        return "\nno line stands out from its usual rate beyond sampling noise\n".to_owned();
    }
    let unit = &Unit::Bytes;
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
        table.push(cells, Label::of(&row.key));
    }
    format!("\n{}{}", table.render(view), header::omitted(&suspects.omitted, unit, "row", view))
}

/// A file's name as a shell takes it.
fn quoted(name: &str) -> String {
    let name = clean(name);
    let plain = |it: char| it.is_alphanumeric() || "/._-+:@%".contains(it);
    if !name.is_empty() && name.chars().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}
