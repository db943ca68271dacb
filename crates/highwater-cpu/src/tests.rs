//! One test for all: there is one profiling timer in the process.

use super::*;

/// Takes processor time until it was sampled so often. Other tests run meanwhile, and are sampled, too.
#[inline(never)]
fn burn(sampling: &mut CpuSampling, least: usize) -> Vec<Vec<usize>> {
    /// Samples that must include samples of this function: 50 seconds of processor time.
    const MOST: usize = 50_000;
    let mut stacks: Vec<Vec<usize>> = Vec::new();
    // The function, or one that is inlined into it, and its caller.
    let start = burn as fn(&mut CpuSampling, usize) -> Vec<Vec<usize>> as usize;
    let has_burn = |stack: &&Vec<usize>| stack.iter().any(|it| (start..start + 4096).contains(it));
    while stacks.iter().filter(has_burn).count() < least {
        assert!(stacks.len() < MOST, "{:x?}", &stacks[..20]);
        std::hint::black_box((0..200_000_u64).fold(1, |a, b| std::hint::black_box(a ^ b)));
        assert_eq!(sampling.take(|stack| stacks.push(stack.to_vec())), 0);
    }
    stacks
}

fn action() -> usize {
    // SAFETY: zeroes are valid, and there is space for the result.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(libc::SIGPROF, ptr::null(), &mut action);
        action.sa_sigaction
    }
}

extern "C" fn anothers(_: libc::c_int) {}

#[test]
fn time_is_sampled_by_one_at_a_time_and_nothing_stays() {
    let interval = Duration::from_millis(1);
    let mapped = arena::mapped_bytes();
    for _ in 0..3 {
        let mut sampling = CpuSampling::start(interval).unwrap();
        assert_eq!(CpuSampling::start(interval).unwrap_err(), CpuError::Busy);
        let stacks = burn(&mut sampling, 20);
        assert!(stacks.iter().any(|stack| stack.len() > 3), "{stacks:x?}");
        drop(sampling);
        assert_eq!(action(), libc::SIG_DFL);
        assert!(signal::before().is_some(), "the timer runs on");
    }
    assert!(arena::mapped_bytes() < mapped + LOG_BYTES, "the logs were not given back");
    // A profiler of another library is left alone.
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(libc::SIGPROF, anothers as extern "C" fn(libc::c_int) as usize) };
    assert_eq!(CpuSampling::start(interval).unwrap_err(), CpuError::Busy);
    // SAFETY: as it was.
    unsafe { libc::signal(libc::SIGPROF, libc::SIG_DFL) };
    drop(CpuSampling::start(interval).unwrap());
}
