//! Faults of broken recorders, planted around a correct one, to show that the tests find them.
//!
//! `TRAP_PLANT` in the environment names the fault (an environment variable, because some faults must be
//! active before `main`). Without it, every call goes straight to the recorder.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::Relaxed};

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// The environment was not read yet.
    Unknown,
    None,
    /// Holds a lock during each call.
    Lock,
    /// Starts to record in `main`.
    Late,
    /// Keeps its state in thread-local storage with a destructor, and records nothing after its destruction.
    Tls,
    /// Assumes that the current stack is the thread's own.
    Scan,
    /// Calls the loader in each call.
    Loader,
    /// Counts refused allocations.
    Null,
    /// Counts its own memory as the program's.
    Own,
    /// Stops allocations while a snapshot is taken.
    Stop,
}

const NAMES: [(&CStr, Fault); 8] = [
    (c"lock", Fault::Lock),
    (c"late", Fault::Late),
    (c"tls", Fault::Tls),
    (c"scan", Fault::Scan),
    (c"loader", Fault::Loader),
    (c"null", Fault::Null),
    (c"own", Fault::Own),
    (c"stop", Fault::Stop),
];

static FAULT: AtomicU8 = AtomicU8::new(Fault::Unknown as u8);
static IN_MAIN: AtomicBool = AtomicBool::new(false);
static LOCK: Mutex<()> = Mutex::new(());

/// The fault that the environment names.
pub fn fault() -> Fault {
    let known = FAULT.load(Relaxed);
    if known == Fault::None as u8 {
        return Fault::None;
    }
    if let Some(&(_, fault)) = NAMES.iter().find(|&&(_, fault)| fault as u8 == known) {
        return fault;
    }
    // SAFETY: the names are C strings, and nobody changes the environment before the first allocation.
    let fault = unsafe {
        let value = libc::getenv(c"TRAP_PLANT".as_ptr());
        if value.is_null() {
            Fault::None
        } else {
            let value = CStr::from_ptr(value);
            NAMES.iter().find(|(name, _)| *name == value).map_or(Fault::None, |&(_, fault)| fault)
        }
    };
    FAULT.store(fault as u8, Relaxed);
    fault
}

/// Notes that `main` has begun, for the fault that waits for it.
pub fn main_begins() {
    IN_MAIN.store(true, Relaxed);
}

/// The thread that is taking a snapshot; 0 when none is.
static SNAPSHOT_TAKER: AtomicI32 = AtomicI32::new(0);

/// Takes a snapshot with `take`. With the fault `Stop`, allocations of other threads are stopped meanwhile.
pub fn around_snapshot<R>(take: impl FnOnce() -> R) -> R {
    SNAPSHOT_TAKER.store(own_thread(), Relaxed);
    let result = take();
    SNAPSHOT_TAKER.store(0, Relaxed);
    result
}

fn own_thread() -> i32 {
    // SAFETY: gettid has no preconditions.
    unsafe { libc::gettid() }
}

/// A correct allocator with a fault around it.
pub struct Planted<A>(A);

impl<A: GlobalAlloc> Planted<A> {
    pub const fn around(sound: A) -> Self {
        Self(sound)
    }

    /// The effect of a fault on an allocation; `allocate` is the correct allocator's.
    #[cold]
    fn allocate(&self, layout: Layout, fault: Fault, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        // SAFETY: the layout is the program's. The sound allocator wraps the system's wherever this is used,
        // and so may take such a block back: the system's `free` looks at the address only.
        let unrecorded = || unsafe { System.alloc(layout) };
        match fault {
            Fault::Late if !IN_MAIN.load(Relaxed) => unrecorded(),
            Fault::Tls if !storage_is_there() => unrecorded(),
            Fault::Scan => {
                scan_stack();
                allocate()
            }
            Fault::Loader => {
                // SAFETY: the name is a C string. The search takes the loader's lock.
                unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"no_such_symbol".as_ptr()) };
                allocate()
            }
            Fault::Null => {
                let block = allocate();
                if block.is_null() {
                    // The allocation is counted because it succeeds, and then lost.
                    let _lost = allocate();
                }
                block
            }
            Fault::Lock => {
                let _held = LOCK.lock();
                allocate()
            }
            Fault::Stop => {
                while ![0, own_thread()].contains(&SNAPSHOT_TAKER.load(Relaxed)) {
                    std::thread::sleep(std::time::Duration::from_micros(10));
                }
                allocate()
            }
            _ => allocate(),
        }
    }
}

// SAFETY: every call goes on to a sound allocator. The one block of `Fault::Late` and `Fault::Tls` that does
// not is from the allocator behind that one.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Planted<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let sound = || unsafe { self.0.alloc(layout) };
        match fault() {
            Fault::None => sound(),
            fault => self.allocate(layout, fault, sound),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let _held = (fault() == Fault::Lock).then(|| LOCK.lock());
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let _held = (fault() == Fault::Lock).then(|| LOCK.lock());
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}

/// Whether thread-local storage with a destructor still exists.
fn storage_is_there() -> bool {
    struct Destroyed;
    impl Drop for Destroyed {
        fn drop(&mut self) {}
    }
    thread_local! {
        static STORAGE: Destroyed = const { Destroyed };
    }
    STORAGE.try_with(|_| ()).is_ok()
}

/// Reads the stack from here up to the end of the thread's own, like a walk that trusts these bounds.
fn scan_stack() {
    thread_local! {
        static END: Cell<usize> = const { Cell::new(0) };
    }
    if END.get() == 0 {
        END.set(end_of_stack());
    }
    let here = 0_u8;
    let mut address = (&raw const here).addr();
    while address < END.get() {
        // SAFETY: none. This is the fault.
        std::hint::black_box(unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() });
        address += 4096;
    }
}

fn end_of_stack() -> usize {
    // SAFETY: there is space for the results, and the attributes are destroyed after use.
    unsafe {
        let mut attributes = std::mem::zeroed();
        libc::pthread_getattr_np(libc::pthread_self(), &mut attributes);
        let (mut start, mut bytes) = (std::ptr::null_mut(), 0);
        libc::pthread_attr_getstack(&attributes, &mut start, &mut bytes);
        libc::pthread_attr_destroy(&mut attributes);
        start.addr() + bytes
    }
}
