//! Which stacks may have allocated a task's cell, by the names in the program's symbol table alone.
//!
//! Debug information tells more and takes a hundred times as long to read. Most blocks that a test leaves are
//! no tasks, and in code that is not optimized every function is a symbol: the first one outside of the
//! allocator and of the standard library is an executor's, or the block is no cell. In optimized code an
//! executor's constructor may be a part of any function, and then the names show nothing.

use std::fs;
use std::sync::{Mutex, PoisonError};

use highwater_hooks::find;
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

use crate::evidence::learnt;
use crate::evidence::symbols;

/// Code of a crate that allocates the cells of tasks, or names one. 0 is [`learnt::UNKNOWN`].
const EXECUTOR: u8 = 1;
/// Code that stands between a program and its allocator, or may.
const LIBRARY: u8 = 2;
/// All other code.
const OTHER: u8 = 3;
/// What the compiler puts between a program and its allocator.
const SHIM: u8 = 4;

/// This many of the innermost calls may be the allocator's, which may be the program's own.
const MOST_CALLS_OF_ALLOCATORS: usize = 40;

/// The crates that allocate cells, as symbols call them.
const EXECUTORS: [&str; 3] = ["tokio", "async_task", "futures_util"];

/// Crates that stand between a program and its allocator.
const LIBRARIES: [&str; 9] = [
    "alloc",
    "core",
    "std",
    "highwater_hooks",
    "highwater_ledger",
    "highwater_lockfree",
    "highwater_recorder",
    "highwater_unwind",
    "__rustc",
];

/// Whether blocks with this stack may be the cells of tasks. When in doubt they may.
pub(crate) fn may_allocate_tasks(stack: &[usize]) -> bool {
    if !cfg!(unoptimized) {
        return true;
    }
    // What lies within is the allocator, whose code it is.
    let mut innermost = stack.iter().take(MOST_CALLS_OF_ALLOCATORS);
    let within = innermost.rposition(|address| kind_at(*address) == Some(SHIM)).map_or(0, |at| at + 1);
    for address in &stack[within..] {
        match kind_at(*address) {
            Some(OTHER) => return false,
            Some(LIBRARY | SHIM) => {}
            // Outside of the program: no library of the system's has cells.
            None if symbols::is_of_system(*address) => {}
            // An executor's, or without a symbol table.
            _ => return true,
        }
    }
    false
}

/// The kind of the function that an address is in.
fn kind_at(address: usize) -> Option<u8> {
    /// Stacks have most of their innermost calls in common. Of addresses that share a place, the last one is
    /// known: not optimized, that is found ten times as fast as in a map.
    static KNOWN: Mutex<[(usize, Option<u8>); PLACES]> = Mutex::new([(0, None); PLACES]);
    const PLACES: usize = 4096;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = &mut known[(address ^ address >> 12) % PLACES];
    if place.0 != address {
        *place = (address, learnt::code_at(address, read));
    }
    place.1
}

/// The kinds of all functions of the program, by their places.
fn read() -> Vec<(usize, u8)> {
    let read = || {
        let bytes = fs::read("/proc/self/exe").ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let first = file.segments().map(|it| it.address()).min()?;
        let functions = file.symbols().filter(|it| it.kind() == SymbolKind::Text && it.is_definition());
        let kinds = functions.filter_map(|it| {
            let place = usize::try_from(it.address().checked_sub(first)?).ok()?;
            Some((place, kind(it.name_bytes().ok()?)))
        });
        Some(kinds.collect())
    };
    read().unwrap_or_default()
}

/// The kind of a function, by its name as the compiler mangled it.
fn kind(symbol: &[u8]) -> u8 {
    if EXECUTORS.iter().any(|it| names(symbol, it)) {
        return EXECUTOR;
    }
    let is_old = symbol.starts_with(b"_ZN");
    // The crate that an implementation of a trait is in stands nowhere.
    let is_unclear = is_old && find(symbol, b"$LT$").is_some_and(|it| it < 12);
    let is_library = |it: &&str| match is_old {
        true => symbol[3..].starts_with(format!("{}{it}", it.len()).as_bytes()),
        // The other mangling names the crates of types, too.
        false => names(symbol, it),
    };
    // `__rust_try` is none: it catches panics.
    let shims: [&[u8]; 4] = [b"__rust_alloc", b"__rust_realloc", b"__rdl_", b"__rg_"];
    let is_shim = shims.iter().any(|shim| find(symbol, shim).is_some());
    match () {
        () if is_shim => SHIM,
        () if is_unclear || LIBRARIES.iter().any(is_library) => LIBRARY,
        () => OTHER,
    }
}

/// Whether a symbol has a path that begins with this crate: `5tokio` in a path, or `tokio..` in the name of a
/// type.
fn names(symbol: &[u8], krate: &str) -> bool {
    let mut from = 0;
    while let Some(at) = find(&symbol[from..], krate.as_bytes()).map(|it| from + it) {
        let (before, behind) = (&symbol[..at], &symbol[at + krate.len()..]);
        let digits = before.iter().rev().take_while(|it| it.is_ascii_digit()).count();
        let is_counted = before[before.len() - digits..] == *krate.len().to_string().as_bytes()
            // The other mangling has a mark between a length and a name that begins with an underscore.
            || before.ends_with(format!("{}_", krate.len()).as_bytes());
        let begins = !before.last().is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
        if is_counted || begins && behind.starts_with(b"..") {
            return true;
        }
        from = at + krate.len();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_names_of_both_manglings() {
        for (symbol, expected) in [
            ("_ZN5tokio7runtime4task4core17Cell$LT$T$C$S$GT$3new17h0123456789abcdefE", EXECUTOR),
            ("_ZN10async_task3raw28RawTask$LT$F$C$T$C$S$C$M$GT$8allocate17h0123456789abcdefE", EXECUTOR),
            (
                "_ZN97_$LT$tokio..runtime..task..join..JoinHandle$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17hE",
                EXECUTOR,
            ),
            ("_RNvMs_NtNtNtCsabc_5tokio7runtime4task4coreINtB4_4CellNtC4mine1FE3new", EXECUTOR),
            ("_RNvMNtCs1_12futures_util6streamINtB2_17FuturesUnorderedNtC4mine1FE4push", EXECUTOR),
            ("_RINvNtC5alloc5boxed3newNtCs1_5tokio1TE", EXECUTOR),
            ("_ZN5alloc5alloc15exchange_malloc17h0123456789abcdefE", LIBRARY),
            ("_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE", LIBRARY),
            ("_ZN16highwater_ledger6blocks3add17h0123456789abcdefE", LIBRARY),
            ("_RNvCs1_7___rustc12___rust_alloc", SHIM),
            ("__rust_alloc", SHIM),
            ("__rust_try", OTHER),
            ("_RNvCs1_7___rustc17rust_begin_unwind", LIBRARY),
            ("_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0123456789abcdefE", LIBRARY),
            ("_RINvNtC5alloc5boxed3newNtC4mine1TE", LIBRARY),
            ("_ZN4mine5start17h0123456789abcdefE", OTHER),
            ("_ZN13tokio_postgre5start17h0123456789abcdefE", OTHER),
            ("_ZN8my_tokio5start17h0123456789abcdefE", OTHER),
            ("_RNvC4mine5start", OTHER),
            ("malloc", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(kind(symbol.as_bytes()), expected, "{symbol}");
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
    fn this_program_is_read() {
        let places = read();
        let kinds = |kind| places.iter().filter(|it| it.1 == kind).count();
        assert!(kinds(LIBRARY) > 100 && kinds(OTHER) > 100);
        let own = this_program_is_read as fn() as usize - highwater_hooks::program().unwrap().addresses.start;
        assert!(places.contains(&(own, OTHER)));
    }
}
