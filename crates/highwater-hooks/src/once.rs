//! Whether a stack passes through the initialisation of a `Once` of the standard library, found without
//! names.
//!
//! All of its cells go by one function, which is found out by going through it. Names are better, since they
//! know the cells of other crates too, but the first one costs the reading of all debug information.

use std::ffi::c_void;
use std::sync::{Once, OnceLock};

use crate::stack::{self, MOST_FRAMES};

// SAFETY: the declaration is the one in the unwinder's own header; std is linked with it.
unsafe extern "C" {
    /// The address at which the function begins that `address` is in; null where that is not known.
    fn _Unwind_FindEnclosingFunction(address: *mut c_void) -> *mut c_void;
}

fn beginning(address: usize) -> usize {
    // The unwinder asks for the address behind a call, and looks up the byte before.
    let behind = address.wrapping_add(1) as *mut c_void;
    // SAFETY: the address is only looked up in the tables of what is loaded.
    unsafe { _Unwind_FindEnclosingFunction(behind) }.addr()
}

fn beginnings(frames: &[usize]) -> Vec<usize> {
    frames.iter().map(|it| beginning(*it)).filter(|it| *it != 0).collect()
}

/// The functions that only a stack inside of a `Once` passes through.
fn functions() -> &'static [usize] {
    static FUNCTIONS: OnceLock<Vec<usize>> = OnceLock::new();
    FUNCTIONS.get_or_init(learn)
}

#[inline(never)]
fn learn() -> Vec<usize> {
    static PLANT: Once = Once::new();
    let (mut inside, mut outside) = ([0; MOST_FRAMES], [0; MOST_FRAMES]);
    let (mut inner, outer) = (0, stack::walk(&mut outside));
    PLANT.call_once(|| inner = stack::walk(&mut inside));
    // This function may itself be called inside of one, whose calls are then on both stacks and are not to
    // count as common.
    let own = beginning(learn as fn() -> Vec<usize> as usize);
    let outside = beginnings(&outside[..outer]);
    let till = outside.iter().position(|it| *it == own).unwrap_or(outside.len());
    let inside = beginnings(&inside[..inner]);
    let till_inside = inside.iter().position(|it| *it == own).unwrap_or(0);
    inside[..till_inside].iter().filter(|it| !outside[..till].contains(it)).copied().collect()
}

/// Whether these calls are inside of such an initialisation. `false` is no certain answer.
pub fn is_in_once(stack: &[usize]) -> bool {
    let functions = functions();
    !functions.is_empty() && stack.iter().any(|it| functions.contains(&beginning(*it)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    fn here() -> Vec<usize> {
        let mut frames = [0; MOST_FRAMES];
        let count = stack::walk(&mut frames);
        frames[..count].to_vec()
    }

    #[test]
    fn cells_are_told_without_names() {
        static LOCK: OnceLock<Vec<usize>> = OnceLock::new();
        static LAZY: LazyLock<Vec<usize>> = LazyLock::new(here);
        assert!(is_in_once(LOCK.get_or_init(here)));
        assert!(is_in_once(&LAZY));
        assert!(!is_in_once(&here()));
    }
}
