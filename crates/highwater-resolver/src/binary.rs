//! Names from the file of a program or a library, read in place: nothing is kept, and the pages of each unit
//! of debug information are given back to the system after use.

use gimli::{DebugInfoOffset, Dwarf, EndianSlice, RunTimeEndian};
use highwater_unwind::MappedFile;
use object::{CompressionFormat, Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::call::Call;
use crate::unit::{self, Reader};

/// How sections are read.
#[derive(Clone, Copy)]
pub(crate) enum Sections {
    /// As they lie in the file. One that is compressed would have to be unpacked into memory, and is taken
    /// not to be there.
    InPlace,
    /// Unpacked where they are compressed. What was unpacked stays in memory.
    Unpacked,
}

impl Sections {
    fn of<'a>(self, object: &object::File<'a>, name: &str) -> Option<&'a [u8]> {
        let data = object.section_by_name(name)?.compressed_data().ok()?;
        match (data.format, self) {
            (CompressionFormat::None, _) => Some(data.data),
            (_, Self::InPlace) => None,
            (_, Self::Unpacked) => Some(Box::leak(data.decompress().ok()?.into_owned().into_boxed_slice())),
        }
    }
}

/// A file of code.
pub(crate) struct Binary<'a> {
    file: &'a MappedFile,
    object: object::File<'a>,
    dwarf: Dwarf<Reader<'a>>,
    aranges: gimli::DebugAranges<Reader<'a>>,
}

impl<'a> Binary<'a> {
    /// `None` when it is no file of code.
    pub(crate) fn open(file: &'a MappedFile, sections: Sections) -> Option<Self> {
        let object = object::File::parse(file.bytes()).ok()?;
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
            Ok(EndianSlice::new(sections.of(&object, id.name()).unwrap_or_default(), endian))
        };
        let dwarf = Dwarf::load(section).ok()?;
        let aranges = gimli::DebugAranges::new(
            sections.of(&object, gimli::SectionId::DebugAranges.name()).unwrap_or_default(),
            endian,
        );
        Some(Self { file, object, dwarf, aranges })
    }

    pub(crate) fn build_id(&self) -> Option<&'a [u8]> {
        self.object.build_id().ok().flatten()
    }

    /// The calls at each of these addresses, which are sorted; `tell` is given each once. It stops when
    /// `may_go_on` says so.
    pub(crate) fn calls(
        &self,
        addresses: &[u64],
        may_go_on: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(u64, Vec<Call>),
    ) {
        let asked = self.by_unit(addresses);
        let mut nameless: Vec<(u64, Option<Call>)> = Vec::new();
        for group in asked.chunk_by(|a, b| a.0 == b.0) {
            if !may_go_on() {
                return;
            }
            let addresses: Vec<u64> = group.iter().map(|it| it.1).collect();
            let found = group[0].0.and_then(|offset| unit::calls(&self.dwarf, offset, &addresses).ok());
            let found = found.unwrap_or_else(|| vec![unit::Found::default(); addresses.len()]);
            for (address, found) in addresses.into_iter().zip(found) {
                match found {
                    unit::Found { calls, .. } if !calls.is_empty() => tell(address, calls),
                    // The address may have a line without a function.
                    unit::Found { place, .. } => nameless.push((address, place)),
                }
            }
            self.file.release();
        }
        self.symbols(nameless, tell);
        self.file.release();
    }

    /// The names that debug information gives the functions that each of these addresses is in, inlined ones
    /// first. `tell` is given each address that has some, once.
    pub(crate) fn described(&self, addresses: &[u64], tell: &mut dyn FnMut(u64, Vec<String>)) {
        for group in self.by_unit(addresses).chunk_by(|a, b| a.0 == b.0) {
            let Some(offset) = group[0].0 else { continue };
            let addresses: Vec<u64> = group.iter().map(|it| it.1).collect();
            let found = unit::described(&self.dwarf, offset, &addresses).unwrap_or_default();
            addresses.into_iter().zip(found).for_each(|(address, names)| tell(address, names));
            self.file.release();
        }
    }

    /// The addresses by the unit in which each lies, and sorted.
    fn by_unit(&self, addresses: &[u64]) -> Vec<(Option<DebugInfoOffset>, u64)> {
        // What cannot be understood has no names.
        let units = self.units(addresses).unwrap_or_else(|_| vec![None; addresses.len()]);
        let mut asked: Vec<(Option<DebugInfoOffset>, u64)> =
            units.into_iter().zip(addresses.iter().copied()).collect();
        asked.sort_by_key(|&(unit, address)| (unit.map(|it| it.0), address));
        asked
    }

    /// The unit in which each of these addresses lies: as a table says, or else each unit.
    fn units(&self, addresses: &[u64]) -> Result<Vec<Option<DebugInfoOffset>>, gimli::Error> {
        let mut found = vec![None; addresses.len()];
        let mut add = |range: gimli::Range, unit: DebugInfoOffset| {
            let first = addresses.partition_point(|it| *it < range.begin);
            let inside = addresses[first..].partition_point(|it| *it < range.end);
            // Ranges that the linker removed begin at 0.
            if range.begin != 0 {
                found[first..first + inside].fill(Some(unit));
            }
        };
        let mut headers = self.aranges.headers();
        let mut has_table = false;
        while let Some(header) = headers.next()? {
            has_table = true;
            let mut entries = header.entries();
            while let Some(entry) = entries.next()? {
                add(entry.range(), header.debug_info_offset());
            }
        }
        if !has_table {
            let mut headers = self.dwarf.units();
            while let Some(header) = headers.next()? {
                let Some(offset) = header.debug_info_offset() else { continue };
                let unit = self.dwarf.unit(header)?;
                let mut ranges = self.dwarf.unit_ranges(&unit)?;
                while let Some(range) = ranges.next()? {
                    add(range, offset);
                }
            }
        }
        Ok(found)
    }

    /// Names from the symbol table, which is read from beginning to end and not kept.
    fn symbols(&self, mut asked: Vec<(u64, Option<Call>)>, tell: &mut dyn FnMut(u64, Vec<Call>)) {
        if asked.is_empty() {
            return;
        }
        asked.sort_by_key(|it| it.0);
        for symbols in [self.object.symbols(), self.object.dynamic_symbols()] {
            for symbol in symbols.filter(|it| it.kind() == SymbolKind::Text && it.size() > 0) {
                let end = symbol.address().saturating_add(symbol.size());
                let first = asked.partition_point(|it| it.0 < symbol.address());
                let inside = asked[first..].partition_point(|it| it.0 < end);
                if inside == 0 {
                    continue;
                }
                let Ok(name) = symbol.name() else { continue };
                let function = format!("{:#}", rustc_demangle::demangle(name));
                for (address, place) in asked.drain(first..first + inside) {
                    let place = place.unwrap_or_default();
                    tell(address, vec![Call { function: function.clone(), ..place }]);
                }
            }
        }
        asked.into_iter().for_each(|(address, _)| tell(address, Vec::new()));
    }
}
