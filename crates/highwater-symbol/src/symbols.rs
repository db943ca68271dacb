//! Function names from symbol tables, for code without debug information.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use object::read::{Object, ObjectSymbol, ReadCache};
use object::{SymbolIndex, SymbolKind};

struct Span {
    address: u64,
    size: u64,
    symbol: SymbolIndex,
    dynamic: bool,
}

/// The linker names of the functions in the file at `path` that contain these addresses, as far as its symbol
/// tables know. A file that cannot be read knows none.
///
/// An address counts only within the size that its symbol states: the nearest symbol before it may belong to
/// another function, as in a stripped library, which keeps the names of its exported functions only.
pub(crate) fn names(path: &Path, addresses: &[u64]) -> HashMap<u64, String> {
    let mut names = HashMap::new();
    let Ok(file) = File::open(path) else { return names };
    let cache = ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else { return names };

    let span = |dynamic| {
        move |symbol: object::Symbol<'_, '_, _>| {
            let is_code = symbol.is_definition() && symbol.kind() == SymbolKind::Text && symbol.size() > 0;
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

    for &address in addresses {
        let Some(found) = containing(&spans, address) else { continue };
        let symbol = if found.dynamic {
            object.dynamic_symbol_table().and_then(|table| {
                use object::ObjectSymbolTable;
                table.symbol_by_index(found.symbol).ok()
            })
        } else {
            object.symbol_by_index(found.symbol).ok()
        };
        if let Some(name) = symbol.as_ref().and_then(|it| it.name().ok()).filter(|it| !it.is_empty()) {
            names.insert(address, name.to_owned());
        }
    }
    names
}

/// The first of the symbols with the highest start address whose span holds `address`.
fn containing(spans: &[Span], address: u64) -> Option<&Span> {
    let end = spans.partition_point(|it| it.address <= address);
    let start = spans[end.checked_sub(1)?].address;
    let first = spans.partition_point(|it| it.address < start);
    spans[first..end].iter().find(|it| address - it.address < it.size)
}
