//! Function names from symbol tables, for code without debug information.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use lzma_rust2::XzReader;
use object::read::{Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, ReadCache, ReadRef};
use object::{BinaryFormat, SymbolIndex, SymbolKind};

use crate::binary::open_regular;

/// Maximum memory for uncompressing the symbol table in `.gnu_debugdata`, in bytes; real ones need a few MiB.
const MAX_MINI_BYTES: u64 = 256 << 20;
const XZ_MEMORY_KIB: u32 = 64 << 10;

struct Span {
    address: u64,
    size: u64,
    symbol: SymbolIndex,
    dynamic: bool,
}

/// The linker names of the functions that contain these addresses, from the symbol tables of the file at
/// `path`. The result is empty if the file cannot be read.
///
/// An address must be within the size that the symbol states. The nearest symbol before it may belong to
/// another function, for example in a stripped library, which keeps only the names of its exported functions.
pub(crate) fn names(path: &Path, addresses: &[u64]) -> HashMap<u64, String> {
    let Ok(file) = open_regular(path) else { return HashMap::new() };
    let cache = ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else { return HashMap::new() };
    let mut names = names_in(&object, addresses);
    let packed = object.section_by_name(".gnu_debugdata").and_then(|it| it.file_range());
    drop(object);
    if let Some(range) = packed.filter(|_| names.len() < addresses.len()) {
        let unnamed: Vec<u64> = addresses.iter().copied().filter(|it| !names.contains_key(it)).collect();
        if let Some(unpacked) = unpack(cache.into_inner(), range)
            && let Ok(object) = object::File::parse(unpacked.as_slice())
        {
            names.extend(names_in(&object, &unnamed));
        }
    }
    names
}

/// Uncompresses the small ELF file that distributions put into a stripped binary: a symbol table of its own
/// functions, as xz.
fn unpack(mut file: File, (offset, size): (u64, u64)) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(offset)).ok()?;
    let reader = XzReader::new_mem_limit(file.take(size), false, XZ_MEMORY_KIB);
    let mut bytes = Vec::new();
    reader.take(MAX_MINI_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn names_in<'data, R: ReadRef<'data>>(
    object: &object::File<'data, R>,
    addresses: &[u64],
) -> HashMap<u64, String> {
    let spans = spans(object);
    let mut names = HashMap::new();
    for &address in addresses {
        let Some(found) = containing(&spans, address) else { continue };
        let symbol = if found.dynamic {
            object.dynamic_symbol_table().and_then(|table| table.symbol_by_index(found.symbol).ok())
        } else {
            object.symbol_by_index(found.symbol).ok()
        };
        let name = symbol.as_ref().and_then(|it| it.name().ok()).unwrap_or_default();
        // Mach-O adds an underscore before every name of a C function.
        let name = match object.format() {
            BinaryFormat::MachO => name.strip_prefix('_').unwrap_or(name),
            _ => name,
        };
        if !name.is_empty() {
            names.insert(address, name.to_owned());
        }
    }
    names
}

/// The functions of both symbol tables, sorted by address.
fn spans<'data, R: ReadRef<'data>>(object: &object::File<'data, R>) -> Vec<Span> {
    // Only ELF states sizes. In other formats a function ends where the next one starts, or where its section
    // ends.
    let has_sizes = object.format() == BinaryFormat::Elf;
    let mut section_ends: Vec<u64> = if has_sizes {
        Vec::new()
    } else {
        object.sections().map(|it| it.address().saturating_add(it.size())).collect()
    };
    section_ends.sort_unstable();

    let span = |dynamic| {
        move |symbol: object::Symbol<'data, '_, R>| {
            let is_code = symbol.is_definition()
                && symbol.kind() == SymbolKind::Text
                && (symbol.size() > 0 || !has_sizes);
            is_code.then(|| Span {
                address: symbol.address(),
                size: symbol.size(),
                symbol: symbol.index(),
                dynamic,
            })
        }
    };
    let mut spans: Vec<Span> = object.symbols().filter_map(span(false)).collect();
    spans.extend(object.dynamic_symbols().filter_map(span(true)));
    spans.sort_by_key(|it| (it.address, it.dynamic, it.symbol.0));
    if !has_sizes {
        let mut next = u64::MAX;
        for index in (0..spans.len()).rev() {
            if let Some(later) = spans.get(index + 1).filter(|it| it.address > spans[index].address) {
                next = later.address;
            }
            let address = spans[index].address;
            let end = section_ends.partition_point(|&end| end <= address);
            spans[index].size = section_ends.get(end).map_or(0, |&end| end.min(next) - address);
        }
    }
    // Of several names for one address, the first is used; a later one only for addresses beyond the first
    // one's size. So each kept name is longer than the previous one, and even with thousands of names the
    // search takes few steps.
    spans.dedup_by(|later, kept| later.address == kept.address && later.size <= kept.size);
    spans
}

/// The first of the symbols with the highest start address whose range contains `address`.
fn containing(spans: &[Span], address: u64) -> Option<&Span> {
    let end = spans.partition_point(|it| it.address <= address);
    let start = spans[end.checked_sub(1)?].address;
    let first = spans[..end].partition_point(|it| it.address < start);
    let same = &spans[first..end];
    same.get(same.partition_point(|it| it.size <= address - start))
}
