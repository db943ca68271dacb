//! The functions, inlined functions and lines of addresses, from one unit of debug information.

use std::path::PathBuf;

use gimli::{
    AttributeValue, DebugInfoOffset, DebuggingInformationEntry, Dwarf, EndianSlice, RunTimeEndian, Unit,
    UnitOffset,
};

use crate::call::Call;

pub(crate) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// Maximum number of references to follow from entry to entry for a name.
const MAX_STEPS: usize = 16;

/// The result for an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Calls that were inlined first; none where no function is known.
    pub calls: Vec<Call>,
    /// File and line only.
    pub place: Option<Call>,
}

type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// Which of a function's names is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// The name of its symbol, demangled: its path, and types in one of the manglings.
    Linked,
    /// The name in debug information: types, and no path.
    Described,
}

/// A function whose code holds an address, or a call that was inlined into one.
struct Frame {
    depth: isize,
    function: String,
    /// The file of the call that was inlined.
    call_file: Option<u64>,
    call_line: u32,
}

/// The results for these sorted addresses from the unit at `offset`.
///
/// # Errors
/// When it is not understood.
pub(crate) fn calls(
    dwarf: &Dwarf<Reader<'_>>,
    offset: DebugInfoOffset,
    addresses: &[u64],
) -> Result<Vec<Found>, gimli::Error> {
    let unit = dwarf.unit(dwarf.debug_info.header_from_offset(offset)?)?;
    let frames = frames(dwarf, &unit, addresses, Spelling::Linked)?;
    let mut lines = lines(dwarf, &unit, addresses)?;
    let result = frames.into_iter().zip(&mut lines).map(|(frames, place)| {
        // Where the innermost is follows from the line, of the others from where they called it.
        let mut at = place.clone().unwrap_or_default();
        let mut calls = Vec::with_capacity(frames.len());
        for frame in frames {
            let next =
                Call { line: frame.call_line, file: file(dwarf, &unit, frame.call_file), ..Call::default() };
            calls.push(Call { function: frame.function, ..std::mem::replace(&mut at, next) });
        }
        // The symbol table says more than a function without a name.
        if calls.iter().any(|it| it.function.is_empty()) {
            calls.clear();
        }
        Found { calls, place: place.take() }
    });
    Ok(result.collect())
}

/// The names that the unit at `offset` has for the functions that these sorted addresses are in, inlined ones
/// first.
///
/// # Errors
/// When it is not understood.
pub(crate) fn described(
    dwarf: &Dwarf<Reader<'_>>,
    offset: DebugInfoOffset,
    addresses: &[u64],
) -> Result<Vec<Vec<String>>, gimli::Error> {
    let unit = dwarf.unit(dwarf.debug_info.header_from_offset(offset)?)?;
    let frames = frames(dwarf, &unit, addresses, Spelling::Described)?;
    let names =
        |frames: Vec<Frame>| frames.into_iter().map(|it| it.function).filter(|it| !it.is_empty()).collect();
    Ok(frames.into_iter().map(names).collect())
}

/// The functions that each of these sorted addresses is in, the innermost first.
fn frames(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    addresses: &[u64],
    spelling: Spelling,
) -> Result<Vec<Vec<Frame>>, gimli::Error> {
    let mut frames: Vec<Vec<Frame>> = addresses.iter().map(|_| Vec::new()).collect();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        if entry.tag() != gimli::DW_TAG_subprogram && entry.tag() != gimli::DW_TAG_inlined_subroutine {
            continue;
        }
        let mut ranges = dwarf.die_ranges(unit, entry)?;
        let mut function = None;
        while let Some(range) = ranges.next()? {
            let first = addresses.partition_point(|it| *it < range.begin);
            let inside = addresses[first..].partition_point(|it| *it < range.end);
            if inside == 0 || range.begin == 0 {
                continue;
            }
            let function = function
                .get_or_insert_with(|| name(dwarf, unit, entry, (spelling, MAX_STEPS)).unwrap_or_default());
            let number = |name| entry.attr_value(name).and_then(|it| it.udata_value());
            let call_file = match entry.attr_value(gimli::DW_AT_call_file) {
                Some(AttributeValue::FileIndex(index)) => Some(index),
                other => other.and_then(|it| it.udata_value()),
            };
            let call_line = number(gimli::DW_AT_call_line).and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
            for found in &mut frames[first..first + inside] {
                found.push(Frame { depth: entry.depth(), function: function.clone(), call_file, call_line });
            }
        }
    }
    frames.iter_mut().for_each(|it| it.sort_by_key(|frame| std::cmp::Reverse(frame.depth)));
    Ok(frames)
}

/// The name of a function as people write it, or the name of the function it was made from.
fn name(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    entry: &Entry<'_>,
    (spelling, steps): (Spelling, usize),
) -> Option<String> {
    let text = |attribute| {
        let text = dwarf.attr_string(unit, entry.attr_value(attribute)?).ok()?;
        Some(text.to_string_lossy().into_owned())
    };
    let own = match spelling {
        Spelling::Linked => {
            let linked =
                [gimli::DW_AT_linkage_name, gimli::DW_AT_MIPS_linkage_name].into_iter().find_map(text);
            linked.map(|it| format!("{:#}", rustc_demangle::demangle(&it)))
        }
        Spelling::Described => text(gimli::DW_AT_name),
    };
    if own.is_some() {
        return own;
    }
    let asked = (spelling, steps.checked_sub(1)?);
    let origins = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification];
    let origin = origins.into_iter().find_map(|it| entry.attr_value(it)).and_then(|it| match it {
        AttributeValue::UnitRef(offset) => name_at(dwarf, unit, offset, asked),
        AttributeValue::DebugInfoRef(offset) => {
            if let Some(offset) = offset.to_unit_offset(&unit.header) {
                return name_at(dwarf, unit, offset, asked);
            }
            let other = dwarf.unit(header_before(dwarf, offset)?).ok()?;
            let offset = offset.to_unit_offset(&other.header)?;
            name_at(dwarf, &other, offset, asked)
        }
        _ => None,
    });
    origin.or_else(|| text(gimli::DW_AT_name))
}

fn name_at(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    offset: UnitOffset,
    asked: (Spelling, usize),
) -> Option<String> {
    name(dwarf, unit, &unit.entry(offset).ok()?, asked)
}

/// The unit that contains an offset.
fn header_before<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    offset: DebugInfoOffset,
) -> Option<gimli::UnitHeader<Reader<'a>>> {
    let mut found = None;
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        if header.debug_info_offset()?.0 > offset.0 {
            break;
        }
        found = Some(header);
    }
    found
}

/// File and line of each of these sorted addresses.
fn lines(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    addresses: &[u64],
) -> Result<Vec<Option<Call>>, gimli::Error> {
    let mut found = vec![None; addresses.len()];
    let Some(program) = unit.line_program.clone() else { return Ok(found) };
    let mut rows = program.rows();
    // A row is valid up to the next row of its sequence.
    let mut last: Option<(u64, u64, u32)> = None;
    while let Some((_, row)) = rows.next_row()? {
        if let Some((begin, file_index, line)) = last {
            let first = addresses.partition_point(|it| *it < begin);
            let inside = addresses[first..].partition_point(|it| *it < row.address());
            for place in &mut found[first..first + inside] {
                *place = Some(Call { line, file: file(dwarf, unit, Some(file_index)), ..Call::default() });
            }
        }
        let line = row.line().and_then(|it| u32::try_from(it.get()).ok()).unwrap_or(0);
        last = (!row.end_sequence() && row.address() != 0).then(|| (row.address(), row.file_index(), line));
    }
    Ok(found)
}

/// The path of a file in the unit's table; empty if unknown.
fn file(dwarf: &Dwarf<Reader<'_>>, unit: &Unit<Reader<'_>>, index: Option<u64>) -> String {
    let path = || {
        let header = unit.line_program.as_ref()?.header();
        let entry = header.file(index?)?;
        let text = |it| Some(dwarf.attr_string(unit, it).ok()?.to_string_lossy().into_owned());
        let mut path = unit.comp_dir.map(|it| PathBuf::from(it.to_string_lossy().as_ref()));
        let mut add = |part: String| path = Some(path.take().unwrap_or_default().join(part));
        // Directory number 0 is the unit's own: it is implicit in version 4, and in the table in version 5.
        entry.directory(header).and_then(text).into_iter().for_each(&mut add);
        add(text(entry.path_name())?);
        Some(path?.display().to_string())
    };
    path().unwrap_or_default()
}
