//! Allocations in an ending thread: in the destructors of Rust's thread-locals, and after them in the
//! destructors of pthread keys, through all rounds that POSIX allows.
//!
//! The threads are started without the standard library, whose own allocations cannot be counted from
//! outside.

#[macro_use]
mod trap;

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::forget;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use trap::planted::Planted;
use trap::{Block, Mark, Outcome, Truth, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().exact());

const GENERATIONS: usize = 20;
const THREADS: usize = 6;

site!(site_alive, ALIVE);
site!(site_in_destructor, IN_DESTRUCTOR);
site!(site_in_key_destructor, IN_KEY_DESTRUCTOR);

const TRUTHS: [&Truth; 3] = [&ALIVE, &IN_DESTRUCTOR, &IN_KEY_DESTRUCTOR];

static KEY: AtomicUsize = AtomicUsize::new(0);
static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// Owns a block until the thread ends, and allocates in its destructor.
struct Last(RefCell<Option<Block>>);

impl Drop for Last {
    fn drop(&mut self) {
        drop(self.0.take());
        for bytes in [10, 20, 70_000] {
            drop(site_in_destructor(bytes, 8));
            forget(site_in_destructor(bytes, 32));
        }
    }
}

thread_local! {
    static LAST: Last = const { Last(RefCell::new(None)) };
}

/// Called again as long as it sets the key's value, at most four times.
unsafe extern "C" fn end(value: *mut c_void) {
    ROUNDS.fetch_add(1, Relaxed);
    // SAFETY: the value is what `begin` or a round before made of a box.
    drop(unsafe { Box::from_raw(value.cast::<Block>()) });
    forget(site_in_key_destructor(100, 8));
    drop(site_in_key_destructor(100, 64));
    set_key(site_in_key_destructor(200, 8));
}

fn set_key(block: Block) {
    // The box is an allocation too; the count of all blocks below includes it.
    let value = Box::into_raw(Box::new(block));
    // SAFETY: the key exists since the program began.
    let failed = unsafe { libc::pthread_setspecific(KEY.load(Relaxed) as libc::pthread_key_t, value.cast()) };
    assert_eq!(failed, 0);
}

extern "C" fn begin(_: *mut c_void) -> *mut c_void {
    set_key(site_alive(50, 8));
    LAST.with(|last| drop(last.0.borrow_mut().replace(site_alive(300, 8))));
    ptr::null_mut()
}

fn generation() {
    let mut threads = [0; THREADS];
    for thread in &mut threads {
        // SAFETY: there is space for the result, and `begin` may run in any thread.
        let failed = unsafe { libc::pthread_create(thread, ptr::null(), begin, ptr::null_mut()) };
        assert_eq!(failed, 0);
    }
    for thread in threads {
        // SAFETY: the thread was created above, and is joined once.
        assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
    }
}

fn run(path: &str) -> Outcome {
    let mut key = 0;
    // SAFETY: there is space for the result, and the destructor is a function of the program.
    assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(end)) }, 0);
    KEY.store(key as usize, Relaxed);

    let mark = Mark::now();
    (0..GENERATIONS).for_each(|_| generation());
    let recorded = mark.since();

    let threads = (GENERATIONS * THREADS) as u64;
    expect("rounds of destructors", ROUNDS.load(Relaxed), 4 * threads)?;
    // In addition to the sites: one box in `begin` and one in each round, each freed in the next round; the
    // last one is left.
    let boxed = [5 * threads, 5 * threads * BOX, 4 * threads, 4 * threads * BOX];
    let mut truth = boxed;
    for site in TRUTHS {
        truth.iter_mut().zip(site.totals()).for_each(|(sum, value)| *sum += value);
    }
    expect("totals", recorded, truth)?;
    trap::snapshot(path)?;
    TRUTHS.iter().for_each(|it| it.print());
    Ok(())
}

const BOX: u64 = size_of::<Block>() as u64;

fn main() -> ExitCode {
    trap::report(run)
}
