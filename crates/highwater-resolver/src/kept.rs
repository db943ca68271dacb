//! What the crate `backtrace` knows. It keeps what it has read, so one answer costs memory and the next ones
//! are quick.

use crate::call::Call;

/// The calls at an address of a call stack, inlined ones first. An address without a symbol has none. Debug
/// information that is compressed, split or in a file of its own is found as well.
pub fn calls_kept(address: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    let Ok(address) = usize::try_from(address) else { return calls };
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        if let Some(name) = symbol.name() {
            calls.push(Call {
                // Without the hash that the compiler adds.
                function: format!("{name:#}"),
                file: symbol.filename().map(|it| it.display().to_string()).unwrap_or_default(),
                line: symbol.lineno().unwrap_or(0),
            });
        }
    });
    calls
}
