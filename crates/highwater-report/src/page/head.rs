//! The head of a page: who was recorded, and how much memory it had in the last profile.

use highwater_analyze::{Info, SampleKind, Unit};
use serde::Serialize;

use super::content::Page;
use crate::label::clean;
use crate::number;

/// Characters of a version that are shown: a build id stands for one, and its beginning tells builds apart.
const LONGEST_VERSION: usize = 16;

/// Who was recorded and the most important numbers, as texts.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Head {
    /// The program and its version; empty if no profile says it.
    program: String,
    /// Host, process, time and recording, one text each.
    facts: Vec<String>,
    figures: Vec<Figure>,
}

/// A number that is shown large.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: String,
    /// The error, or what the number is compared with; may be empty.
    remark: String,
}

impl Head {
    pub(crate) fn new(page: &Page) -> Self {
        let mut head = page.info.as_ref().map_or_else(Self::default, Self::of_info);
        head.figures = figures(page);
        head
    }

    fn of_info(info: &Info) -> Self {
        let named = |name: &str| info.identity.get(name).map(|it| clean(it));
        let main = || {
            let file = info.mappings.first()?.file.as_deref()?;
            Some(clean(file.rsplit('/').next().unwrap_or(file)))
        };
        let version = named("version").map(|it| it.chars().take(LONGEST_VERSION).collect());
        let words = [named("program").or_else(main), version];
        let meta = |name: &str| info.meta.as_ref().and_then(|it| it.get(name)).copied();
        let facts = [
            named("host").map(|it| format!("on {it}")),
            named("process_id").map(|it| format!("process {it}")),
            info.time_ns.map(number::time),
            meta("exact").filter(|it| *it != 0).map(|_| "every block recorded".to_owned()),
            info.interval_bytes
                .filter(|_| !info.exact)
                .map(|it| format!("one sample each {}", number::amount(it, &Unit::Bytes))),
        ];
        Self {
            program: words.into_iter().flatten().collect::<Vec<_>>().join(" "),
            facts: facts.into_iter().flatten().collect(),
            figures: Vec::new(),
        }
    }
}

/// Live, peak, resident memory and the limit, as far as they are known.
fn figures(page: &Page) -> Vec<Figure> {
    let mut figures = Vec::new();
    let last = page.snapshots.last();
    let holdings = last.iter().flat_map(|it| &it.holdings);
    let mut kinds = [(SampleKind::LiveBytes, "live"), (SampleKind::PeakBytes, "at the peak")].into_iter();
    let total = |kind: &SampleKind| holdings.clone().find(|it| it.sample == *kind).map(|it| &it.top.header);
    let figure = |name, header: &highwater_analyze::Header| {
        let margin = number::margin(&header.total, &header.unit);
        let is_wide = !header.exact && header.total.has_error();
        let remark = if is_wide { format!("± {margin}").replace("± +", "+") } else { String::new() };
        Figure { name, value: number::amount(header.total.value, &header.unit), remark }
    };
    figures.extend(kinds.next().and_then(|(kind, name)| Some(figure(name, total(&kind)?))));
    let meta = page.info.as_ref().and_then(|it| it.meta.as_ref());
    let fact = |name: &str| meta.and_then(|it| it.get(name)).copied().filter(|it| *it > 0);
    let bytes = |it: i64| number::amount(it, &Unit::Bytes);
    let limit = fact("cgroup_limit_bytes");
    figures.extend(fact("rss_bytes").map(|it| Figure {
        name: "resident",
        value: bytes(it),
        remark: limit.map_or_else(String::new, |of| {
            format!("{} of the limit", number::percent(it as f64 / of as f64))
        }),
    }));
    match fact("peak_bytes") {
        Some(peak) => {
            figures.push(Figure { name: "peak", value: bytes(peak), remark: "requested".to_owned() })
        }
        None => figures.extend(kinds.next().and_then(|(kind, name)| Some(figure(name, total(&kind)?)))),
    }
    figures.extend(limit.map(|it| Figure {
        name: "limit",
        value: bytes(it),
        remark: "control group".to_owned(),
    }));
    if figures.is_empty() {
        // Files of other tools, or of other kinds of values.
        let first = holdings.clone().next().map(|it| &it.top.header);
        figures.extend(first.map(|it| Figure { remark: clean(&it.sample), ..figure("in all", it) }));
    }
    figures
}
