//! Walking the calling thread's stack, with no compiler flag, no lock and no heap.
//!
//! Compiled code comes with tables (call frame information, CFI) that say for every instruction where the caller's
//! frame is. Reading them takes microseconds, so what they say is boiled down to one [`rule`] for each return
//! address and kept; a walk over known addresses then costs a few nanoseconds a frame. Code that keeps frame pointers has
//! a rule for that, which is the fastest to follow. [`cfi`] makes the rules, `walk.rs` follows them, `method.rs` counts for
//! each mapping which there are, and `memo.rs` remembers where that led, for threads whose every block is recorded. `copied.rs`
//! follows them in a copy of another thread's stack.
//!
//! Where that is not possible — another architecture or C library, a frame that no simple rule describes, a stack
//! that is not the thread's own — the system's unwinder walks instead, by the `backtrace` crate.

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod bounds;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod cfi;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod copied;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod memo;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod method;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod module;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod object;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod rule;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod walk;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
pub(crate) use memo::Memo;

/// Where walks are the system's there is nothing to remember, and a memory of size 0 is never had.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
pub(crate) struct Memo;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
impl Memo {
    /// # Safety
    /// None is needed: nothing is written.
    pub(crate) unsafe fn prepare(_place: core::ptr::NonNull<Self>) {}

    pub(crate) fn stack(&mut self) -> Option<crate::site::KnownStack> {
        None
    }
}

use core::sync::atomic::Ordering;

use crate::capture::Stack;
use crate::totals;
use highwater_lockfree::chain;

/// Looks up what walks need from the C library. To be called once, early: it may take the loader's lock.
pub(crate) fn start() {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    {
        bounds::start();
        object::start();
        module::start();
    }
}

/// How stacks are walked, as far as walks have come; see [`unwind_methods`](crate::unwind_methods).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnwindMethods {
    /// Mappings most of whose call sites are walked by frame pointers.
    pub frame_pointer_mappings: u64,
    /// Mappings most of whose call sites are walked by other rules from their unwind tables.
    pub table_mappings: u64,
    /// Call sites walked by frame pointers. One that fell out of the cache and was met again counts again.
    pub frame_pointer_calls: u64,
    /// Call sites walked by other rules, counted alike.
    pub table_calls: u64,
}

/// How the stacks of this process were walked so far. All zero where the system's unwinder walks them.
pub fn methods() -> UnwindMethods {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    return method::methods();
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
    UnwindMethods::default()
}

/// Whether [`walk_interrupted`] can walk, after [`start`].
pub(crate) fn can_walk_interrupted() -> bool {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    return object::is_available();
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
    false
}

/// Adds to `stack`, which is empty, the instruction at which a signal interrupted the calling thread, and the calls that
/// had led there. They end where no rule leads on: the system's unwinder may not be asked in a handler.
///
/// # Safety
/// `context` is what the handler was given that is running now in this thread.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
pub(crate) unsafe fn walk_interrupted<const N: usize>(
    context: *const libc::ucontext_t,
    stack: &mut Stack<N>,
) {
    // SAFETY: the caller promises that it is the context.
    walk::walk_from(walk::Registers::of(unsafe { &*context }), stack);
}

/// Shows `visit` where a thread stands that sleeps in the kernel, and the calls that led there, innermost first, each by an address
/// inside of its instruction, until it returns false. `address` is that of the instruction behind the system call, `stack` is a
/// copy of the thread's memory from its stack pointer on. Returns whether the calls are all there are.
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
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    {
        // SAFETY: the caller promises it.
        unsafe { copied::walk(address, stack_pointer, stack, visit) }
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
    {
        let _ = (address, stack_pointer, stack);
        false
    }
}

/// A number that tells a loaded module from others that lie at the same place at another time.
pub fn module_id(base: u64, path: &[u8], build_id: &[u8]) -> u64 {
    // The program itself has no path here, and its build id is not asked for.
    let build_id = if path.is_empty() { b"" } else { build_id };
    let bytes = path.iter().chain([&0]).chain(build_id).map(|&it| u64::from(it));
    chain::hash([base].into_iter().chain(bytes)) | 1
}

/// A number for the modules that the frames of a stack lie in, by the [`module_id`] of each or 0 where there is none.
pub fn modules_of(ids: impl IntoIterator<Item = u64>) -> u64 {
    let mut last = 0;
    // Frames of one module in a row count once.
    chain::hash(ids.into_iter().filter(|&id| core::mem::replace(&mut last, id) != id))
}

/// [`modules_of`] the calling thread's stack; `None` where the C library does not tell without a lock.
///
/// # Safety
/// The stack is the calling thread's of now.
pub(crate) unsafe fn modules_of_own(stack: &[usize]) -> Option<u64> {
    if !can_walk_interrupted() {
        return None;
    }
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    // SAFETY: the caller's promise.
    return Some(unsafe { module::modules_of_own(stack) });
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
    {
        let _ = stack;
        None
    }
}

/// Adds the frames that led here to `stack`, which is empty, by their call-site addresses.
#[inline(always)]
pub(crate) fn walk<const N: usize>(stack: &mut Stack<N>) {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    if walk::walk(stack) {
        return;
    }
    walk_with_system(stack);
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

#[inline(never)]
fn walk_with_system<const N: usize>(stack: &mut Stack<N>) {
    stack.clear();
    totals::WALKED_BY_SYSTEM.fetch_add(1, Ordering::Relaxed);
    trace(stack);
}

fn trace<const N: usize>(stack: &mut Stack<N>) {
    // SAFETY: unsynchronized tracing is unsafe because symbolizing shares caches between threads; walking alone
    // shares nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // Some C libraries mark the root by a frame without address.
            // A return address may already belong to the next line, or to the next function.
            frame.ip().addr().checked_sub(1).is_some_and(|address| stack.push(address))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All frames, by both walkers. What is outside of this call is the same for both, address by address.
    #[inline(never)]
    fn marker() -> [Vec<usize>; 2] {
        #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
        assert!(
            super::walk::walk(&mut Stack::<500>::new()),
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
                is_it |= name.contains("::unwind::tests::marker");
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
    fn a_stack_that_is_cut_off_says_so() {
        for walker in [walk as fn(&mut Stack<3>), walk_with_system] {
            let mut stack = Stack::new();
            walker(&mut stack);
            assert!(stack.is_truncated());
            assert!(stack.addresses().len() == 3 && stack.addresses().iter().all(|&it| it != 0));
        }
    }
}
