//! The types in the names that debug information gives functions. Those of the symbol table, which everything else shows, may
//! leave them out.
//!
//! Only asked for tasks that are left. What cannot be read is not known, and nothing else depends on it.

use std::fs;
use std::sync::{LazyLock, Mutex, PoisonError};

use addr2line::{Context, gimli};
use gimli::{AttributeValue, DebuggingInformationEntry, EndianSlice, RunTimeEndian, SectionId, UnitRef};
use highwater_tasks::Executor;
use object::{Object, ObjectSection, ObjectSegment};

use crate::symbols;

/// Sections stay in memory: they are read once, by a process that is about to fail.
type Reader = EndianSlice<'static, RunTimeEndian>;

/// How many of the innermost calls are asked. The constructor of a cell is a few calls outside of the allocator.
const MOST_CALLS: usize = 24;
/// How often a function refers to another one for its name.
const MOST_REFERENCES: usize = 4;

/// The debug information of the program itself.
struct Program {
    context: Context<Reader>,
    /// What is added to an address of the file to make one of this process.
    bias: u64,
}

/// The type of the future of a task, by the stack that allocated its cell.
pub(crate) fn future(executor: Executor, stack: &[usize]) -> Option<String> {
    static PROGRAM: LazyLock<Mutex<Option<Program>>> = LazyLock::new(|| Mutex::new(Program::load()));
    let program = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner);
    let program = program.as_ref()?;
    stack.iter().take(MOST_CALLS).find_map(|address| {
        let names = program.names(*address).unwrap_or_default();
        names.iter().find_map(|name| highwater_tasks::future(executor, name)).map(|it| it.name)
    })
}

/// The same by the names of the symbol table, which have types in one of the manglings.
pub(crate) fn future_by_symbols(executor: Executor, stack: &[usize]) -> Option<String> {
    let mut names = stack.iter().take(MOST_CALLS).flat_map(|address| symbols::names(*address));
    names.find_map(|name| highwater_tasks::future(executor, &name)).map(|it| it.name)
}

impl Program {
    fn load() -> Option<Self> {
        let bytes = fs::read("/proc/self/exe").ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let load = |id: SectionId| -> Result<Reader, gimli::Error> {
            let section = file.section_by_name(id.name());
            let bytes = section.and_then(|it| it.uncompressed_data().ok()).unwrap_or_default();
            Ok(Reader::new(Box::leak(bytes.into_owned().into_boxed_slice()), endian))
        };
        let context = Context::from_dwarf(gimli::Dwarf::load(load).ok()?).ok()?;
        let first = file.segments().map(|it| it.address()).min()?;
        let here = highwater_hooks::base_of(Self::load as fn() -> Option<Self> as usize)?;
        Some(Self { context, bias: u64::try_from(here).ok()?.checked_sub(first & !0xfff)? })
    }

    /// The names, with types, of the functions that an address is in: inlined ones before the ones that they are inlined into.
    fn names(&self, address: usize) -> Option<Vec<String>> {
        let probe = u64::try_from(address).ok()?.checked_sub(self.bias)?;
        let unit = self.context.find_dwarf_and_unit(probe).skip_all_loads()?;
        let mut names = Vec::new();
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs().ok()? {
            let is_function =
                [gimli::DW_TAG_subprogram, gimli::DW_TAG_inlined_subroutine].contains(&entry.tag());
            if is_function && covers(&unit, entry, probe) {
                names.extend(name(&unit, entry));
            }
        }
        names.reverse();
        Some(names)
    }
}

fn covers(unit: &UnitRef<'_, Reader>, entry: &DebuggingInformationEntry<Reader>, probe: u64) -> bool {
    let Ok(mut ranges) = unit.die_ranges(entry) else { return false };
    while let Ok(Some(range)) = ranges.next() {
        if (range.begin..range.end).contains(&probe) {
            return true;
        }
    }
    false
}

/// The name of a function, or of the one that it is a copy of.
fn name(unit: &UnitRef<'_, Reader>, entry: &DebuggingInformationEntry<Reader>) -> Option<String> {
    let mut referred: Option<DebuggingInformationEntry<Reader>> = None;
    for _ in 0..MOST_REFERENCES {
        let entry = referred.as_ref().unwrap_or(entry);
        if let Some(name) = entry.attr_value(gimli::DW_AT_name) {
            let name = unit.attr_string(name).ok()?;
            return Some(name.to_string_lossy().into_owned());
        }
        let reference = entry
            .attr_value(gimli::DW_AT_abstract_origin)
            .or_else(|| entry.attr_value(gimli::DW_AT_specification))?;
        let AttributeValue::UnitRef(offset) = reference else { return None };
        referred = Some(unit.entry(offset).ok()?);
    }
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod tests {
    use super::*;

    #[inline(never)]
    fn generic<T>(_: T) -> Vec<usize> {
        let mut stack = Vec::new();
        backtrace::trace(|frame| {
            stack.push(frame.ip().addr().saturating_sub(1));
            true
        });
        std::hint::black_box(stack)
    }

    #[test]
    fn names_have_types() {
        struct Marker;
        let program = Program::load().expect("this test has debug information");
        let names: Vec<String> =
            generic(Marker).iter().filter_map(|it| program.names(*it)).flatten().collect();
        let found = names.iter().find(|it| it.starts_with("generic<")).unwrap_or_else(|| panic!("{names:?}"));
        assert!(found.ends_with("names_have_types::Marker>"), "{found}");
        assert_eq!(program.names(1), None);
    }
}
