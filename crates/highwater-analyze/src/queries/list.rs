//! What the lines of a function hold: the numbers of an annotated source.

use std::collections::{BTreeMap, HashMap};

use highwater_names::source;
use highwater_profile::Profile;
use regex::Regex;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::frames::frame::UNKNOWN;
use crate::frames::symbols::{SymbolId, Symbols, TextId};
use crate::queries::header::{Header, Omitted};
use crate::queries::sites::{Equal, Part, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// Most kinds of values that are shown side by side.
const MOST_KINDS: usize = 3;

/// What is shown when nothing else was asked for, as far as the profile has it.
const KINDS: [SampleKind; MOST_KINDS] =
    [SampleKind::LiveBytes, SampleKind::AllocBytes, SampleKind::PeakBytes];

/// The answer of [`list()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Listing {
    /// What the values are about: a header for each kind, in the order of [`LineValues`].
    pub headers: Vec<Header>,
    /// What matched, largest cumulative value of the first kind first. Empty when nothing did.
    pub functions: Vec<ListedFunction>,
    /// What matched and is not in `functions`; the value is the sum of their flat values of the first kind.
    pub omitted: Omitted,
}

/// A function and its lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ListedFunction {
    /// The function, without the compiler's hash; `[unknown]` when it has no name.
    pub function: String,
    /// Path of the source file as the debug information gives it.
    pub file: Option<String>,
    /// The same as labels show it: shortened when it lies in a registry or in the toolchain.
    pub short_file: Option<String>,
    /// What the whole function holds; recursion counts once.
    pub values: LineValues,
    /// Lines that are in any stack, in the order of the file.
    pub lines: Vec<ListedLine>,
}

/// A line of a function.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ListedLine {
    /// Line in the file, from 1; `None` when only the function is known.
    pub line: Option<i64>,
    /// What it holds.
    pub values: LineValues,
}

/// Values of a line or a function, one for each of the answer's headers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct LineValues {
    /// What is attributed to it.
    pub flat: Vec<Estimate>,
    /// What is attributed to it or to anything called by it; recursion counts once.
    pub cumulative: Vec<Estimate>,
}

/// Lists the lines of all functions whose name or whose file's path `wanted` matches: bytes live, ever allocated and at the
/// peak, as far as the profile has them, or the one kind that the query names.
///
/// As in [`peek`](crate::peek()), library code inside the frame that a value is attributed to is there to be looked
/// at. `limit` applies to functions; `by` and `min_fraction` do not apply.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn list(profile: &Profile, wanted: &Regex, query: &Query) -> Result<Listing, AnalyzeError> {
    let kinds = kinds(profile, query);
    let header = |at: usize| Header::new(profile, &kinds[at.min(kinds.len() - 1)]);
    let mut sites: Sites<MOST_KINDS> = Sites::new(std::array::from_fn(header));
    let mut parts = Vec::with_capacity(kinds.len());
    for (slot, kind) in kinds.iter().enumerate() {
        parts.push(Part { slot, column: kind.column(profile)?, seen_by: None });
    }
    sites.add(profile, &parts, query, Equal::Apart);

    let mut functions = Functions::new(wanted);
    for at in 0..sites.all.len() {
        functions.add(&sites, at);
    }
    let mut entries = functions.all;
    entries.sort_by(|a, b| {
        let size = |it: &Entry| (it.whole.cumulative[0].magnitude(), it.whole.flat[0].magnitude());
        size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.file.cmp(&b.file))
    });
    let left_out = entries.split_off(query.limit.unwrap_or(usize::MAX).min(entries.len()));
    let mut headers = Vec::from(sites.headers);
    headers.truncate(kinds.len());
    Ok(Listing {
        functions: entries.into_iter().map(|it| it.listed(kinds.len())).collect(),
        omitted: Omitted::of(left_out.into_iter().map(|it| it.whole.flat[0])),
        headers,
    })
}

/// The kinds to show, one at the least.
fn kinds(profile: &Profile, query: &Query) -> Vec<SampleKind> {
    if let Some(kind) = &query.sample {
        return vec![kind.clone()];
    }
    let mut kinds: Vec<SampleKind> = KINDS.into_iter().filter(|it| it.column(profile).is_ok()).collect();
    if kinds.is_empty() {
        kinds.push(SampleKind::default_for(profile));
    }
    kinds
}

/// Sums that count each site once.
struct Values {
    flat: [Sum; MOST_KINDS],
    cumulative: [Sum; MOST_KINDS],
    last: Option<usize>,
}

impl Values {
    const ZERO: Self =
        Self { flat: [Sum::ZERO; MOST_KINDS], cumulative: [Sum::ZERO; MOST_KINDS], last: None };

    fn count(&mut self, at: usize, sums: &[Sum; MOST_KINDS], is_cause: bool) {
        if self.last != Some(at) {
            self.last = Some(at);
            self.cumulative.iter_mut().zip(sums).for_each(|(total, sum)| total.add(*sum));
        }
        if is_cause {
            self.flat.iter_mut().zip(sums).for_each(|(total, sum)| total.add(*sum));
        }
    }

    fn listed(&self, kinds: usize) -> LineValues {
        let estimates = |sums: &[Sum; MOST_KINDS]| sums[..kinds].iter().map(|it| it.estimate()).collect();
        LineValues { flat: estimates(&self.flat), cumulative: estimates(&self.cumulative) }
    }
}

/// A function that matched, while it is added up.
struct Entry {
    name: String,
    file: Option<String>,
    whole: Values,
    lines: BTreeMap<i64, Values>,
}

impl Entry {
    fn listed(self, kinds: usize) -> ListedFunction {
        let line = |(line, values): (i64, Values)| ListedLine {
            line: Some(line).filter(|it| *it > 0),
            values: values.listed(kinds),
        };
        ListedFunction {
            short_file: self.file.as_deref().map(|it| source::short(it).to_owned()),
            function: self.name,
            file: self.file,
            values: self.whole.listed(kinds),
            lines: self.lines.into_iter().map(line).collect(),
        }
    }
}

struct Functions<'a> {
    wanted: &'a Regex,
    all: Vec<Entry>,
    /// Of each function and file that was seen, where it is in `all` if it matches.
    ids: HashMap<(TextId, TextId), Option<usize>>,
    /// The same of each symbol.
    of_symbol: HashMap<usize, Option<usize>>,
}

impl<'a> Functions<'a> {
    fn new(wanted: &'a Regex) -> Self {
        Self { wanted, all: Vec::new(), ids: HashMap::new(), of_symbol: HashMap::new() }
    }

    fn add(&mut self, sites: &Sites<MOST_KINDS>, at: usize) {
        let site = &sites.all[at];
        for (position, &symbol) in sites.symbols_of(site).iter().enumerate() {
            let Some(entry) = self.entry(&sites.symbols, symbol) else { continue };
            let is_cause = position == sites.attributed(site);
            let entry = &mut self.all[entry];
            entry.whole.count(at, &site.sums, is_cause);
            let line = entry.lines.entry(sites.symbols.get(symbol).line).or_insert(Values::ZERO);
            line.count(at, &site.sums, is_cause);
        }
    }

    /// The entry of a frame; its function is asked whether it matches when it is seen first.
    fn entry(&mut self, symbols: &Symbols, symbol: SymbolId) -> Option<usize> {
        if let Some(known) = self.of_symbol.get(&symbol.index()) {
            return *known;
        }
        let (function, file) = (symbols.get(symbol).function, symbols.get(symbol).file);
        let (all, wanted) = (&mut self.all, self.wanted);
        let entry = *self.ids.entry((function, file)).or_insert_with(|| {
            let (name, file) = (symbols.text(function), symbols.text(file));
            let matches = [name, file].into_iter().flatten().any(|it| wanted.is_match(it));
            matches.then(|| {
                let name = name.unwrap_or(UNKNOWN).to_owned();
                let file = file.map(str::to_owned);
                all.push(Entry { name, file, whole: Values::ZERO, lines: BTreeMap::new() });
                all.len() - 1
            })
        });
        self.of_symbol.insert(symbol.index(), entry);
        entry
    }
}
