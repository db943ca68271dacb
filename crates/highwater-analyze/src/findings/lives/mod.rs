//! What a profile says of the lives of blocks, row by row: how many were born and died, how long they lived, how large
//! they were, by which snapshot they were first seen, and how they grew. What findings are made of.
//!
//! With an earlier profile of the same process, cumulative values are those of the time in between: the samples of the
//! earlier one are among those of the later, so their variances are subtracted.

pub(crate) mod of_size;
pub(crate) mod value;

use std::collections::{BTreeMap, HashMap};

use highwater_names::source;
use highwater_profile::{Profile, StringId};

use self::of_size::{Allocated, OfSize, is_brief};
use self::value::{Value, Values};
use crate::frames::frame::Frame;
use crate::frames::symbols::Symbol;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::Header;
use crate::queries::lost;
use crate::queries::rows::{self, Rows};
use crate::queries::sites::{Equal, Part, Places, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::sampling::Sampling;
use crate::statistics::sum::Sum;

/// What the blocks of a row did.
#[derive(Debug)]
pub(crate) struct Life {
    pub values: Values,
    /// By block size in bytes.
    pub sizes: BTreeMap<i64, OfSize>,
    /// Freed blocks by the least time they lived, in nanoseconds; they lived for less than twice that.
    pub lifetimes: BTreeMap<i64, Sum>,
    /// Live bytes by the number of the first snapshot that can have seen them.
    pub births: BTreeMap<i64, Sum>,
    /// The site that allocated most.
    heaviest: Option<usize>,
}

impl Life {
    fn new() -> Self {
        Self {
            values: Values::ZERO,
            sizes: BTreeMap::new(),
            lifetimes: BTreeMap::new(),
            births: BTreeMap::new(),
            heaviest: None,
        }
    }

    /// Freed since the process started.
    pub fn freed(&self, bytes_or_blocks: [Value; 2]) -> Sum {
        let [allocated, live] = bytes_or_blocks;
        self.values[allocated].without(self.values[live])
    }
}

/// The sites of a profile, and the rows they belong to.
pub(crate) struct Lives<'a> {
    pub sites: Sites<1>,
    pub header: Header,
    /// Number of the last snapshot, where the recorder says it.
    pub epoch: Option<i64>,
    last: Reader<'a>,
    earlier: Option<Reader<'a>>,
    /// Allocated bytes and blocks, and live bytes and those at the peak, of each site.
    by_site: Vec<SiteValues>,
    names: Rows,
    by: GroupBy,
    row_of: Vec<usize>,
}

/// What a site did, in short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteValues {
    pub alloc_bytes: Sum,
    pub alloc_blocks: Sum,
    pub live_bytes: Sum,
    pub peak_bytes: Sum,
}

/// One profile's columns and labels.
struct Reader<'a> {
    profile: &'a Profile,
    places: Places,
    /// Of those it has.
    columns: Vec<(Value, usize)>,
    size: Option<StringId>,
    lifetime: Option<StringId>,
    birth: Option<StringId>,
}

impl<'a> Lives<'a> {
    /// Reads the last profile and, for what happened since, an earlier one of the same process.
    pub fn of(last: &'a Profile, earlier: Option<&'a Profile>, query: &Query) -> Self {
        let header = Header::new(last, &SampleKind::LiveBytes);
        let mut sites = Sites::new([header]);
        let earlier = earlier.map(|it| Reader::new(it, &mut sites, query));
        let last = Reader::new(last, &mut sites, query);
        let header = Header::new(last.profile, &SampleKind::LiveBytes);
        let mut lives = Self {
            header,
            epoch: last.profile.meta.and_then(|it| it.epoch),
            by_site: Vec::new(),
            names: Rows::new(query.by),
            by: query.by,
            row_of: Vec::new(),
            last,
            earlier,
            sites,
        };
        lives.by_site = lives.sites_in_short();
        let live = lives.last.columns.iter().find(|it| it.0 == Value::LiveBytes).map(|it| it.1);
        if let Some(column) = live {
            let shown = lives.by_site.iter().fold(Sum::ZERO, |mut sum, it| {
                sum.add(it.live_bytes);
                sum
            });
            let total = lost::total(lives.last.profile, column).estimate();
            lives.header.add_up(lives.last.profile, total, shown.estimate());
        }
        lives.row_of = (0..lives.sites.all.len())
            .map(|at| match lives.by {
                GroupBy::Site => at,
                _ => lives.names.of(&lives.sites, lives.sites.cause(&lives.sites.all[at])),
            })
            .collect();
        lives
    }

    /// Whether the profile has these values.
    pub fn has(&self, value: Value) -> bool {
        self.last.columns.iter().any(|it| it.0 == value)
    }

    /// Time that cumulative values cover, in nanoseconds.
    pub fn period_ns(&self) -> Option<i64> {
        let duration = |it: &Reader<'_>| Some(it.profile.duration_ns).filter(|it| *it > 0);
        let period = match &self.earlier {
            None => duration(&self.last)?,
            Some(earlier) => match (duration(&self.last), duration(earlier)) {
                // Of one process both are counted from its start.
                (Some(last), Some(first)) if self.last.profile.meta.is_some() => last - first,
                _ => self.last.profile.time_ns - earlier.profile.time_ns,
            },
        };
        Some(period).filter(|it| *it > 0)
    }

    /// What a site did, in short.
    pub fn site(&self, at: usize) -> &SiteValues {
        &self.by_site[at]
    }

    /// What the row with this number is about.
    pub fn key(&self, row: usize) -> RowKey {
        match self.by {
            GroupBy::Site => rows::key(self.by, &self.sites.symbols, self.sites.cause(&self.sites.all[row])),
            _ => self.names.key(&self.sites, row).clone(),
        }
    }

    /// Whether the line of a row is a library's, as far as its path says.
    pub fn is_in_library(&self, row: usize) -> bool {
        let file = self.symbol(row).and_then(|it| self.sites.symbols.text(it.file));
        file.is_some_and(source::is_in_library)
    }

    /// One frame of a row: of its line, unless rows are larger.
    fn symbol(&self, row: usize) -> Option<Symbol> {
        let id = match self.by {
            GroupBy::Site => self.sites.cause(&self.sites.all[row]),
            _ => self.names.example(row),
        };
        id.map(|it| *self.sites.symbols.get(it))
    }

    /// The function of a row's line; `None` where it has no name.
    pub fn function(&self, row: usize) -> Option<&str> {
        self.sites.symbols.text(self.symbol(row)?.function)
    }

    /// The frames between the line of a row and its allocator, leaf first, in the stack that allocated most: what the line asked
    /// for the memory.
    pub fn asked(&self, life: &Life) -> Vec<Frame> {
        let Some(site) = life.heaviest.map(|it| &self.sites.all[it]) else { return Vec::new() };
        let frames = self.sites.symbols_of(site).iter().take(self.sites.attributed(site));
        frames.map(|&it| self.sites.symbols.frame(it)).collect()
    }

    /// The line of the program that called into the library whose line a row is, in the stack that allocated most.
    pub fn called_from(&self, life: &Life) -> Option<RowKey> {
        let symbols = &self.sites.symbols;
        let stack = self.sites.cause_and_callers(&self.sites.all[life.heaviest?]);
        let caller = stack.iter().copied().find(|it| symbols.get(*it).is_program(symbols))?;
        Some(rows::key(GroupBy::Line, symbols, Some(caller)))
    }

    /// The stack of the site that allocated most in a row.
    pub fn stack(&self, life: &Life) -> Vec<Frame> {
        life.heaviest.map_or_else(Vec::new, |at| self.sites.stack(&self.sites.all[at]))
    }

    /// Everything about each row, by its number, but for the sites that are set apart.
    pub fn rows(&self, apart: impl Fn(usize) -> bool) -> Vec<Life> {
        let count = self.row_of.iter().max().map_or(0, |it| it + 1);
        let mut rows: Vec<Life> = (0..count).map(|_| Life::new()).collect();
        let mut most: HashMap<usize, u128> = HashMap::new();
        for (at, &row) in self.row_of.iter().enumerate().filter(|it| !apart(it.0)) {
            let allocated =
                self.by_site[at].alloc_bytes.magnitude().max(self.by_site[at].live_bytes.magnitude());
            let most = most.entry(row).or_insert(0);
            if rows[row].heaviest.is_none() || allocated > *most {
                *most = allocated;
                rows[row].heaviest = Some(at);
            }
        }
        self.each(|site, cell| {
            if apart(site) {
                return;
            }
            let row = &mut rows[self.row_of[site]];
            cell.apply(&mut row.values[cell.value]);
            if let Some(size) = cell.size
                && let Some(sum) = row.sizes.entry(size).or_insert(OfSize::ZERO).sum(cell.value)
            {
                cell.apply(sum);
            }
            if let (Some(lived), Value::FreedBlocks) = (cell.lived_ns, cell.value) {
                cell.apply(row.lifetimes.entry(lived).or_insert(Sum::ZERO));
                if let Some(size) = cell.size {
                    let of_size = row.sizes.entry(size).or_insert(OfSize::ZERO);
                    cell.apply(&mut of_size.freed_blocks);
                    if is_brief(lived, size) {
                        cell.apply(&mut of_size.brief_blocks);
                    }
                }
            }
            if let (Some(epoch), Value::LiveBytes) = (cell.birth, cell.value) {
                cell.apply(row.births.entry(epoch).or_insert(Sum::ZERO));
            }
        });
        rows
    }

    /// What some sites allocated of each size, by the position of the site and the size in bytes; 0 where the file does not say
    /// the size.
    pub fn allocated_by_size(&self, is_wanted: impl Fn(usize) -> bool) -> BTreeMap<(usize, i64), Allocated> {
        let mut by_size = BTreeMap::new();
        self.each(|site, cell| {
            if matches!(cell.value, Value::AllocBlocks | Value::AllocBytes) && is_wanted(site) {
                let zero = Allocated { blocks: Sum::ZERO, bytes: Sum::ZERO };
                let it = by_size.entry((site, cell.size.unwrap_or(0))).or_insert(zero);
                cell.apply(if cell.value == Value::AllocBlocks { &mut it.blocks } else { &mut it.bytes });
            }
        });
        by_size
    }

    fn sites_in_short(&self) -> Vec<SiteValues> {
        let zero = SiteValues {
            alloc_bytes: Sum::ZERO,
            alloc_blocks: Sum::ZERO,
            live_bytes: Sum::ZERO,
            peak_bytes: Sum::ZERO,
        };
        let mut all = vec![zero; self.sites.all.len()];
        self.each(|site, cell| {
            let it = &mut all[site];
            match cell.value {
                Value::AllocBytes => cell.apply(&mut it.alloc_bytes),
                Value::AllocBlocks => cell.apply(&mut it.alloc_blocks),
                Value::LiveBytes => cell.apply(&mut it.live_bytes),
                Value::PeakBytes => cell.apply(&mut it.peak_bytes),
                _ => {}
            }
        });
        all
    }

    /// Calls `visit` with the site of every value that is not 0: those of the last profile first, then what the earlier
    /// one takes away.
    fn each(&self, mut visit: impl FnMut(usize, &Cell)) {
        self.last.each(false, &mut visit);
        if let Some(earlier) = &self.earlier {
            earlier.each(true, &mut visit);
        }
    }
}

/// One value of one row of a file, and what its labels say.
struct Cell {
    value: Value,
    sum: Sum,
    /// It is to be taken away.
    is_earlier: bool,
    size: Option<i64>,
    lived_ns: Option<i64>,
    birth: Option<i64>,
}

impl Cell {
    fn apply(&self, sum: &mut Sum) {
        if self.is_earlier {
            *sum = sum.without(self.sum);
        } else {
            sum.add(self.sum);
        }
    }
}

impl<'a> Reader<'a> {
    fn new(profile: &'a Profile, sites: &mut Sites<1>, query: &Query) -> Self {
        let column = |value: Value| Some((value, value.kind().column(profile).ok()?));
        let columns: Vec<_> = Value::all().filter_map(column).collect();
        // The sums of the sites are of no use here; what counts is that every stack with any value has a place.
        let parts = columns.iter().map(|&(_, column)| Part { slot: 0, column, seen_by: None });
        let places = sites.add(profile, &parts.collect::<Vec<_>>(), query, Equal::Merged);
        let label = |name: &str| profile.strings.find(name);
        Self {
            profile,
            places,
            columns,
            size: label("bytes"),
            lifetime: label("lifetime"),
            birth: label("birth_epoch"),
        }
    }

    fn each(&self, is_earlier: bool, visit: &mut impl FnMut(usize, &Cell)) {
        let columns = self.columns.iter().filter(|it| !is_earlier || it.0.is_cumulative());
        let mut columns: Vec<(Value, usize, Sampling)> =
            columns.map(|&(value, column)| (value, column, Sampling::of(self.profile, column))).collect();
        for sample in self.profile.samples.iter() {
            let Some(site) = self.places.site(sample.stack_id) else { continue };
            let number = |label: Option<StringId>| sample.number(label?).filter(|it| *it > 0);
            let (size, lived_ns, birth) = (number(self.size), number(self.lifetime), number(self.birth));
            for (value, column, sampling) in &mut columns {
                let number = sample.values[*column];
                if number != 0 {
                    let sum = Sum::new(number, sampling.basis(&sample));
                    visit(site, &Cell { value: *value, sum, is_earlier, size, lived_ns, birth });
                }
            }
        }
    }
}
