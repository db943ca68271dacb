//! Libraries that are loaded and unloaded while threads allocate: `trap_dlopen PATH NARROW WIDE
//! churn|successor|constructor|lock`.
//!
//! `churn` loads and unloads two libraries with different frames in turn at the same place, and allocates
//! below them. `successor` loads one library in the place of the other; the same stack allocates from both.
//! In `constructor`, a library's constructor waits, while the loader's lock is held, for a thread that
//! allocates. In `lock`, an inner allocator calls the loader under a lock of its own while snapshots are
//! taken.

#[macro_use]
mod trap;

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::ffi::{CString, c_int, c_void};
use std::process::ExitCode;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use trap::planted::Planted;
use trap::{Block, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc<AsksTheLoader>> =
    Planted::around(highwater::Alloc::wrapping(AsksTheLoader).exact());

site!(site_busy, BUSY);
site!(site_below_narrow, NARROW);
site!(site_below_wide, WIDE);
site!(site_in_constructor, IN_CONSTRUCTOR);

/// The system's allocator, which on request lists the loaded modules under a lock, like an allocator that
/// records stacks.
struct AsksTheLoader;

static ASKS: AtomicBool = AtomicBool::new(false);
static ASKING: Mutex<()> = Mutex::new(());

impl AsksTheLoader {
    fn ask() {
        unsafe extern "C" fn each(_: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
            0
        }
        if ASKS.load(Relaxed) {
            let _held = ASKING.lock();
            // SAFETY: `each` has the required type and looks at nothing.
            unsafe { libc::dl_iterate_phdr(Some(each), ptr::null_mut()) };
        }
    }
}

// SAFETY: every call goes to the system's allocator.
unsafe impl GlobalAlloc for AsksTheLoader {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::ask();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) };
    }
}

/// A loaded library, until it is dropped.
struct Library(*mut c_void);

impl Library {
    fn load(path: &str) -> Result<Self, String> {
        let name = CString::new(path).map_err(|it| it.to_string())?;
        // SAFETY: the name is a C string, and the library's constructor is known.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() { Err(format!("{path} cannot be loaded")) } else { Ok(Self(handle)) }
    }

    /// The library's function `through`.
    fn through(&self) -> Result<extern "C" fn(extern "C" fn()), String> {
        // SAFETY: the handle belongs to a loaded library, and the name is a C string.
        let function = unsafe { libc::dlsym(self.0, c"through".as_ptr()) };
        if function.is_null() {
            return Err("the library has no function `through`".to_owned());
        }
        // SAFETY: the library's source says that this is its type.
        Ok(unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(extern "C" fn())>(function) })
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is closed once, and nothing of the library is on any stack.
        unsafe { libc::dlclose(self.0) };
    }
}

/// Blocks allocated below the libraries, which are freed later.
static BELOW: Mutex<Vec<Block>> = Mutex::new(Vec::new());

fn keep(block: Block) {
    BELOW.lock().expect("nobody panics").push(block);
}

extern "C" fn below_narrow() {
    keep(site_below_narrow(100, 8));
}

extern "C" fn below_wide() {
    keep(site_below_wide(200, 8));
}

#[inline(never)]
fn above_the_library(through: extern "C" fn(extern "C" fn()), callback: extern "C" fn()) {
    through(callback);
    std::hint::black_box(());
}

fn busy(stop: &AtomicBool) {
    for step in 0_usize.. {
        drop(site_busy(1 + step % 500, [8, 64][step % 2]));
        if stop.load(Relaxed) {
            return;
        }
    }
}

/// Runs `work` while three threads allocate.
fn beside_threads(work: impl FnOnce() -> Outcome) -> Outcome {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| busy(&stop))).collect();
        let outcome = work();
        stop.store(true, Relaxed);
        threads.into_iter().for_each(|it| it.join().expect("no panic"));
        outcome
    })
}

fn churn(path: &str, narrow: &str, wide: &str) -> Outcome {
    let mut reused = 0;
    let mut place = 0;
    let mut last = None;
    beside_threads(|| {
        for _ in 0..100 {
            let library = Library::load(narrow)?;
            let through = library.through()?;
            above_the_library(through, below_narrow);
            drop(library);
            let library = Library::load(wide)?;
            place = library.through()? as usize;
            reused += usize::from(place == through as usize);
            above_the_library(library.through()?, below_wide);
        }
        // A library is in its place while the snapshot is taken, so that its frames have a module. The loader
        // uses the same place again as long as the threads' stacks are mapped.
        for _ in 0..100 {
            let library = Library::load(wide)?;
            if library.through()? as usize == place {
                last = Some(library);
                break;
            }
        }
        Ok(())
    })?;
    if reused == 0 {
        return Err("no library was loaded where another had been, so nothing was tried".to_owned());
    }
    println!("{reused} libraries were loaded where another had been");
    trap::snapshot(path)?;
    drop(last);
    [&BUSY, &NARROW, &WIDE].iter().for_each(|it| it.print());
    Ok(())
}

extern "C" fn construct() {
    // The thread is created by the C library, because the standard library must not be what calls the loader.
    extern "C" fn allocate(_: *mut c_void) -> *mut c_void {
        for _ in 0..20 {
            drop(site_in_constructor(8 << 20, 8));
            std::mem::forget(site_in_constructor(1 << 20, 64));
        }
        ptr::null_mut()
    }
    let mut thread = 0;
    // SAFETY: there is space for the results, and the thread is joined once.
    unsafe {
        assert_eq!(libc::pthread_create(&mut thread, ptr::null(), allocate, ptr::null_mut()), 0);
        assert_eq!(libc::pthread_join(thread, ptr::null_mut()), 0);
    }
}

fn successor(path: &str, libraries: [&str; 2]) -> Outcome {
    for _ in 0..100 {
        let mut places = [0; 2];
        let mut last = None;
        for (place, library) in places.iter_mut().zip(libraries) {
            drop(last.take());
            let library = Library::load(library)?;
            let through = library.through()?;
            *place = through as usize;
            above_the_library(through, below_narrow);
            last = Some(library);
        }
        if places[0] == places[1] {
            trap::snapshot(path)?;
            drop(last);
            NARROW.print();
            return Ok(());
        }
    }
    Err("no library was loaded where another had been, so nothing was tried".to_owned())
}

fn constructor(path: &str, narrow: &str) -> Outcome {
    // SAFETY: no other thread exists yet.
    unsafe { env::set_var("TRAP_CONSTRUCTOR", (construct as extern "C" fn() as usize).to_string()) };
    let library = Library::load(narrow)?;
    expect("blocks allocated in the constructor's thread", IN_CONSTRUCTOR.totals()[0], 40)?;
    trap::snapshot(path)?;
    drop(library);
    IN_CONSTRUCTOR.print();
    Ok(())
}

fn lock(path: &str) -> Outcome {
    ASKS.store(true, Relaxed);
    let outcome = beside_threads(|| {
        for _ in 0..30 {
            drop(highwater::Snapshot::capture().map_err(|it| it.to_string())?);
        }
        Ok(())
    });
    ASKS.store(false, Relaxed);
    outcome?;
    trap::snapshot(path)?;
    BUSY.print();
    Ok(())
}

fn main() -> ExitCode {
    trap::report(|path| match trap::arguments().get(1..).unwrap_or_default() {
        [narrow, wide, part] if part == "churn" => churn(path, narrow, wide),
        [first, second, part] if part == "successor" => successor(path, [first, second]),
        [narrow, _, part] if part == "constructor" => constructor(path, narrow),
        [_, _, part] if part == "lock" => lock(path),
        other => Err(format!("two libraries and a part, not {other:?}")),
    })
}
