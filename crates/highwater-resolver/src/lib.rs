//! Names for the addresses of this very process, for people who ask without a tool at hand.
//!
//! Debug information is read where it lies, in the file of the program, unit by unit, and nothing of it is
//! kept: whatever its size, that takes little memory and gives it back ([`calls_of`], [`Names`]). Who asks
//! again and again, and has the memory, asks [`calls_kept`]. [`described`] gives the names that debug
//! information itself has, with the types that the symbol table leaves out.
//!
//! Profiles that leave the process need none of this: they are sent as addresses, and their reader finds the
//! names.
#![forbid(unsafe_code)]

mod binary;
mod call;
mod described;
mod kept;
mod module;
mod names;
mod unit;

use std::collections::HashMap;

pub use call::Call;
pub use described::described;
pub use kept::calls_kept;
pub use module::prepare;
pub use names::Names;

use module::Module;

/// The calls at addresses of a call stack, as far as anything is known of them.
pub fn calls_of(addresses: impl IntoIterator<Item = u64>) -> HashMap<u64, Vec<Call>> {
    let modules = Module::all();
    if modules.is_empty() {
        // A system whose modules cannot be listed.
        return addresses.into_iter().map(|it| (it, calls_kept(it))).collect();
    }
    module::look_up(&modules, addresses, &|| true)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn calls(address: u64) -> Vec<Call> {
        calls_of([address]).remove(&address).unwrap_or_default()
    }

    #[inline(never)]
    pub(crate) fn own_address() -> u64 {
        let mut found = None;
        backtrace::trace(|frame| {
            let address = frame.ip().addr() as u64;
            let is_here = calls(address).iter().any(|it| it.function.ends_with("own_address"));
            found = is_here.then_some(address);
            !is_here
        });
        found.expect("the function is on the stack")
    }

    #[test]
    fn an_address_has_function_file_and_line() {
        let calls = calls(own_address());
        let here = calls.last().unwrap();
        assert!(here.function.ends_with("tests::own_address"), "{calls:?}");
        assert!(here.file.ends_with("lib.rs"), "{calls:?}");
        assert_ne!(here.line, 0);
    }

    #[test]
    fn an_address_of_nothing_has_no_name() {
        assert_eq!(calls(0), []);
        assert_eq!(calls(u64::MAX), []);
    }
}
