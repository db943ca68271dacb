//! The names that debug information gives functions, with the types in them. Names of the symbol table, which
//! everything else shows, may leave types out.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::binary::{Binary, Sections};
use crate::module::{self, Module};

/// The names, with types, of the functions that addresses of a call stack are in: inlined ones before the
/// ones that they are inlined into. Only names of the program itself are known.
///
/// Sections that are compressed are unpacked, and stay in memory: this is for a process that has found a
/// fault.
pub fn described(addresses: impl IntoIterator<Item = u64>) -> HashMap<u64, Vec<String>> {
    static PROGRAM: OnceLock<Option<Binary<'static>>> = OnceLock::new();
    let binary = PROGRAM.get_or_init(|| Binary::open(module::program()?, Sections::Unpacked));
    let mut known = HashMap::new();
    let Some(binary) = binary else { return known };
    let mut addresses: Vec<u64> = addresses.into_iter().collect();
    addresses.sort_unstable();
    addresses.dedup();
    for module in Module::all().iter().filter(|it| it.is_program()) {
        let asked = module.places(&addresses);
        binary.described(&asked, &mut |place, names| {
            known.insert(module.address(place), names);
        });
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn generic<T>(_: T) -> Vec<u64> {
        let mut stack = Vec::new();
        backtrace::trace(|frame| {
            stack.push(frame.ip().addr() as u64);
            true
        });
        std::hint::black_box(stack)
    }

    #[test]
    fn names_have_types() {
        struct Marker;
        let names: Vec<String> = described(generic(Marker)).into_values().flatten().collect();
        let found = names.iter().find(|it| it.starts_with("generic<")).unwrap_or_else(|| panic!("{names:?}"));
        assert!(found.ends_with("names_have_types::Marker>"), "{found}");
        assert_eq!(described([1]), HashMap::new());
    }
}
