//! Writes DHAT files that `dh_view.html` and the Firefox Profiler open.
//!
//! Viewers demand each stack once, and a file with moments (`bklt`) to have all of them. A moment that the
//! profile does not have is filled in, and the object `highwater` says so, which viewers pass over: the peak
//! by the end, and the site's own maximum by the larger of the two, which it cannot be below.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::json;

use super::schema::{ACCESSES, ALLOCATED, COMMAND, Column, LIFETIME, MAXIMUM, MOMENTS, TIME_UNITS, VERSION};
use crate::format::list::Format;
use crate::format::others::by_stack::ByStack;
use crate::format::others::columns::{column, not_negative, shown_column};
use crate::format::others::frames::{Frame, FrameTable};
use crate::format::written::Written;
use crate::profile::{Profile, ValueType};

/// Where the values of a row come from: positions of columns.
struct Plan {
    blocks: Option<usize>,
    bytes: usize,
    /// `ebk`, `eb`, `gbk`, `gb`.
    moments: Option<[Option<usize>; 4]>,
    /// `mbk`, `mb`.
    maximum: [Option<usize>; 2],
    lifetime: Option<usize>,
    /// `rb`, `wb`.
    accesses: Option<[usize; 2]>,
}

impl Plan {
    fn of(profile: &Profile) -> io::Result<Self> {
        let find = |it: &Column| column(profile, &it.value_type());
        let lifetime =
            TIME_UNITS.iter().find_map(|(_, unit)| column(profile, &ValueType::new(LIFETIME, *unit)));
        let accesses = ACCESSES.each_ref().map(find);
        let mut plan = Self {
            blocks: None,
            bytes: shown_column(profile)?,
            moments: None,
            maximum: MAXIMUM.each_ref().map(find),
            lifetime,
            accesses: accesses[0].zip(accesses[1]).map(|(read, written)| [read, written]),
        };
        if let [blocks, Some(bytes)] = ALLOCATED.each_ref().map(find) {
            (plan.blocks, plan.bytes) = (blocks, bytes);
            let moments = MOMENTS.each_ref().map(find);
            plan.moments = moments[1].is_some().then_some(moments);
        } else {
            // Totals since the start are unknown: what is shown otherwise is the only total there is.
            let kind = &profile.sample_types()[plan.bytes].kind;
            if let Some(prefix) = kind.strip_suffix("_space") {
                plan.blocks = column(profile, &ValueType::new(format!("{prefix}_objects"), "count"));
            }
        }
        Ok(plan)
    }

    fn has_peak(&self) -> bool {
        self.moments.is_some_and(|[_, _, _, bytes]| bytes.is_some())
    }

    fn has_maximum(&self) -> bool {
        self.maximum[1].is_some()
    }

    fn columns(&self) -> Vec<usize> {
        let moments = self.moments.into_iter().flatten().chain(self.maximum).chain([self.lifetime]);
        let all = moments.chain([self.blocks, Some(self.bytes)]).flatten();
        all.chain(self.accesses.into_iter().flatten()).collect()
    }

    /// Fields of a row and their values, in the order in which valgrind writes them.
    fn fields(&self, values: &[i64]) -> Vec<(&'static str, i64)> {
        let at = |column: Option<usize>| column.map_or(0, |it| values[it]);
        let mut fields = vec![("tb", values[self.bytes]), ("tbk", at(self.blocks))];
        if let Some([end_blocks, end_bytes, peak_blocks, peak_bytes]) = self.moments {
            let (eb, ebk) = (at(end_bytes), at(end_blocks));
            let (gb, gbk) = if peak_bytes.is_some() { (at(peak_bytes), at(peak_blocks)) } else { (eb, ebk) };
            let (mb, mbk) = match self.maximum {
                [blocks, Some(bytes)] => (values[bytes], at(blocks)),
                _ => (gb.max(eb), gbk.max(ebk)),
            };
            fields.extend(self.lifetime.map(|it| ("tl", values[it])));
            fields.extend([("mb", mb), ("mbk", mbk), ("gb", gb), ("gbk", gbk), ("eb", eb), ("ebk", ebk)]);
        }
        if let Some([read, written]) = self.accesses {
            fields.extend([("rb", values[read]), ("wb", values[written])]);
        }
        fields
    }
}

/// Writes a profile as a DHAT file.
///
/// # Errors
/// The errors of `out`, and [`io::ErrorKind::InvalidInput`] for a profile without columns or with negative
/// values.
pub(in crate::format::others) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    let plan = Plan::of(profile)?;
    not_negative(profile, &plan.columns(), Format::Dhat)?;
    // The viewers' tree grows from this one.
    let mut texts = vec!["[root]".to_owned()];
    let mut numbers = HashMap::new();
    let table = FrameTable::of(profile, |frame| {
        *numbers.entry(text(&frame)).or_insert_with_key(|text| {
            texts.push(text.clone());
            texts.len() as u32 - 1
        })
    });
    let mut rows = ByStack::new(profile.sample_types().len());
    let mut stack = Vec::new();
    for sample in profile.samples.iter() {
        if plan.columns().iter().all(|&it| sample.values[it] == 0) {
            continue;
        }
        table.stack(sample.stack, &mut stack);
        rows.add(&stack, sample.values);
    }
    head(profile, &plan, out)?;
    out.write_all(b",\"pps\":[")?;
    for (index, (stack, values)) in rows.iter().enumerate() {
        out.write_all(if index == 0 { b"\n{" } else { b",\n{" })?;
        for (name, value) in plan.fields(values) {
            write!(out, "\"{name}\":{value},")?;
        }
        write!(out, "\"fs\":{}}}", serde_json::to_string(stack)?)?;
    }
    out.write_all(b"\n],\"ftbl\":[")?;
    for (index, text) in texts.iter().enumerate() {
        write!(out, "{}{}", if index == 0 { "\n" } else { ",\n" }, serde_json::to_string(text)?)?;
    }
    out.write_all(b"\n]}\n")?;
    let mut columns = plan.columns();
    columns.sort_unstable();
    columns.dedup();
    Ok(Written { rows: rows.iter().len(), columns })
}

/// Writes all that stands before the rows, and leaves the object open.
fn head(profile: &Profile, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let total = &profile.sample_types()[plan.bytes];
    let blocks = plan.blocks.map_or("", |it| profile.sample_types()[it].kind.as_str());
    let (tu, million) = match plan.lifetime {
        Some(column) if profile.sample_types()[column].unit == "instructions" => ("instrs", "Minstr"),
        _ => ("µs", "s"),
    };
    let command = profile.comments.iter().find_map(|it| it.strip_prefix(COMMAND));
    let program = profile.mappings().first().map(|it| profile.string(it.file));
    let process = profile.comments.iter().find_map(|it| it.strip_prefix("process ")?.parse::<u64>().ok());
    let mut head = json!({
        "mode": "highwater",
        "verb": verb(&total.kind),
        "bklt": plan.moments.is_some(),
        "bkacc": plan.accesses.is_some(),
        "tu": tu,
        "Mtu": million,
        "tuth": 10,
        "cmd": command.or(program).unwrap_or("unknown"),
        "pid": process.unwrap_or(0),
        // When the peak was is not known, and a field that has to be there.
        "tg": null,
        "te": profile.duration_ns / 1000,
        "highwater": {
            "tbk": if blocks.is_empty() { "blocks" } else { blocks },
            "tb": total.kind,
            "unit": total.unit,
            "peak": plan.has_peak(),
            "max": plan.has_maximum(),
        },
    });
    if total.unit != "bytes" {
        head["bu"] = json!(total.unit);
        head["bsu"] = json!(total.unit);
    }
    let text = head.to_string();
    // By the version the format is known, so it comes first.
    write!(out, "{{\"dhatFileVersion\":{VERSION},{}", text.trim_start_matches('{').trim_end_matches('}'))?;
    // The innermost object ends the text too.
    out.write_all(if text.ends_with("}}") { b"}" } else { b"" })
}

/// What happened to the bytes of this kind, as a word that stands before "at".
fn verb(kind: &str) -> String {
    match kind.strip_suffix("_space").unwrap_or(kind) {
        "alloc" => "Allocated".to_owned(),
        "inuse" => "Live, allocated".to_owned(),
        "peak" => "Live at the peak, allocated".to_owned(),
        other => format!("Counted ({other})"),
    }
}

/// A frame as valgrind writes it, from which the Firefox Profiler takes the name, the file and the line.
fn text(frame: &Frame<'_>) -> String {
    let name = if frame.is_named { &*frame.name } else { "???" };
    let address = frame.address;
    match (frame.file, frame.binary) {
        ("", "") if frame.is_named => format!("{address:#x}: {name}"),
        ("", "") => format!("{address:#x}: ???"),
        ("", binary) => format!("{address:#x}: {name} (in {binary})"),
        (file, _) => format!("{address:#x}: {name} ({file}:{})", frame.line),
    }
}
