//! Possible leaks as text: by cause, each finding with its evidence.

use highwater_analyze::{Cause, Gap, Leak, LeakEvidence, Leaks, Suppressed};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The findings as text.
pub fn leaks(leaks: &Leaks, view: &View) -> String {
    let unit = &leaks.header.unit;
    let mut text = header::lines(&leaks.header, view);
    for cause in Cause::ALL {
        let findings = || leaks.findings.iter().filter(move |it| it.evidence.cause() == cause);
        if findings().next().is_none() {
            continue;
        }
        text.push_str(&format!("\n{}\n", view.paint(Role::Heading, heading(cause))));
        let errors = header::has_errors(&leaks.header);
        let mut heads = vec!["live"];
        heads.extend(errors.then_some("±"));
        heads.push("where");
        let mut table = Table::new(heads);
        for it in findings() {
            let mut cells = vec![Cell::new(number::amount(it.live_bytes.value, unit))];
            cells.extend(errors.then(|| Cell::role(number::margin(&it.live_bytes, unit), Role::Faint)));
            table.push(cells, Label::from_key(&it.key));
        }
        // The evidence is below each line of the table; the first line has the column heads.
        let table = table.render(view);
        let mut lines = table.lines();
        text.extend(lines.next().map(|line| format!("{line}\n")));
        for (line, it) in lines.zip(findings()) {
            text.push_str(&format!("{line}\n    {}\n", view.paint(Role::Faint, &evidence(it))));
        }
    }
    if leaks.findings.is_empty() {
        text.push_str("nothing that looks like a leak\n");
    }
    text.push_str(&header::omitted(&leaks.omitted, unit, "finding", view));
    for it in leaks.suppressed.iter().filter(|it| it.findings > 0) {
        text.push_str(&format!("{}\n", view.paint(Role::Faint, &suppressed(it))));
    }
    for it in &leaks.not_known {
        let line = format!("not looked for: {}: {}", short(it.cause), gap(it.gap));
        text.push_str(&format!("{}\n", view.paint(Role::Faint, &line)));
    }
    text
}

/// A cause, as text.
pub(crate) fn heading(cause: Cause) -> &'static str {
    match cause {
        Cause::GrowsWithoutEnd => "grows without end",
        Cause::NeverFreed => "piles up and is never freed",
        Cause::OutlivesItsKind => "outlives its kind",
    }
}

fn short(cause: Cause) -> &'static str {
    match cause {
        Cause::GrowsWithoutEnd => "what grows without end",
        Cause::NeverFreed => "what is never freed",
        Cause::OutlivesItsKind => "what outlives its kind",
    }
}

/// The evidence for a finding, as text.
pub(crate) fn evidence(leak: &Leak) -> String {
    use highwater_analyze::Unit::{Bytes, Count};
    match &leak.evidence {
        LeakEvidence::GrowsWithoutEnd { growth_per_hour, sustained_per_hour, snapshots, span_ns } => {
            let least = sustained_per_hour.map_or_else(String::new, |it| {
                format!(", and by {} at the least all the time", number::amount(it.round() as i64, &Bytes))
            });
            format!(
                "grew by {} per hour over {} in {}{least}",
                number::estimate(growth_per_hour, &Bytes),
                number::count(*snapshots, "snapshot"),
                number::duration(*span_ns)
            )
        }
        LeakEvidence::NeverFreed { snapshots, alloc_bytes, freed_fraction_at_most } => format!(
            "{} saw new blocks of it; of {} no more than {} was freed",
            number::count(*snapshots, "snapshot"),
            number::estimate(alloc_bytes, &Bytes),
            number::percent(*freed_fraction_at_most)
        ),
        LeakEvidence::OutlivesItsKind { usual_ns, freed_blocks, old_bytes, older_than_ns } => {
            let old = number::estimate(old_bytes, &Bytes);
            let how = match older_than_ns {
                Some(age) => format!("{old} are older than {}", number::lifetime(*age)),
                None => format!("{old} more are live than can be as young"),
            };
            format!(
                "99 % of {} freed blocks lived for less than {}; {how}",
                number::estimate(freed_blocks, &Count),
                number::lifetime(*usual_ns)
            )
        }
    }
}

/// Missing data, as text.
pub(crate) fn gap(gap: Gap) -> String {
    match gap {
        Gap::Series => "that takes a directory of snapshots, and this is one file".to_owned(),
        Gap::Snapshots { have, need } => {
            format!("that takes {need} snapshots of the process, and there are {have}")
        }
        Gap::AllocatedTotals => {
            "the file does not say what was allocated since the start, and how long that is ago".to_owned()
        }
        Gap::BirthEpochs => "the file does not say when live blocks were born".to_owned(),
        Gap::Lifetimes => "the file does not say how long freed blocks lived".to_owned(),
        Gap::Temporaries => "the file does not say which blocks were temporary".to_owned(),
        Gap::Reallocations => "the file does not say what was reallocated".to_owned(),
        Gap::LiveTotals => "the file does not say what is live".to_owned(),
        Gap::SamplingErrors => {
            "the file does not say how it was sampled, so nothing can be distinguished from noise".to_owned()
        }
    }
}

/// What a suppression rule removed, as text.
pub(crate) fn suppressed(it: &Suppressed) -> String {
    format!(
        "suppressed: {}, {}: {}",
        number::count(it.findings, "finding"),
        number::amount(it.live_bytes, &highwater_analyze::Unit::Bytes),
        clean(&it.reason)
    )
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{NotKnown, Omitted};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> Leaks {
        let leak = |line, evidence| Leak {
            key: line_key("src/cache.rs", line, "demo::Cache::put"),
            evidence,
            live_bytes: estimate(9 << 20, 200_000.0),
            live_blocks: None,
            stack: Vec::new(),
        };
        Leaks {
            header: header(),
            findings: vec![
                leak(
                    7,
                    LeakEvidence::GrowsWithoutEnd {
                        growth_per_hour: estimate(24 << 20, 1_048_576.0 / 1.96),
                        sustained_per_hour: Some(20.0 * 1_048_576.0),
                        snapshots: 12,
                        span_ns: 990_000_000_000,
                    },
                ),
                leak(
                    8,
                    LeakEvidence::NeverFreed {
                        snapshots: 11,
                        alloc_bytes: estimate(9 << 20, 200_000.0),
                        freed_fraction_at_most: 0.062,
                    },
                ),
                leak(
                    9,
                    LeakEvidence::OutlivesItsKind {
                        usual_ns: 1 << 24,
                        freed_blocks: estimate(50_000, 0.0),
                        old_bytes: estimate(9 << 20, 200_000.0),
                        older_than_ns: Some(90_000_000_000),
                    },
                ),
            ],
            omitted: Omitted { rows: 2, value: 4096 },
            suppressed: vec![Suppressed {
                pattern: "x".to_owned(),
                reason: "bounded\nby its users".to_owned(),
                findings: 1,
                live_bytes: 1 << 20,
                unused: false,
            }],
            not_known: Vec::new(),
        }
    }

    #[test]
    fn each_finding_has_its_evidence_below() {
        let expected = "\
live-bytes 16.0 MiB ± 410 KiB
sampling interval 512 KiB; ± gives the 95 % confidence interval

grows without end
   live        ±  where
9.0 MiB  383 KiB  src/cache.rs:7 demo::Cache::put
    grew by 24.0 MiB ± 1.0 MiB per hour over 12 snapshots in 16 min 30 s, and by 20.0 MiB at the least all the time

piles up and is never freed
   live        ±  where
9.0 MiB  383 KiB  src/cache.rs:8 demo::Cache::put
    11 snapshots saw new blocks of it; of 9.0 MiB ± 383 KiB no more than 6.2% was freed

outlives its kind
   live        ±  where
9.0 MiB  383 KiB  src/cache.rs:9 demo::Cache::put
    99 % of 50,000 freed blocks lived for less than 16.8 ms; 9.0 MiB ± 383 KiB are older than 1 min 30 s
2 more findings, 4.0 KiB together; --limit 0 --min-fraction 0 shows all
suppressed: 1 finding, 1.0 MiB: bounded\u{fffd}by its users
";
        assert_eq!(leaks(&sample(), &View::default()), expected);
    }

    #[test]
    fn without_findings_the_gaps_are_named() {
        let mut none = sample();
        none.findings.clear();
        none.omitted = Omitted::default();
        none.suppressed.clear();
        none.not_known = vec![NotKnown { cause: Cause::GrowsWithoutEnd, gap: Gap::Series }];
        assert!(leaks(&none, &View::default()).ends_with(
            "confidence interval\nnothing that looks like a leak\nnot looked for: what grows without end: that takes a directory of snapshots, and this is one file\n"
        ));
    }
}
