//! The walk of the calling thread's stack: by rules, and where there are none by the system's unwinder.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch;
use crate::stack::Stack;
use crate::system::{trace, trace_around, walk_with_system};

/// Looks up what walks need from the C library. To be called once, early: it may take the loader's lock.
pub fn start() {
    arch::start();
}

/// Takes all modules that are loaded now for ones that stay so, which need not be asked for again. To be
/// called once, behind [`start`] and before the program begins.
pub fn keep_present_modules() {
    arch::keep_present();
}

/// Adds the frames that led here to `stack`, which is empty, by their **call-site addresses**: addresses
/// inside the call instruction, not behind it, so that each belongs to the line of the call.
#[inline(always)]
pub fn walk<const N: usize>(stack: &mut Stack<N>) {
    if arch::walk(stack) {
        return;
    }
    walk_with_system(stack);
}

/// Walks of [`walk_seldom`] that the system's unwinder makes. It takes as long for each of them as a rule
/// takes to be made for some of its frames: this many walks cost no more than the rules of a small program.
const WALKS_WITHOUT_RULES: u32 = 100;

/// As [`walk`], for processes that may end before rules are worth their making, such as one that runs a
/// single test: the first walks are the system's unwinder's. `stack` is to be a variable of the function that
/// this is inlined into, with which the frames begin.
#[inline(always)]
pub fn walk_seldom<const N: usize>(stack: &mut Stack<N>) {
    static WALKS: AtomicU32 = AtomicU32::new(0);
    let is_early = arch::HAS_RULES
        && WALKS.load(Ordering::Relaxed) < WALKS_WITHOUT_RULES
        && WALKS.fetch_add(1, Ordering::Relaxed) < WALKS_WITHOUT_RULES;
    let walker: fn(&mut Stack<N>) -> bool = if is_early { trace_around } else { arch::walk };
    // One call for both, so that stacks of the same calls are the same addresses.
    if !core::hint::black_box(walker)(stack) {
        walk_with_system(stack);
    }
}

/// Shows `visit` where a thread stands that sleeps in the kernel, and the calls that led there, innermost
/// first, each by an address inside of its instruction, until it returns false. `address` is the place of the
/// instruction behind the system call, `stack` is a copy of the thread's memory from its stack pointer on.
/// Returns whether the calls are all there are.
///
/// # Safety
/// The modules that the calls are in stay loaded while this runs.
#[doc(hidden)]
pub unsafe fn walk_copied_stack(
    address: usize,
    stack_pointer: usize,
    stack: &[usize],
    visit: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let Some(address) = address.checked_sub(1).filter(|it| visit(*it)) else { return false };
    start();
    // SAFETY: the caller promises it.
    unsafe { arch::walk_copied(address, stack_pointer, stack, visit) }
}

/// Shows the stack of the calling thread as a sample would have it. For tests and the benchmark.
#[doc(hidden)]
pub fn with_stack<R>(look: impl FnOnce(&[usize]) -> R) -> R {
    with_stack_by(walk, look)
}

/// As [`with_stack`], by the system's unwinder, which does not count as one of its walks.
#[doc(hidden)]
pub fn with_stack_by_system<R>(look: impl FnOnce(&[usize]) -> R) -> R {
    with_stack_by(trace, look)
}

#[inline(always)]
fn with_stack_by<R>(walker: fn(&mut Stack), look: impl FnOnce(&[usize]) -> R) -> R {
    let mut stack = Stack::new();
    walker(&mut stack);
    look(stack.addresses())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::MAX_FRAMES;

    /// All frames, by both walkers. What is outside of this call is the same for both, address by address.
    #[inline(never)]
    fn marker() -> [Vec<usize>; 2] {
        assert!(
            arch::walk(&mut Stack::<500>::new()) || !arch::HAS_RULES,
            "the system's unwinder was compared with itself"
        );
        [walk as fn(&mut Stack<500>), walk_with_system].map(|walker| {
            let mut stack = Stack::new();
            walker(&mut stack);
            assert!(!stack.is_truncated());
            stack.addresses().to_vec()
        })
    }

    /// The frames outside of [`marker`]; none when it is not there.
    fn outside(stack: &[usize]) -> &[usize] {
        let is_marker = |address: &usize| {
            let mut is_it = false;
            // A call-site address is one less than the return address that is expected.
            backtrace::resolve(core::ptr::without_provenance_mut(address + 1), |symbol| {
                let name = symbol.name().map(|it| it.to_string()).unwrap_or_default();
                is_it |= name.contains("::walk::tests::marker");
            });
            is_it
        };
        stack.iter().rposition(is_marker).map_or(&[], |at| &stack[at + 1..])
    }

    fn are_same(stacks: &[Vec<usize>; 2]) -> Result<(), String> {
        let [ours, system] = stacks.each_ref().map(|it| outside(it));
        if ours.len() > 5 && ours == system {
            return Ok(());
        }
        Err(format!("{ours:x?} by our rules, {system:x?} by the system's unwinder"))
    }

    fn assert_same(stacks: [Vec<usize>; 2]) {
        are_same(&stacks).unwrap();
    }

    #[inline(never)]
    fn below(depth: usize, work: &dyn Fn()) {
        // Frames of many sizes, and some whose size only the run decides.
        let room = vec![0_u8; depth * 8];
        match depth {
            0 => work(),
            _ if depth.is_multiple_of(3) => {
                std::hint::black_box([0_u64; 40]).iter().take(1).for_each(|_| below(depth - 1, work))
            }
            _ => below(depth - 1, work),
        }
        std::hint::black_box(room);
    }

    #[test]
    fn both_walkers_find_the_same_frames() {
        start();
        below(0, &|| assert_same(marker()));
        below(60, &|| assert_same(marker()));
        let thread = std::thread::Builder::new().stack_size(256 * 1024);
        thread.spawn(|| below(30, &|| assert_same(marker()))).unwrap().join().unwrap();
        // Through frames of C.
        static SEEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        extern "C" fn compare(_: *const core::ffi::c_void, _: *const core::ffi::c_void) -> core::ffi::c_int {
            assert_same(marker());
            SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            0
        }
        let mut values = [2_u32, 1];
        // SAFETY: the comparison reads nothing, and the array has two elements of four bytes.
        unsafe { libc::qsort(values.as_mut_ptr().cast(), 2, 4, Some(compare)) };
        assert_eq!(SEEN.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[test]
    fn a_frame_that_one_walker_drops_is_noticed() {
        start();
        below(10, &|| {
            let whole = marker();
            are_same(&whole).unwrap();
            let first = whole[0].len() - outside(&whole[0]).len();
            for dropped in first..whole[0].len() {
                let mut stacks = whole.clone();
                stacks[0].remove(dropped);
                are_same(&stacks).expect_err("a frame less");
            }
        });
    }

    #[test]
    fn seldom_walks_find_the_same_addresses_with_rules_and_before() {
        start();
        #[inline(never)]
        fn walked() -> Vec<usize> {
            let mut stack = Stack::<500>::new();
            walk_seldom(&mut stack);
            stack.addresses().to_vec()
        }
        below(10, &|| {
            // The last of them are by rules, and all come from one place.
            let stacks: Vec<Vec<usize>> =
                std::iter::repeat_with(walked).take(WALKS_WITHOUT_RULES as usize + 1).collect();
            assert!(stacks[0].len() > 10, "{stacks:x?}");
            assert!(stacks.iter().all(|it| *it == stacks[0]), "{stacks:x?}");
        });
    }

    #[test]
    fn a_stack_that_is_cut_off_says_so() {
        for walker in [walk as fn(&mut Stack<3>), walk_with_system] {
            let mut stack = Stack::new();
            walker(&mut stack);
            assert!(stack.is_truncated());
            assert!(stack.addresses().len() == 3 && stack.addresses().iter().all(|&it| it != 0));
        }
    }

    /// Length of the stack below this many calls, and whether it was cut off.
    #[inline(never)]
    fn length_below(depth: usize) -> (usize, bool) {
        if depth == 0 {
            let mut stack: Stack = Stack::new();
            walk(&mut stack);
            return (stack.addresses().len(), stack.is_truncated());
        }
        // The result is looked at behind the call, which therefore cannot become a jump.
        std::hint::black_box(length_below(depth - 1))
    }

    #[test]
    fn deeper_calls_have_longer_stacks_until_they_are_cut() {
        let (short, _) = length_below(1);
        assert_eq!(length_below(21), (short + 20, false));
        assert_eq!(length_below(MAX_FRAMES), (MAX_FRAMES, true));
    }
}
