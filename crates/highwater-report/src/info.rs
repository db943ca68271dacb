//! The content of a file, as text.

use highwater_analyze::{Info, Unit};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};
use crate::walks::walks;

/// What the file contains, and what is missing in it.
pub fn info(info: &Info, view: &View) -> String {
    let mut text = String::new();
    let heading = |title: &str| format!("\n{}\n", view.paint(Role::Heading, title));
    let producer = info.source.producer.as_deref().map(|it| format!(", recorded by {}", clean(it)));
    text.push_str(&format!("format     {}{}\n", info.source.title, producer.unwrap_or_default()));
    let recording = match info.difference {
        true => header::DIFFERENCE.to_owned(),
        false => match &info.period {
            Some(period) => header::period(period),
            None => header::interval(info.exact, info.interval_bytes),
        },
    };
    text.push_str(&format!("recording  {recording}\n"));
    if let Some(ns) = info.time_ns {
        text.push_str(&format!("taken      {}\n", number::time(ns)));
    }
    if let Some(ns) = info.duration_ns {
        text.push_str(&format!("covers     {}\n", number::duration(ns)));
    }
    text.push_str(&format!(
        "holds      {}, {} ({} with names), {}\n",
        number::count(info.samples, "row"),
        number::count(info.locations, "location"),
        number::grouped(info.symbolized_locations as u64),
        number::count(info.functions, "function"),
    ));
    if let Some(walks) = info.meta.as_ref().and_then(walks) {
        text.push_str(&format!("stacks     {walks}\n"));
    }
    text.push_str(&heading("values"));
    text.push_str(&values(info).render(view));
    if !info.mappings.is_empty() {
        text.push_str(&heading("mapped files"));
        text.push_str(&mappings(info).render(view));
    }
    if !info.identity.is_empty() {
        text.push_str(&heading("who was recorded"));
        let width = info.identity.keys().map(|it| clean(it).chars().count()).max().unwrap_or(0);
        for (name, value) in &info.identity {
            text.push_str(&format!("{:width$}  {}\n", clean(name), clean(value)));
        }
    }
    if let Some(meta) = info.meta.as_ref().filter(|meta| !meta.is_empty()) {
        text.push_str(&heading("process"));
        let mut table = Table::new(["value", "fact"]);
        for (name, &value) in meta {
            let unit = if name.ends_with("_bytes") { Unit::Bytes } else { Unit::Count };
            table.push(vec![Cell::new(number::amount(value, &unit))], Label::text(name));
        }
        text.push_str(&table.render(view));
    }
    for (title, lines) in
        [("remarks", &info.comments), ("not in the file", &info.missing), ("notes", &info.notes)]
    {
        if !lines.is_empty() {
            text.push_str(&heading(title));
            lines.iter().for_each(|line| text.push_str(&format!("{}\n", clean(line))));
        }
    }
    text
}

fn values(info: &Info) -> Table {
    let mut table = Table::new(["total", "kind"]);
    let has_others = info.sample_types.iter().any(|it| it.total != 0);
    for kind in &info.sample_types {
        let names = if kind.name == kind.pprof_name {
            kind.name.clone()
        } else {
            format!("{} ({})", kind.name, kind.pprof_name)
        };
        let default = match kind.default {
            true if kind.total == 0 && has_others => {
                ", shown unless --sample says otherwise: choose another one"
            }
            true => ", shown unless --sample says otherwise",
            false => "",
        };
        table.push(
            vec![Cell::new(number::amount(kind.total, &kind.unit))],
            Label::text(&format!("{names}{default}")),
        );
    }
    table
}

fn mappings(info: &Info) -> Table {
    let mut table = Table::new(["locations", "with names", "build id", "file"]);
    for mapping in &info.mappings {
        // This prefix distinguishes builds; --json has the whole id.
        let build_id: String =
            clean(mapping.build_id.as_deref().unwrap_or("none")).chars().take(16).collect();
        let cells = vec![
            Cell::new(number::grouped(mapping.locations as u64)),
            Cell::new(number::grouped(mapping.symbolized as u64)),
            Cell::new(build_id),
        ];
        table.push(cells, Label::text(mapping.file.as_deref().unwrap_or("[unknown]")));
    }
    table
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{MappingInfo, SampleTypeInfo, SourceInfo};

    use super::*;

    #[test]
    fn a_file_is_described_in_full() {
        let sample_type = |name: &str, pprof_name: &str, unit, total, default| SampleTypeInfo {
            name: name.to_owned(),
            pprof_name: pprof_name.to_owned(),
            unit,
            total,
            default,
        };
        let answer = Info {
            source: SourceInfo {
                format: "pprof".to_owned(),
                title: "pprof profile".to_owned(),
                producer: Some("highwater".to_owned()),
            },
            sample_types: vec![
                sample_type("live-blocks", "inuse_objects", Unit::Count, 1234, false),
                sample_type("live-bytes", "inuse_space", Unit::Bytes, 12 << 20, true),
                sample_type("other", "other", Unit::Count, 1, false),
            ],
            interval_bytes: Some(1 << 19),
            period: None,
            exact: false,
            difference: false,
            time_ns: Some(1_700_000_000_000_000_000),
            duration_ns: Some(90_000_000_000),
            samples: 10,
            locations: 2000,
            symbolized_locations: 1999,
            functions: 1,
            mappings: vec![MappingInfo {
                file: Some("/usr/bin/demo".to_owned()),
                build_id: Some("00112233445566778899aabbccddeeff".to_owned()),
                locations: 2000,
                symbolized: 1999,
            }],
            meta: Some([("peak_bytes".to_owned(), 1 << 20), ("epoch".to_owned(), 3)].into()),
            identity: [("host", "web-3"), ("label.team", "a\u{1b}[2J")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            comments: vec!["a\nremark".to_owned()],
            missing: vec!["no block sizes".to_owned()],
            notes: vec!["/usr/bin/demo: stripped".to_owned()],
        };
        assert_eq!(
            info(&answer, &View::default()),
            "\
format     pprof profile, recorded by highwater
recording  sampling interval 512 KiB; ± gives the 95 % confidence interval
taken      2023-11-14 22:13:20 UTC
covers     1 min 30 s
holds      10 rows, 2,000 locations (1,999 with names), 1 function

values
   total  kind
   1,234  live-blocks (inuse_objects)
12.0 MiB  live-bytes (inuse_space), shown unless --sample says otherwise
       1  other

mapped files
locations  with names          build id  file
    2,000       1,999  0011223344556677  /usr/bin/demo

who was recorded
host        web-3
label.team  a\u{fffd}[2J

process
  value  fact
      3  epoch
1.0 MiB  peak_bytes

remarks
a\u{fffd}remark

not in the file
no block sizes

notes
/usr/bin/demo: stripped
"
        );
    }
}
