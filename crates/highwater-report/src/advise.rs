//! Advice as text: findings in the program first, then those in libraries, grouped by measure, each with its
//! savings.

use highwater_analyze::Unit::{Bytes, Count};
use highwater_analyze::{Advice, Advices, Measure, MeasureKind, Saving};

use crate::header;
use crate::label::{Label, clean};
use crate::leaks::gap;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

const KINDS: [MeasureKind; 7] = [
    MeasureKind::Bound,
    MeasureKind::Shrink,
    MeasureKind::Hoist,
    MeasureKind::Reserve,
    MeasureKind::Reuse,
    MeasureKind::Compact,
    MeasureKind::Trim,
];

/// The heading above findings in libraries.
const LIBRARIES: &str = "in libraries: their authors could change this";

/// The findings as text.
pub fn advise(advices: &Advices, view: &View) -> String {
    let mut text = headings(advices, view);
    let errors = header::has_errors(&advices.header);
    for in_library in [false, true] {
        let of_code: Vec<&Advice> =
            advices.findings.iter().filter(|it| it.in_library == in_library).collect();
        if in_library && !of_code.is_empty() {
            text.push_str(&format!("\n{}\n", view.paint(Role::Heading, LIBRARIES)));
        }
        for kind in KINDS {
            let findings: Vec<&Advice> =
                of_code.iter().copied().filter(|it| it.measure.kind() == kind).collect();
            if !findings.is_empty() {
                text.push_str(&section(kind, &findings, errors, view));
            }
        }
    }
    if advices.findings.is_empty() {
        text.push_str("nothing to advise\n");
    }
    text.push_str(&header::omitted(&advices.omitted, &Bytes, "finding", view));
    for it in &advices.not_possible {
        let line = format!("not looked for: {}: {}", word(it.measure), gap(it.gap));
        text.push_str(&format!("{}\n", view.paint(Role::Faint, &line)));
    }
    text
}

/// The findings of one kind, as a table.
fn section(kind: MeasureKind, findings: &[&Advice], errors: bool, view: &View) -> String {
    let mut text = format!("\n{}\n", view.paint(Role::Heading, heading(kind)));
    let mut heads = vec![column(kind)];
    heads.extend(errors.then_some("±"));
    heads.extend(is_traffic(kind).then_some("blocks"));
    heads.push("where");
    let mut table = Table::new(heads);
    for it in findings {
        let saved = &it.saves_bytes.total;
        let mut cells = vec![Cell::new(number::amount(saved.value, &Bytes))];
        cells.extend(errors.then(|| Cell::role(number::margin(saved, &Bytes), Role::Faint)));
        let blocks = it.saves_blocks.as_ref().map_or(0, |it| it.total.value);
        cells.extend(is_traffic(kind).then(|| Cell::new(number::amount(blocks, &Count))));
        table.push(cells, Label::from_key(&it.key));
    }
    let table = table.render(view);
    let mut lines = table.lines();
    text.extend(lines.next().map(|line| format!("{line}\n")));
    for (line, it) in lines.zip(findings) {
        text.push_str(&format!("{line}\n    {}\n", view.paint(Role::Faint, &measure_and_savings(it))));
        if let Some(caller) = &it.called_from {
            let caller = format!("called from {}", clean(&caller.label));
            text.push_str(&format!("    {}\n", view.paint(Role::Faint, &caller)));
        }
    }
    text
}

fn headings(advices: &Advices, view: &View) -> String {
    let during = advices.period_ns.map_or_else(String::new, |it| format!(" in {}", number::duration(it)));
    let allocated = format!(
        "allocated {} in {} blocks{during}",
        number::estimate(&advices.alloc_bytes, &Bytes),
        number::amount(advices.alloc_blocks.value, &Count)
    );
    let recording = header::recording(&advices.header);
    format!(
        "{}\n{}\n{}",
        view.paint(Role::Heading, &allocated),
        view.paint(Role::Faint, &recording),
        header::note_lines([&advices.header])
    )
}

fn is_traffic(kind: MeasureKind) -> bool {
    matches!(kind, MeasureKind::Hoist | MeasureKind::Reserve | MeasureKind::Reuse)
}

fn word(kind: MeasureKind) -> &'static str {
    match kind {
        MeasureKind::Bound => "bound",
        MeasureKind::Shrink => "shrink",
        MeasureKind::Hoist => "hoist",
        MeasureKind::Reserve => "reserve",
        MeasureKind::Reuse => "reuse",
        MeasureKind::Compact => "compact",
        MeasureKind::Trim => "trim",
    }
}

fn heading(kind: MeasureKind) -> &'static str {
    match kind {
        MeasureKind::Bound => "bound: what only grows",
        MeasureKind::Shrink => "shrink: large blocks that grew and were not trimmed",
        MeasureKind::Hoist => "hoist: what is built again and again",
        MeasureKind::Reserve => "reserve: what grows by reallocation",
        MeasureKind::Reuse => "reuse: blocks of one size that live briefly",
        MeasureKind::Compact => "compact: blocks that keep nearly empty pages resident",
        MeasureKind::Trim => "trim: free memory that stays resident",
    }
}

fn column(kind: MeasureKind) -> &'static str {
    match kind {
        MeasureKind::Bound => "holds",
        MeasureKind::Shrink | MeasureKind::Compact | MeasureKind::Trim => "up to",
        MeasureKind::Hoist | MeasureKind::Reuse => "saves",
        MeasureKind::Reserve => "copies",
    }
}

/// The measure, and what it saves, as text.
pub(crate) fn measure_and_savings(it: &Advice) -> String {
    let bytes = |number: i64| number::round_bytes(number);
    let action = match &it.measure {
        Measure::Bound { growth_per_hour: Some(growth) } => {
            format!("give it a bound: it grows by {} per hour", number::estimate(growth, &Bytes))
        }
        Measure::Bound { growth_per_hour: None } => {
            "give it a bound: it grew all the time, and next to nothing of it was freed".to_owned()
        }
        Measure::Shrink { held_bytes, large_bytes } => format!(
            "shrink_to_fit when it is complete: {} in blocks of {} and more that grew by doubling",
            number::estimate(held_bytes, &Bytes),
            bytes(*large_bytes)
        ),
        Measure::Hoist { constructor, times, lines, freed_fraction } => format!(
            "build it once and keep it: {} built the same about {}, allocates in {}, and {} of it was freed",
            clean(constructor),
            number::count(*times as usize, "time"),
            number::count(*lines, "line"),
            number::percent(*freed_fraction)
        ),
        Measure::Reserve { capacity_bytes, buffers_fraction, more_held_bytes } => format!(
            "ask for a capacity of {} at once: {} of the buffers come to it, {}",
            bytes(*capacity_bytes),
            number::percent(*buffers_fraction),
            match more_held_bytes {
                0 => "and no other holds more for it".to_owned(),
                more => format!("and the others hold {} more at the most", bytes(*more)),
            }
        ),
        Measure::Reuse { least_bytes, most_bytes, temporary_fraction } => {
            let size = match least_bytes == most_bytes {
                true => bytes(*least_bytes),
                false => format!("{} to {}", bytes(*least_bytes), bytes(*most_bytes)),
            };
            let temporary = number::percent(*temporary_fraction);
            format!("keep a buffer, or pool blocks of {size}: {temporary} of them are temporary")
        }
        Measure::Compact { live_bytes } => format!(
            "keep them apart from blocks that are freed: {} of live blocks keep this empty space on their pages; put them \
             into one vector or an arena, or make them before or after the others",
            bytes(*live_bytes)
        ),
        Measure::Trim { allocator, cached_bytes } => {
            let cached = match cached_bytes {
                0 => String::new(),
                cached => format!("; {} in caches of threads stay", bytes(*cached)),
            };
            format!("{}{cached}", how_to_trim(clean(allocator).as_str()))
        }
    };
    // A row that is a type says so already.
    let container = it.container.as_deref().filter(|_| it.key.type_name.is_none());
    let container = container.map_or_else(String::new, |name| format!("{}: ", clean(name)));
    format!("{container}{action}{}", rates(it))
}

fn how_to_trim(allocator: &str) -> &'static str {
    match allocator {
        "glibc" => {
            "give it back: malloc_trim(0), or POST /purge of the agent; fewer arenas (MALLOC_ARENA_MAX=2) keep less"
        }
        "jemalloc" => {
            "give it back: arena.<i>.purge by mallctl; a shorter dirty_decay_ms in MALLOC_CONF keeps less"
        }
        _ => "give it back, if the allocator has a call for that",
    }
}

/// `; saves 1.2 MiB and 340 blocks per second`.
fn rates(it: &Advice) -> String {
    // Less than one per second is too little to mention; the table has the totals.
    let rate = |saving: &Saving| saving.per_second.map(|it| it.value.round() as i64).filter(|it| *it > 0);
    let (Some(bytes), Some(blocks)) = (rate(&it.saves_bytes), it.saves_blocks.as_ref().and_then(rate)) else {
        return String::new();
    };
    format!(
        "; saves {} and {} per second",
        number::amount(bytes, &Bytes),
        number::count(blocks as usize, "block")
    )
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Gap, NotPossible, Omitted, Rate};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn saving(value: i64, per_second: Option<f64>) -> Saving {
        let rate = |value| Rate { value, standard_error: Some(0.0) };
        Saving { total: estimate(value, value as f64 / 19.6), per_second: per_second.map(rate) }
    }

    fn sample() -> Advices {
        let held = |line, measure| Advice {
            key: line_key("src/cache.rs", line, "demo::Cache::put"),
            measure,
            container: None,
            in_library: false,
            called_from: None,
            saves_bytes: saving(9 << 20, None),
            saves_blocks: None,
            stack: Vec::new(),
        };
        let traffic = |line, measure| Advice {
            saves_bytes: saving(9 << 20, Some(943_718.4)),
            saves_blocks: Some(saving(50_000, Some(5_000.0))),
            ..held(line, measure)
        };
        Advices {
            header: header(),
            period_ns: Some(10_000_000_000),
            alloc_bytes: estimate(1 << 30, 0.0),
            alloc_blocks: estimate(1_000_000, 0.0),
            findings: vec![
                held(1, Measure::Bound { growth_per_hour: Some(estimate(24 << 20, 0.0)) }),
                Advice {
                    container: Some("Vec<demo::Entry>".to_owned()),
                    ..held(2, Measure::Shrink { held_bytes: estimate(18 << 20, 0.0), large_bytes: 64 << 10 })
                },
                traffic(
                    3,
                    Measure::Hoist {
                        constructor: "regex::Regex::new".to_owned(),
                        times: 1250,
                        lines: 40,
                        freed_fraction: 1.0,
                    },
                ),
                traffic(
                    4,
                    Measure::Reserve {
                        capacity_bytes: 4 << 10,
                        buffers_fraction: 0.8,
                        more_held_bytes: 12 << 10,
                    },
                ),
                traffic(5, Measure::Reuse { least_bytes: 4096, most_bytes: 4096, temporary_fraction: 0.98 }),
                Advice {
                    in_library: true,
                    called_from: Some(line_key("src/main.rs", 6, "demo::main")),
                    saves_blocks: Some(saving(3, Some(0.3))),
                    ..traffic(
                        7,
                        Measure::Reserve {
                            capacity_bytes: 256 << 20,
                            buffers_fraction: 1.0,
                            more_held_bytes: 0,
                        },
                    )
                },
            ],
            omitted: Omitted::default(),
            not_possible: Vec::new(),
        }
    }

    #[test]
    fn each_finding_has_its_measure_and_its_savings() {
        let expected = "\
allocated 1.0 GiB in 1,000,000 blocks in 10.0 s
sampling interval 512 KiB; ± gives the 95 % confidence interval

bound: what only grows
  holds        ±  where
9.0 MiB  922 KiB  src/cache.rs:1 demo::Cache::put
    give it a bound: it grows by 24.0 MiB per hour

shrink: large blocks that grew and were not trimmed
  up to        ±  where
9.0 MiB  922 KiB  src/cache.rs:2 demo::Cache::put
    Vec<demo::Entry>: shrink_to_fit when it is complete: 18.0 MiB in blocks of 64 KiB and more that grew by doubling

hoist: what is built again and again
  saves        ±  blocks  where
9.0 MiB  922 KiB  50,000  src/cache.rs:3 demo::Cache::put
    build it once and keep it: regex::Regex::new built the same about 1,250 times, allocates in 40 lines, and 100.0% of it was freed; saves 921.6 KiB and 5,000 blocks per second

reserve: what grows by reallocation
 copies        ±  blocks  where
9.0 MiB  922 KiB  50,000  src/cache.rs:4 demo::Cache::put
    ask for a capacity of 4 KiB at once: 80.0% of the buffers come to it, and the others hold 12 KiB more at the most; saves 921.6 KiB and 5,000 blocks per second

reuse: blocks of one size that live briefly
  saves        ±  blocks  where
9.0 MiB  922 KiB  50,000  src/cache.rs:5 demo::Cache::put
    keep a buffer, or pool blocks of 4 KiB: 98.0% of them are temporary; saves 921.6 KiB and 5,000 blocks per second

in libraries: their authors could change this

reserve: what grows by reallocation
 copies        ±  blocks  where
9.0 MiB  922 KiB       3  src/cache.rs:7 demo::Cache::put
    ask for a capacity of 256 MiB at once: 100.0% of the buffers come to it, and no other holds more for it
    called from src/main.rs:6 demo::main
";
        assert_eq!(advise(&sample(), &View::default()), expected);
    }

    #[test]
    fn missing_data_is_reported() {
        let mut none = sample();
        none.findings.clear();
        none.not_possible = vec![NotPossible { measure: MeasureKind::Reserve, gap: Gap::Reallocations }];
        assert!(advise(&none, &View::default()).ends_with(
            "nothing to advise\nnot looked for: reserve: the file does not say what was reallocated\n"
        ));
    }
}
