//! A program that sandboxes itself: from a certain moment on, the kernel kills it for system calls that open
//! files or similar. Threads that start after that take samples, at all depths and on stacks of all sizes.
//! `trap_seccomp PATH late` opens a file in the sandbox, as the planted fault.

#[macro_use]
mod trap;

use std::process::ExitCode;
use std::thread;

use trap::planted::Planted;
use trap::{Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

site!(site_locked_in, LOCKED_IN);

/// System calls that a recorder must not make after its start.
const FORBIDDEN: [libc::c_long; 10] = [
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_readlinkat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_prlimit64,
    libc::SYS_sysinfo,
    libc::SYS_getpid,
    libc::SYS_socket,
    libc::SYS_pipe2,
];

fn instruction(code: u32, otherwise: u8, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: otherwise, k: value }
}

/// From now on, forbidden calls kill the process.
fn lock_in() -> Outcome {
    let load_number = instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0);
    let mut filter = vec![load_number];
    for call in FORBIDDEN {
        filter.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, call as u32));
        filter.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_KILL_PROCESS));
    }
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is a valid one and outlives the call, which copies it.
    unsafe {
        expect("prctl", libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0)?;
        expect("seccomp", libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0)
    }
}

#[inline(never)]
fn below(depth: usize) -> usize {
    if depth == 0 {
        for bytes in 1..200 {
            drop(site_locked_in(bytes, [8, 16, 64][bytes % 3]));
        }
        return 1;
    }
    std::hint::black_box(below(depth - 1)) + 1
}

fn run(path: &str) -> Outcome {
    // A snapshot makes many system calls, so it is taken before. Later records are checked by the counts in
    // memory.
    trap::snapshot(path)?;
    let before = highwater_recorder::counts();
    lock_in()?;
    if trap::arguments().get(1).is_some_and(|it| it == "late") {
        let _ = std::fs::File::open("/dev/null");
    }
    for bytes in [64 << 10, 2 << 20, 16 << 20] {
        let thread = thread::Builder::new().stack_size(bytes).spawn(|| below(20));
        thread.map_err(|it| it.to_string())?.join().map_err(|_| "the thread panicked")?;
    }
    below(20);
    let after = highwater_recorder::counts();
    let mut recorded = 0;
    highwater_recorder::visit_sites(|site| {
        recorded += if site.stack.len() > 20 { site.allocated.blocks } else { 0 };
    });
    let truth = LOCKED_IN.totals()[0];
    if recorded < truth || after.alloc_blocks - before.alloc_blocks < truth {
        return Err(format!("{recorded} blocks recorded behind the lock, {truth} is true"));
    }
    expect("samples lost", after.dropped_samples, before.dropped_samples)?;
    expect("walks of the system's unwinder", after.system_walks, before.system_walks)
}

fn main() -> ExitCode {
    trap::report(run)
}
