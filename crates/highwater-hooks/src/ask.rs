//! Where another thread is now. One that sleeps is read from outside ([`crate::asleep`]). Another one is sent
//! a signal, and its handler walks the stack.
//!
//! One question at a time. The signal is the highest one that real-time programs rarely use; if the program
//! handles it itself, nothing is asked. The handler stays: a thread that blocked the signal may take it when
//! nobody waits any more, and the system's own way of taking it would end the process.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::asleep::{self, Sight};
use crate::stack::{self, MOST_FRAMES};
use crate::thread::Thread;

/// How long a thread is waited for. One that the kernel keeps from running does not answer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Kernel number of the thread that is asked; 0 while none is. The handler takes it to 0 when it begins.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// Frames of the answer plus one; 0 while there is none.
static ANSWERED: AtomicU32 = AtomicU32::new(0);
static ANSWER: Answer = Answer(UnsafeCell::new([0; MOST_FRAMES]));
/// Held by the thread that asks. Its value says whether the answer's place may still be written to by one who
/// came late.
static ASKING: Mutex<Place> = Mutex::new(Place::Free);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Lost,
}

struct Answer(UnsafeCell<[usize; MOST_FRAMES]>);

// SAFETY: written by the one thread that took its number out of `ASKED`, and read only by the holder of
// `ASKING` once `ANSWERED` says that the writing is over.
unsafe impl Sync for Answer {}

fn signal() -> c_int {
    libc::SIGRTMAX() - 2
}

extern "C" fn answer(_signal: c_int) {
    // SAFETY: takes no argument, and cannot fail.
    let me = unsafe { libc::gettid() }.unsigned_abs();
    if ASKED.compare_exchange(me, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
        // Nobody waits for this thread any more.
        return;
    }
    // SAFETY: this thread took its number, so it is the only one to write; the asker reads after the signal
    // below.
    let count = stack::walk(unsafe { &mut *ANSWER.0.get() });
    ANSWERED.store(u32::try_from(count).unwrap_or(0) + 1, Ordering::Release);
}

/// The addresses of a thread's stack, innermost first, each inside of its call instruction. `None` when the
/// thread has ended, does not answer within 100 ms, or the program uses the signal itself.
///
/// A thread that sleeps in a system call is not disturbed, and its stack may lack outer calls. It is
/// interrupted only where it waits for a lock or the like, which goes on waiting, and where the kernel does
/// not say what threads are in.
pub fn present_stack(thread: &Thread) -> Option<Vec<usize>> {
    let tid = thread.tid()?;
    match asleep::look(tid) {
        Sight::Asleep { frames, is_whole, call } if is_whole || call != Some(libc::SYS_futex) => Some(frames),
        Sight::Asleep { frames, .. } => {
            let asked = ask(tid);
            asked.filter(|it| it.len() > frames.len()).or(Some(frames))
        }
        Sight::Running | Sight::Untold => ask(tid),
    }
}

/// Sends the thread a signal, and waits for its answer.
fn ask(tid: u32) -> Option<Vec<usize>> {
    let mut place = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    if *place == Place::Lost || !install() {
        return None;
    }
    ANSWERED.store(0, Ordering::Relaxed);
    ASKED.store(tid, Ordering::Release);
    // SAFETY: numbers only; a thread that is gone makes the call fail.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, signal()) } == 0;
    let began = Instant::now();
    while sent && ANSWERED.load(Ordering::Acquire) == 0 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(100));
    }
    if ANSWERED.load(Ordering::Acquire) == 0
        && ASKED.compare_exchange(tid, 0, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        // It has begun to answer and is not done. Its time is up twice over if it still is not.
        thread::sleep(PATIENCE);
        if ANSWERED.load(Ordering::Acquire) == 0 {
            *place = Place::Lost;
        }
    }
    let count = usize::try_from(ANSWERED.load(Ordering::Acquire)).ok()?.checked_sub(1)?;
    // SAFETY: the answer is complete, and no other thread is asked while the lock is held.
    let frames = unsafe { &*ANSWER.0.get() };
    Some(frames.get(..count)?.to_vec())
}

/// Puts the handler in place, unless the program has one of its own. Says whether ours is there.
fn install() -> bool {
    let ours = answer as extern "C" fn(c_int) as usize;
    // SAFETY: an action of zeros is one without flags and with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: a null pointer asks for the present action only.
    if unsafe { libc::sigaction(signal(), ptr::null(), &raw mut action) } != 0 {
        return false;
    }
    if action.sa_sigaction != libc::SIG_DFL {
        return action.sa_sigaction == ours;
    }
    action.sa_sigaction = ours;
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handler is of the type that goes with these flags.
    unsafe { libc::sigaction(signal(), &raw const action, ptr::null_mut()) == 0 }
}
