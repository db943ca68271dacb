//! The ledger: its lines add up to the resident set.

use std::io;

use crate::glibc::{self, Heaps};
use crate::jemalloc::Jemalloc;
use crate::kernel::{self, Kernel, Region};
use crate::line::{Kind, Line};
use crate::mapping;
use crate::pages::Pages;
use crate::reading::{Block, Known, Reading, Seen};

/// Half the width of a 95 % interval, in standard errors.
const Z95: f64 = 1.96;

/// A copy of the process is made only if the system has so much memory left, and more the larger the process
/// is.
const RESERVE_BYTES: u64 = 64 << 20;
const RESERVE_PART: u64 = 64;

/// This number of mappings have a line of their own, if they have at least the bytes below.
const NAMED_MAPPINGS: usize = 5;
const LEAST_NAMED: u64 = 1 << 20;

const WALK: &str = "a walk through glibc's heaps in a copy of the process";
const STATISTICS: &str = "jemalloc's statistics";
const SMAPS: &str = "/proc/self/smaps";

/// Reads the ledger of this process. It allocates, and it may copy the process for a moment.
///
/// # Errors
/// When the kernel does not give its lists, which are files in `/proc/self`.
pub fn read(known: &Known) -> io::Result<Reading> {
    let before = mapping::status("VmRSS").unwrap_or(0);
    let pages = Pages::open()?;
    let mut reading = Reading::default();
    let kernel = kernel::sort(&mapping::all()?, &known.own, &pages)?;
    // The last one shows whose the program's blocks are, even where none is sampled.
    let starts: Vec<usize> = known.blocks.iter().map(|it| it.start).chain([known.probe]).collect();
    let heaps = walk(&kernel, &starts, &pages, known, &mut reading);
    let jemalloc = Jemalloc::find();
    let of_jemalloc = jemalloc.and_then(|it| it.blocks(&starts)).unwrap_or_default();
    let owner = owner(&starts, heaps.as_ref(), &of_jemalloc);
    let mut sums = Sums::default();
    for (index, block) in known.blocks.iter().enumerate() {
        let in_glibc = heaps.as_ref().and_then(|it| *it.blocks.get(index)?);
        let in_jemalloc = of_jemalloc.get(index).copied().flatten().filter(|_| in_glibc.is_none());
        let untouched_bytes = untouched(block, &pages);
        // A sampled block is larger than the others that it stands for, by the mark in front of it.
        let (class, held_bytes) = match (in_glibc, in_jemalloc) {
            (Some(it), _) => {
                let class = glibc_class(block.size);
                (Some(class), Some(it.held_bytes * class / glibc_class(block.size + block.lead)))
            }
            (None, Some(it)) => {
                let class = it.class_bytes.saturating_sub(block.lead as u64).max(block.size as u64);
                (Some(class), Some(it.held_bytes * class / it.class_bytes.max(1)))
            }
            (None, None) => (None, None),
        };
        sums.held.add(held_bytes.unwrap_or(0) as f64, block.probability);
        sums.untouched.add(untouched_bytes as f64, block.probability);
        sums.rounding
            .add(class.map_or(0.0, |it| it.saturating_sub(block.size as u64) as f64), block.probability);
        reading.blocks.push(Seen { held_bytes, untouched_bytes });
    }
    reading.resident_bytes = kernel.resident_bytes;
    reading.huge_bytes = kernel.huge_bytes;
    reading.pause = heaps.as_ref().map(|it| it.pause);
    let mut lines = kernel.lines.clone();
    // What the allocators have to explain, and what of it is theirs for certain.
    let mut left: Vec<Region> = kernel.regions.clone();
    if let Some(heaps) = &heaps {
        add_glibc(&mut lines, heaps, (owner == Owner::Glibc).then_some((known, &sums)));
        for (region, &of_glibc) in left.iter_mut().zip(&heaps.of_regions) {
            region.resident_bytes = region.resident_bytes.saturating_sub(of_glibc);
        }
    }
    match jemalloc.filter(|_| owner == Owner::Jemalloc).and_then(Jemalloc::totals) {
        Some(totals) => add_jemalloc(&mut lines, totals, &mut left, known, &sums),
        None if owner != Owner::Glibc => {
            add_unknown(&mut lines, &mut left, known, &sums);
            reading.notes.push("the allocator tells nothing of itself: what it keeps is not named".to_owned());
        }
        None => {}
    }
    add_anonymous(&mut lines, &left);
    balance(&mut lines, kernel.resident_bytes);
    lines.retain(|it| it.resident_bytes + it.swapped_bytes > 0);
    reading.lines = lines;
    reading.counter_bytes = [before, mapping::status("VmRSS").unwrap_or(0)];
    Ok(reading)
}

/// Walks glibc's heaps if that is possible.
fn walk(
    kernel: &Kernel,
    starts: &[usize],
    pages: &Pages,
    known: &Known,
    reading: &mut Reading,
) -> Option<Heaps> {
    if !glibc::is_there() {
        return None;
    }
    let needed = RESERVE_BYTES + kernel.resident_bytes / RESERVE_PART;
    let left = [mapping::available_bytes(), known.headroom_bytes].into_iter().flatten().min();
    if left.is_some_and(|it| it < needed) {
        reading.notes.push(format!(
            "glibc's heaps were not walked: {} MiB of memory are left, and a copy of the process may need {} MiB",
            left.unwrap_or(0) >> 20,
            needed >> 20
        ));
        return None;
    }
    // A mapping that goes away while the process is copied ends the copy; so it is tried again.
    let walked =
        glibc::walk(&kernel.regions, starts, pages).or_else(|_| glibc::walk(&kernel.regions, starts, pages));
    walked.map_err(|error| reading.notes.push(format!("glibc's heaps were not walked: {error}"))).ok()
}

/// The allocator that the program's blocks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Glibc,
    Jemalloc,
    Other,
}

/// Whose most of these blocks are.
fn owner(starts: &[usize], heaps: Option<&Heaps>, of_jemalloc: &[Option<crate::jemalloc::Found>]) -> Owner {
    let in_glibc = heaps.map_or(0, |it| it.blocks.iter().flatten().count());
    let in_jemalloc = of_jemalloc.iter().flatten().count();
    match () {
        () if in_jemalloc > in_glibc => Owner::Jemalloc,
        () if in_glibc * 2 >= starts.len() => Owner::Glibc,
        () => Owner::Other,
    }
}

/// Sums over the sampled blocks.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rounding: Estimate,
    held: Estimate,
    untouched: Estimate,
}

/// A sum that samples stand for, with its variance.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    value: f64,
    variance: f64,
}

impl Estimate {
    fn add(&mut self, value: f64, probability: f64) {
        let p = probability.clamp(f64::MIN_POSITIVE, 1.0);
        self.value += value / p;
        self.variance += value * value * (1.0 - p) / (p * p);
    }

    fn bytes(self) -> u64 {
        self.value.round() as u64
    }

    fn margin(self) -> u64 {
        (Z95 * self.variance.sqrt()).round() as u64
    }
}

/// Bytes that glibc takes for a block.
fn glibc_class(size: usize) -> u64 {
    const MAPPED: usize = 32 << 20;
    if size >= MAPPED {
        return (size as u64 + 16).next_multiple_of(4096);
    }
    (size as u64 + 8).next_multiple_of(16).max(32)
}

/// Bytes of a block's whole pages that are nowhere.
fn untouched(block: &Block, pages: &Pages) -> u64 {
    let page = pages.page_bytes;
    let (start, end) = (block.start + block.lead, block.start + block.lead + block.size);
    let whole = start.next_multiple_of(page)..end / page * page;
    if whole.start >= whole.end {
        return 0;
    }
    let Ok(found) = pages.of(&whole) else { return 0 };
    ((whole.end - whole.start) as u64).saturating_sub(found.resident_bytes + found.swapped_bytes)
}

/// The lines of glibc's heaps. `programs` is what is known of the program's blocks, if they are in these
/// heaps.
fn add_glibc(lines: &mut Vec<Line>, heaps: &Heaps, programs: Option<(&Known, &Sums)>) {
    let totals = &heaps.totals;
    let mut in_use = totals.in_use_resident;
    if let Some((known, sums)) = programs {
        let mut take = |wanted: u64| {
            let part = wanted.min(in_use);
            in_use -= part;
            part
        };
        let rounding = sums.rounding.bytes();
        let marks: u64 = known.blocks.iter().map(|it| it.lead as u64).sum();
        // What is not resident and not the program's is taken to be Highwater's, whose buffers for a snapshot
        // are large.
        let absent = totals.in_use_bytes.saturating_sub(totals.in_use_resident);
        let own_absent = absent.saturating_sub(sums.untouched.bytes());
        let own = take((known.own_bytes + marks).saturating_sub(own_absent));
        let foreign =
            totals.in_use_bytes.saturating_sub(known.live_bytes + rounding + known.own_bytes + marks);
        let rounding_part = take(rounding);
        let foreign_part = take(foreign);
        let margin = sums.rounding.margin();
        lines.push(Line::counted(Kind::Live, "", in_use, WALK).within(margin));
        lines
            .push(Line::counted(Kind::Rounding, "", rounding_part, "sizes of sampled blocks").within(margin));
        lines.push(Line::counted(Kind::Foreign, "glibc", foreign_part, WALK).within(margin));
        lines.push(Line::counted(Kind::Overhead, "blocks", own, "Highwater's own count"));
    } else {
        lines.push(Line::counted(Kind::Foreign, "glibc", in_use, WALK));
    }
    lines.push(Line::counted(Kind::Held, "glibc", totals.held_resident, WALK));
    lines.push(Line::counted(Kind::Cached, "glibc", totals.cached_resident, WALK));
    lines.push(Line::counted(Kind::Free, "glibc", totals.free_resident, WALK));
    lines.push(Line::counted(Kind::Tables, "glibc", totals.tables_resident, WALK));
    lines.push(Line::counted(
        Kind::Unnamed,
        "glibc's heaps in the middle of a change",
        totals.skipped_resident,
        WALK,
    ));
}

/// The lines of jemalloc, which has taken its memory from these regions.
fn add_jemalloc(
    lines: &mut Vec<Line>,
    totals: crate::jemalloc::Totals,
    left: &mut [Region],
    known: &Known,
    sums: &Sums,
) {
    let resident: u64 = left.iter().map(|it| it.resident_bytes).sum();
    let mut rest = resident;
    let mut take = |wanted: u64| {
        let part = wanted.min(rest);
        rest -= part;
        part
    };
    let rounding = sums.rounding.bytes();
    let marks: u64 = known.blocks.iter().map(|it| it.lead as u64).sum();
    let named = known.live_bytes + rounding + known.own_bytes + marks;
    let margin = sums.rounding.margin();
    // Without its statistics, jemalloc does not say what of its pages is given out: the sampled blocks do.
    let (held, foreign, cached, margin_of_held, source) = match (totals.allocated, totals.cached) {
        (Some(allocated), Some(cached)) => {
            let foreign = allocated.saturating_sub(named + cached);
            (totals.active.saturating_sub(allocated), foreign, cached, 0, STATISTICS)
        }
        _ => {
            let beside = totals.active.saturating_sub(named);
            let held = sums.held.bytes().min(beside);
            let margin = sums.held.margin();
            (held, 0, beside - held, margin, "slabs of sampled blocks, and jemalloc's count of pages")
        }
    };
    // What is certain comes first. jemalloc counts pages of its tables also where they were never touched, so
    // these come last.
    let live = take(known.live_bytes.saturating_sub(sums.untouched.bytes()));
    let own = take(known.own_bytes + marks);
    let rounding = take(rounding);
    let held = take(held);
    let foreign = take(foreign);
    let cached = take(cached);
    let dirty = take(totals.dirty);
    let tables = take(totals.metadata.unwrap_or(0));
    lines.extend([
        Line::counted(Kind::Live, "", live, "the recorder's count, less what was never touched")
            .within(sums.untouched.margin()),
        Line::counted(Kind::Rounding, "", rounding, "sizes of sampled blocks").within(margin),
        Line::counted(Kind::Held, "jemalloc", held, source).within(margin_of_held),
        Line::counted(Kind::Cached, "jemalloc", cached, source).within(margin_of_held.max(margin)),
        Line::counted(Kind::Free, "jemalloc", dirty, "jemalloc's count of pages"),
        Line::counted(Kind::Tables, "jemalloc", tables, STATISTICS).within(tables),
        Line::counted(Kind::Foreign, "jemalloc", foreign, STATISTICS).within(margin),
        Line::counted(Kind::Overhead, "blocks", own, "Highwater's own count"),
    ]);
    give_away(left, known, resident - rest);
}

/// The lines of an allocator that tells nothing.
fn add_unknown(lines: &mut Vec<Line>, left: &mut [Region], known: &Known, sums: &Sums) {
    let resident: u64 = left.iter().map(|it| it.resident_bytes).sum();
    let own = known.own_bytes.min(resident);
    let live = known.live_bytes.saturating_sub(sums.untouched.bytes()).min(resident - own);
    let source = "the recorder's count, less what was never touched";
    lines.push(Line::counted(Kind::Live, "", live, source).within(sums.untouched.margin()));
    lines.push(Line::counted(Kind::Overhead, "blocks", own, "Highwater's own count"));
    lines.push(Line::counted(Kind::Unnamed, "memory of the allocator", resident - own - live, SMAPS));
    give_away(left, known, resident);
}

/// Takes this number of bytes from the regions, first from those in which most of the sampled blocks are.
/// Which pages of a region are the allocator's is not known.
fn give_away(left: &mut [Region], known: &Known, mut bytes: u64) {
    let starts = || known.blocks.iter().map(|it| it.start).chain([known.probe]);
    let count = |region: &Region| starts().filter(|it| region.range.contains(it)).count();
    let mut order: Vec<(usize, &mut Region)> = left.iter_mut().map(|it| (count(it), it)).collect();
    order.sort_by_key(|it| std::cmp::Reverse(it.0));
    for (_, region) in order {
        let part = region.resident_bytes.min(bytes);
        region.resident_bytes -= part;
        bytes -= part;
    }
}

/// The anonymous memory that no allocator explains, the largest mappings by their place.
fn add_anonymous(lines: &mut Vec<Line>, left: &[Region]) {
    let mut by_size: Vec<&Region> =
        left.iter().filter(|it| it.resident_bytes + it.swapped_bytes > 0).collect();
    by_size.sort_by_key(|it| std::cmp::Reverse(it.resident_bytes));
    let is_named = |it: &&Region| it.resident_bytes >= LEAST_NAMED;
    let named = by_size.iter().take(NAMED_MAPPINGS).take_while(|it| is_named(it)).count();
    let rest = by_size.split_off(named);
    for region in by_size {
        let mebibytes = region.range.len() >> 20;
        let place = region.range.start;
        let name = match region.name.as_str() {
            "" => format!("{place:#x}, {mebibytes} MiB"),
            name => format!("{name} {place:#x}, {mebibytes} MiB"),
        };
        lines.push(
            Line::counted(Kind::Anonymous, name, region.resident_bytes, SMAPS).swapped(region.swapped_bytes),
        );
    }
    if !rest.is_empty() {
        let sum = |of: fn(&Region) -> u64| rest.iter().map(|it| of(it)).sum::<u64>();
        let line = Line::counted(Kind::Anonymous, "", sum(|it| it.resident_bytes), SMAPS);
        lines.push(line.swapped(sum(|it| it.swapped_bytes)));
    }
}

/// Makes the sum of the lines the resident set. What is missing is not named. What is too much, because
/// memory moved while it was read, is taken from the largest line, whose margin then says so.
fn balance(lines: &mut Vec<Line>, resident_bytes: u64) {
    let sum: u64 = lines.iter().map(|it| it.resident_bytes).sum();
    if sum <= resident_bytes {
        lines.push(Line::counted(Kind::Unnamed, "", resident_bytes - sum, "what is left"));
        return;
    }
    let mut over = sum - resident_bytes;
    lines.sort_by_key(|it| std::cmp::Reverse(it.resident_bytes));
    for line in lines {
        let part = over.min(line.resident_bytes);
        line.resident_bytes -= part;
        line.margin_bytes += part;
        over -= part;
    }
}

#[cfg(test)]
mod tests;
