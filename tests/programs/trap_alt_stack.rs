//! Stacks other than the thread's own: coroutines on memory from `mmap` and on a piece of the thread's stack,
//! resumed in other threads than they started in, and a signal handler on `sigaltstack`.
//!
//! The memory below and above each mapped stack must not be accessed.

#[macro_use]
mod trap;

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::thread;

use libc::ucontext_t;
use trap::planted::Planted;
use trap::{Block, Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

const STACK_BYTES: usize = 256 << 10;
const PAGE: usize = 4096;
const SWITCHES: usize = 200;

site!(site_thread, THREAD);
site!(site_coroutine, COROUTINE);
site!(site_handler, HANDLER);

/// Memory for a stack, with an inaccessible page on either side.
fn map_stack() -> *mut u8 {
    let bytes = STACK_BYTES + 2 * PAGE;
    // SAFETY: a fresh mapping touches no memory in use, and the part that is opened lies within it.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        let start = libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        let stack = start.byte_add(PAGE);
        assert_eq!(libc::mprotect(stack, STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE), 0);
        stack.cast()
    }
}

/// A coroutine and the context that resumed it.
struct Coroutine {
    own: UnsafeCell<MaybeUninit<ucontext_t>>,
    resumer: UnsafeCell<MaybeUninit<ucontext_t>>,
    steps: Cell<usize>,
}

/// The coroutine that is starting; `makecontext` passes only numbers.
static BEGINNING: AtomicPtr<Coroutine> = AtomicPtr::new(ptr::null_mut());

// SAFETY: a coroutine is resumed by one thread at a time.
unsafe impl Sync for Coroutine {}

impl Coroutine {
    /// # Safety
    /// The stack has STACK_BYTES and no other user.
    unsafe fn new(stack: *mut u8) -> Box<Self> {
        let new = Box::new(Self {
            own: UnsafeCell::new(MaybeUninit::zeroed()),
            resumer: UnsafeCell::new(MaybeUninit::zeroed()),
            steps: Cell::new(0),
        });
        // SAFETY: getcontext initialises the context, which then gets a stack of its own and a beginning.
        unsafe {
            let own = new.own.get().cast::<ucontext_t>();
            assert_eq!(libc::getcontext(own), 0);
            (*own).uc_stack.ss_sp = stack.cast();
            (*own).uc_stack.ss_size = STACK_BYTES;
            (*own).uc_link = ptr::null_mut();
            libc::makecontext(own, begin, 0);
        }
        new
    }

    /// Runs the coroutine up to its next pause.
    fn resume(&self) {
        BEGINNING.store(ptr::from_ref(self).cast_mut(), Relaxed);
        // SAFETY: the coroutine pauses and is not running; its context is from `new` or from its last pause.
        assert_eq!(unsafe { libc::swapcontext(self.resumer.get().cast(), self.own.get().cast()) }, 0);
    }

    fn pause(&self) {
        // SAFETY: the coroutine is running, and `resume` saved where to go back to.
        assert_eq!(unsafe { libc::swapcontext(self.own.get().cast(), self.resumer.get().cast()) }, 0);
    }
}

extern "C" fn begin() {
    // SAFETY: `resume` has just stored it, and it exists until the program ends or nobody resumes it any
    // more.
    let coroutine = unsafe { &*BEGINNING.load(Relaxed) };
    loop {
        work(coroutine, 20);
    }
}

/// Allocates and pauses at many depths.
#[inline(never)]
fn work(coroutine: &Coroutine, depth: usize) {
    let step = coroutine.steps.get();
    coroutine.steps.set(step + 1);
    let block = site_coroutine(1 + step % 700, [8, 64][step % 2]);
    coroutine.pause();
    if depth > 0 {
        work(coroutine, depth - 1);
    }
    drop(std::hint::black_box(block));
}

fn alternate(coroutine: &Coroutine) {
    for step in 0..SWITCHES {
        drop(site_thread(1 + step, 8));
        coroutine.resume();
    }
}

fn run_coroutines() {
    // SAFETY: the stack is fresh.
    let mapped = unsafe { Coroutine::new(map_stack()) };
    alternate(&mapped);
    // The same coroutine continues in other threads, whose stacks are elsewhere.
    for _ in 0..3 {
        let mapped = &mapped;
        thread::scope(|scope| scope.spawn(move || alternate(mapped)).join()).expect("no panic");
    }
    // Nothing resumes this coroutine after this function, and what it still owns is lost.
    let mut piece = [MaybeUninit::<u128>::uninit(); STACK_BYTES / 16];
    // SAFETY: the piece of this thread's stack is used by nobody else.
    let nested = unsafe { Coroutine::new(piece.as_mut_ptr().cast()) };
    alternate(&nested);
}

static FROM_HANDLER: AtomicPtr<Block> = AtomicPtr::new(ptr::null_mut());

extern "C" fn handle(_: libc::c_int) {
    drop(site_handler(500, 8));
    // `raise` below is a normal call: it interrupts nothing, so the handler may do anything.
    FROM_HANDLER.store(Box::into_raw(Box::new(site_handler(600, 64))), Relaxed);
}

fn run_handlers() {
    let stack = libc::stack_t { ss_sp: map_stack().cast(), ss_flags: 0, ss_size: STACK_BYTES };
    // SAFETY: the stack is fresh and stays; the action is valid when zeroed but for handler and flag.
    unsafe {
        assert_eq!(libc::sigaltstack(&stack, ptr::null_mut()), 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut()), 0);
    }
    for _ in 0..SWITCHES {
        // SAFETY: the handler above takes the signal before the call returns, and leaves a box.
        drop(unsafe {
            libc::raise(libc::SIGUSR1);
            Box::from_raw(FROM_HANDLER.swap(ptr::null_mut(), Relaxed))
        });
    }
}

fn run(path: &str) -> Outcome {
    thread::spawn(run_coroutines).join().map_err(|_| "the coroutines panicked")?;
    run_coroutines();
    let mark = Mark::now();
    let before = HANDLER.totals();
    run_handlers();
    let [blocks, _, freed, _] = mark.since();
    let own = HANDLER.totals()[0] - before[0];
    let boxes = SWITCHES as u64;
    expect("blocks and freed blocks of the handlers", [blocks, freed], [own + boxes; 2])?;
    trap::snapshot(path)?;
    [&THREAD, &COROUTINE, &HANDLER].iter().for_each(|it| it.print());
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
