//! The lines of the ledger that the kernel alone can tell, and the memory that is left for allocators to
//! explain.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use crate::line::{Kind, Line};
use crate::mapping::Mapping;
use crate::pages::{Pages, Where};
use crate::stacks;

const SMAPS: &str = "/proc/self/smaps";
const PAGES: &str = "/proc/self/pagemap";

/// This number of files have a line of their own.
const NAMED_FILES: usize = 6;

/// A range of anonymous memory that may belong to an allocator.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub range: Range<usize>,
    pub resident_bytes: u64,
    pub swapped_bytes: u64,
    /// The kernel's name for it: `[heap]`, `[anon:…]` or empty.
    pub name: String,
}

/// What the kernel tells of the process.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    pub lines: Vec<Line>,
    /// What an allocator has to explain.
    pub regions: Vec<Region>,
    /// The resident set.
    pub resident_bytes: u64,
    /// Resident bytes in huge pages.
    pub huge_bytes: u64,
    /// Resident bytes of Highwater's tables.
    pub own_bytes: u64,
}

/// Sorts the mappings. `own` are the ranges of Highwater's tables.
///
/// # Errors
/// When the kernel does not say which pages are resident.
pub(crate) fn sort(mappings: &[Mapping], own: &[Range<usize>], pages: &Pages) -> io::Result<Kernel> {
    let mut kernel = Kernel {
        resident_bytes: mappings.iter().map(|it| it.resident_bytes).sum(),
        huge_bytes: mappings.iter().map(|it| it.huge_bytes).sum(),
        ..Kernel::default()
    };
    let modules: BTreeSet<&str> =
        mappings.iter().filter(|it| it.is_executable && it.is_file()).map(|it| it.name.as_str()).collect();
    let stacks = stacks::all(mappings);
    let mut sums: BTreeMap<(Kind, String), Sum> = BTreeMap::new();
    let mut own_sum = Where::default();
    for (index, mapping) in mappings.iter().enumerate() {
        let before = index.checked_sub(1).map(|it| &mappings[it]);
        let key = if let Some(stack) = stacks.iter().find(|it| it.range == mapping.range) {
            (Kind::Stacks, stack.thread.clone().unwrap_or_else(|| "running threads".to_owned()))
        } else if let Some(module) = module(mapping, before, &modules) {
            (Kind::Program, file_name(module))
        } else if mapping.is_anonymous() || mapping.name == "[heap]" {
            let own_part = add_regions(&mut kernel.regions, mapping, own, pages)?;
            own_sum.resident_bytes += own_part.resident_bytes;
            own_sum.swapped_bytes += own_part.swapped_bytes;
            continue;
        } else if is_shared_memory(mapping) {
            (Kind::Shared, file_name(&mapping.name))
        } else if mapping.is_file() {
            (Kind::Files, file_name(&mapping.name))
        } else {
            (Kind::Kernel, mapping.name.clone())
        };
        sums.entry(key).or_default().add(mapping);
    }
    for kind in [Kind::Stacks, Kind::Program, Kind::Files, Kind::Shared, Kind::Kernel] {
        let of_kind = sums.iter().filter(|it| it.0.0 == kind && it.1.resident_bytes + it.1.swapped_bytes > 0);
        add_lines(&mut kernel.lines, kind, of_kind.map(|((_, name), sum)| (name.as_str(), *sum)).collect());
    }
    kernel.own_bytes = own_sum.resident_bytes;
    if own_sum != Where::default() {
        let line = Line::counted(Kind::Overhead, "tables", own_sum.resident_bytes, PAGES);
        kernel.lines.push(line.swapped(own_sum.swapped_bytes));
    }
    Ok(kernel)
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    mappings: usize,
    resident_bytes: u64,
    swapped_bytes: u64,
}

impl Sum {
    fn add(&mut self, mapping: &Mapping) {
        self.mappings += 1;
        self.resident_bytes += mapping.resident_bytes;
        self.swapped_bytes += mapping.swapped_bytes;
    }
}

/// The file of a program or library that the mapping is a part of: mapped from it, or its zeroed variables,
/// which lie behind those with values.
fn module<'a>(
    mapping: &Mapping,
    before: Option<&'a Mapping>,
    modules: &BTreeSet<&'a str>,
) -> Option<&'a str> {
    if let Some(name) = modules.get(mapping.name.as_str()) {
        return Some(name);
    }
    let before = before.filter(|it| it.range.end == mapping.range.start && it.is_writable)?;
    let is_behind = mapping.is_writable && mapping.is_anonymous();
    modules.get(before.name.as_str()).filter(|_| is_behind).copied()
}

fn is_shared_memory(mapping: &Mapping) -> bool {
    ["/dev/shm/", "/memfd:", "/SYSV", "/dev/zero"].iter().any(|it| mapping.name.starts_with(it))
        || (mapping.is_shared && !mapping.is_file())
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// The largest by name, and the rest together.
fn add_lines(lines: &mut Vec<Line>, kind: Kind, mut named: Vec<(&str, Sum)>) {
    named.sort_by_key(|it| std::cmp::Reverse(it.1.resident_bytes));
    let rest = named.split_off(named.len().min(NAMED_FILES));
    for (name, sum) in named {
        let name = if kind == Kind::Stacks && sum.mappings > 1 {
            format!("{name} ({} threads)", sum.mappings)
        } else {
            name.to_owned()
        };
        lines.push(Line::counted(kind, name, sum.resident_bytes, SMAPS).swapped(sum.swapped_bytes));
    }
    if !rest.is_empty() {
        let total = |of: fn(&Sum) -> u64| rest.iter().map(|it| of(&it.1)).sum();
        let name = format!("{} others", rest.len());
        let line = Line::counted(kind, name, total(|it| it.resident_bytes), SMAPS);
        lines.push(line.swapped(total(|it| it.swapped_bytes)));
    }
}

/// Adds the parts of an anonymous mapping that are not Highwater's, and returns what is. All parts add up to
/// what the kernel says of the mapping.
fn add_regions(
    regions: &mut Vec<Region>,
    mapping: &Mapping,
    own: &[Range<usize>],
    pages: &Pages,
) -> io::Result<Where> {
    let region = |range, it: Where| Region {
        range,
        resident_bytes: it.resident_bytes,
        swapped_bytes: it.swapped_bytes,
        name: mapping.name.clone(),
    };
    let whole = Where { resident_bytes: mapping.resident_bytes, swapped_bytes: mapping.swapped_bytes };
    let inside = |it: &&Range<usize>| it.start < mapping.range.end && mapping.range.start < it.end;
    let mut cuts: Vec<Range<usize>> = own
        .iter()
        .filter(inside)
        .map(|it| it.start.max(mapping.range.start)..it.end.min(mapping.range.end))
        .collect();
    if whole == Where::default() {
        return Ok(Where::default());
    }
    if cuts.is_empty() {
        regions.push(region(mapping.range.clone(), whole));
        return Ok(Where::default());
    }
    cuts.sort_by_key(|it| it.start);
    let (mut ours, mut left, mut at) = (Where::default(), whole, mapping.range.start);
    for cut in cuts {
        let part = pages.of(&cut)?;
        // The kernel was asked twice, and memory moved meanwhile.
        let part = Where {
            resident_bytes: part.resident_bytes.min(left.resident_bytes),
            swapped_bytes: part.swapped_bytes.min(left.swapped_bytes),
        };
        take(&mut left, part);
        ours.resident_bytes += part.resident_bytes;
        ours.swapped_bytes += part.swapped_bytes;
        if at < cut.start {
            let before = pages.of(&(at..cut.start))?;
            let before = Where {
                resident_bytes: before.resident_bytes.min(left.resident_bytes),
                swapped_bytes: before.swapped_bytes.min(left.swapped_bytes),
            };
            take(&mut left, before);
            regions.push(region(at..cut.start, before));
        }
        at = at.max(cut.end);
    }
    if at < mapping.range.end {
        regions.push(region(at..mapping.range.end, left));
    } else {
        ours.resident_bytes += left.resident_bytes;
        ours.swapped_bytes += left.swapped_bytes;
    }
    Ok(ours)
}

fn take(left: &mut Where, part: Where) {
    left.resident_bytes -= part.resident_bytes;
    left.swapped_bytes -= part.swapped_bytes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping;

    #[test]
    fn parts_of_this_process_add_up() {
        let mappings = mapping::all().unwrap();
        let pages = Pages::open().unwrap();
        let own: Vec<u8> = vec![1; 8 << 20];
        let range = own.as_ptr().addr()..own.as_ptr().addr() + own.len();
        // The mappings were read before the block was there.
        let without = sort(&mappings, std::slice::from_ref(&range), &pages).unwrap();
        let with = sort(&mapping::all().unwrap(), &[range], &pages).unwrap();
        for kernel in [&without, &with] {
            let lines: u64 = kernel.lines.iter().map(|it| it.resident_bytes).sum();
            let regions: u64 = kernel.regions.iter().map(|it| it.resident_bytes).sum();
            assert_eq!(lines + regions, kernel.resident_bytes);
        }
        assert!(with.own_bytes >= 8 << 20, "{}", with.own_bytes);
        let program = std::env::current_exe().unwrap();
        let is_program =
            |it: &&Line| it.kind == Kind::Program && it.name == file_name(program.to_str().unwrap());
        assert!(with.lines.iter().find(is_program).unwrap().resident_bytes > 100 << 10);
    }
}
