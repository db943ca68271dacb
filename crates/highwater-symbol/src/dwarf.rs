//! Frames from debug information, including inlined calls.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use addr2line::{Context, LookupContinuation, LookupResult, SplitDwarfLoad};
use gimli::{
    AbbreviationsCacheStrategy, Dwarf, DwarfFileType, DwarfPackage, EndianSlice, RunTimeEndian, UnitOffset,
};
use highwater_names::arguments::with_arguments;
use typed_arena::Arena;

use crate::demangle::legacy;
use crate::die::Dies;
use crate::sections::{self, Budget, PackageSections, Sections, Slice, borrow};
use crate::split::SplitPlaces;

/// Maximum listed inlined calls at one address. Real programs have tens.
const MAX_FRAMES: usize = 1024;
/// A longer name or path is damage: a damaged string continues to the next zero byte.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// One source position of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The linker name, or the name in the debug information.
    pub(crate) name: Option<String>,
    /// The name for people, if it says more than `name`: it includes type arguments.
    pub(crate) shown: Option<String>,
    /// Path of the source file.
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// The files with the debug information of one binary.
#[derive(Clone, Debug)]
pub(crate) struct DebugFiles {
    pub(crate) main: PathBuf,
    /// The file with which `main` shares parts of its debug information.
    pub(crate) shared: Option<PathBuf>,
    /// Whether `main` names such a file and it was not found.
    pub(crate) shared_is_missing: bool,
    pub(crate) split: SplitPlaces,
}

/// The debug information of one binary, in memory.
pub(crate) struct DebugData {
    main: Sections,
    shared: Option<Sections>,
    package: Option<PackageSections>,
    endian: RunTimeEndian,
    /// Remaining memory budget for `.dwo` files, for each thread, in bytes.
    left: u64,
}

impl DebugData {
    /// Reads the debug information, if it needs at most `limit` bytes. The error gives the reason.
    pub(crate) fn load(files: &DebugFiles, limit: u64) -> Result<Self, String> {
        let mut budget = Budget::new(limit);
        let (main, endian) = sections::load(&files.main, &mut budget)?;
        let shared = match &files.shared {
            Some(path) => Some(sections::load(path, &mut budget)?.0),
            None => None,
        };
        let package = files.split.package(&mut budget);
        Ok(Self { main, shared, package, endian, left: limit - budget.used() })
    }

    /// The tables of the debug information, which all lookups share.
    pub(crate) fn dwarf(&self) -> Arc<Dwarf<Slice<'_>>> {
        let mut dwarf = borrow(&self.main, self.endian);
        if let Some(shared) = &self.shared {
            dwarf.set_sup(borrow(shared, self.endian));
        }
        dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
        Arc::new(dwarf)
    }
}

/// One thread's view of debug information: what was parsed for one address serves the next ones nearby.
pub(crate) struct Lookup<'a> {
    context: Context<Slice<'a>>,
    package: Option<DwarfPackage<Slice<'a>>>,
    split: &'a SplitPlaces,
    split_sections: &'a Arena<Sections>,
    budget: RefCell<Budget>,
    endian: RunTimeEndian,
    split_is_missing: Cell<bool>,
    dies: Dies<'a>,
}

impl<'a> Lookup<'a> {
    /// A view of `data` with the tables `dwarf`. `None` if it is damaged.
    pub(crate) fn new(
        data: &'a DebugData,
        dwarf: &Arc<Dwarf<Slice<'a>>>,
        split: &'a SplitPlaces,
        split_sections: &'a Arena<Sections>,
    ) -> Option<Self> {
        let endian = data.endian;
        let package = data.package.as_ref().and_then(|it| {
            it.borrow(|bytes| EndianSlice::new(bytes, endian), EndianSlice::new(&[], endian)).ok()
        });
        Some(Self {
            context: Context::from_arc_dwarf(Arc::clone(dwarf)).ok()?,
            package,
            split,
            split_sections,
            budget: RefCell::new(Budget::new(data.left)),
            endian,
            split_is_missing: Cell::new(false),
            dies: Dies::default(),
        })
    }

    /// The source positions of an address, innermost first. Empty if the file has none.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut result = self.context.find_frames(address);
        let mut found = loop {
            match result {
                LookupResult::Output(Ok(found)) => break found,
                LookupResult::Output(Err(_)) => return frames,
                LookupResult::Load { load, continuation } => {
                    let unit = self.load_split(&load);
                    result = continuation.resume(unit);
                }
            }
        };
        // Damaged debug information ends the list early; the frames before the damage are right.
        while let Ok(Some(frame)) = found.next() {
            let location = frame.location.as_ref();
            let name = frame.function.as_ref().and_then(|it| text(&it.raw_name().ok()?));
            let shown = name.as_deref().zip(frame.dw_die_offset).and_then(|it| self.shown(address, it));
            frames.push(Frame {
                name,
                shown,
                file: location.and_then(|it| text(it.file?)),
                // Line 0 means that the instruction belongs to no line.
                line: location.and_then(|it| it.line).filter(|&line| line > 0),
            });
            if frames.len() == MAX_FRAMES {
                break;
            }
        }
        if let [Frame { name: None, .. }] = frames[..]
            && self.is_split_off(address)
        {
            // The only remaining information is the line of the last inlined call, without a name. It would
            // look like a line of the function in the symbol table.
            self.split_is_missing.set(true);
            frames.clear();
        }
        frames
    }

    /// Whether the functions at an address are in a split file that was not found.
    fn is_split_off(&self, address: u64) -> bool {
        match self.context.find_dwarf_and_unit(address) {
            LookupResult::Output(Some(it)) => {
                it.unit.dwo_id.is_some() && it.dwarf.file_type == DwarfFileType::Main
            }
            _ => false,
        }
    }

    /// The name of the function whose entry is at `offset`, with the type arguments that its linker name
    /// lacks.
    fn shown(&self, address: u64, (name, offset): (&str, UnitOffset)) -> Option<String> {
        let path = legacy(name)?;
        // Everything needed for the unit has been loaded already.
        let LookupResult::Output(Some(unit)) = self.context.find_dwarf_and_unit(address) else { return None };
        let described = self.dies.described(unit, offset)?;
        with_arguments(&path, &described.name, &described.parameters).filter(|it| it.len() <= MAX_TEXT_BYTES)
    }

    /// Whether a needed split file was not found.
    pub(crate) fn split_is_missing(&self) -> bool {
        self.split_is_missing.get()
    }

    fn load_split(&self, wanted: &SplitDwarfLoad<Slice<'a>>) -> Option<Arc<Dwarf<Slice<'a>>>> {
        let packed = self.package.as_ref().and_then(|it| it.find_cu(wanted.dwo_id, &wanted.parent).ok()?);
        if let Some(dwarf) = packed {
            return Some(Arc::new(dwarf));
        }
        let sections = self.split.unit(wanted, self.endian, &mut self.budget.borrow_mut())?;
        let mut dwarf = borrow(self.split_sections.alloc(sections), self.endian);
        dwarf.make_dwo(&wanted.parent);
        Some(Arc::new(dwarf))
    }
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= MAX_TEXT_BYTES).then(|| text.to_owned())
}
