//! The crates of Highwater that stand in other programs' stacks.
//!
//! Profiles outlive versions, so a name that a crate had stays in its list.

/// The crates that record allocations: their frames lie between an allocation and the allocator. Names as in
/// paths.
const RECORDER: [&str; 5] =
    ["highwater_ledger", "highwater_lockfree", "highwater_recorder", "highwater_runtime", "highwater_unwind"];

/// The crate that programs depend on, which has the allocator's face.
const FACADE: &str = "highwater";

/// The packages of the leak harness whose functions stand in stacks of tests.
const HARNESS: [&str; 2] = ["highwater-hooks", "highwater-leaktest"];

/// Whether a crate of this name records allocations.
pub fn is_recorder(crate_name: &str) -> bool {
    RECORDER.contains(&crate_name)
}

/// Whether a crate of this name records allocations, or hands them on to the one that does.
pub fn is_recorder_or_facade(crate_name: &str) -> bool {
    is_recorder(crate_name) || crate_name == FACADE
}

/// Whether a function is one of the recorder's, by the path that its name begins with.
pub fn is_in_recorder(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    path.split_once("::").is_some_and(|(crate_name, _)| is_recorder(crate_name))
}

/// Whether a package of this name is one of the leak harness.
pub fn is_harness(package: &str) -> bool {
    HARNESS.contains(&package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorder_is_known_by_its_crates() {
        assert!(is_in_recorder("highwater_runtime::exact::find"));
        assert!(is_in_recorder(
            "<highwater_recorder::alloc::Alloc<A> as core::alloc::global::GlobalAlloc>::alloc"
        ));
        assert!(
            !is_in_recorder("highwater::scope::in_scope") && !is_in_recorder("highwater_runtime_like::f")
        );
        assert!(is_recorder_or_facade("highwater") && !is_recorder_or_facade("highwater_agent"));
        assert!(is_harness("highwater-hooks") && !is_harness("highwater"));
    }
}
