//! Which modules the frames of a stack lie in: of two libraries that were loaded at the same place one after
//! the other, each has stacks of its own.

use core::ffi::{CStr, c_char};
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::object::object_at;
use crate::loaded::build_id_at;
use crate::module::{module_id, modules_of};

/// A module that is never unloaded, so that nothing has to be asked of it twice. All of it is 0 in a place
/// without one.
struct Lasting {
    start: AtomicUsize,
    end: AtomicUsize,
    id: AtomicU64,
}

impl Lasting {
    const fn none() -> Self {
        Self { start: AtomicUsize::new(0), end: AtomicUsize::new(0), id: AtomicU64::new(0) }
    }

    #[inline(always)]
    fn range(&self) -> Range<usize> {
        // The end is written last, so a thread that sees the end sees all of it.
        let end = self.end.load(Ordering::Acquire);
        self.start.load(Ordering::Relaxed)..end
    }
}

/// The program, the C library, and the module that this code is in (which the recorder keeps loaded). Behind
/// them modules of [`keep_present`].
static LASTING: [Lasting; 48] = [const { Lasting::none() }; 48];

/// How many there are.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn lasting() -> &'static [Lasting] {
    &LASTING[..COUNT.load(Ordering::Acquire).min(LASTING.len())]
}

/// Looks the lasting modules up. To be called behind [`super::object::start`].
pub(super) fn start() {
    // SAFETY: it may be asked for anything.
    let program = unsafe { libc::getauxval(libc::AT_ENTRY) } as usize;
    // A function that nothing stands in front of.
    let library = libc::getauxval as unsafe extern "C" fn(libc::c_ulong) -> libc::c_ulong as usize;
    for address in [program, library, start as fn() as usize] {
        // SAFETY: none of these is ever unloaded.
        unsafe { add(address) };
    }
}

/// Adds all modules that are loaded now. To be called once, before the program begins: what is loaded with a
/// program stays loaded.
pub(crate) fn keep_present() {
    crate::loaded::visit_modules(|module| {
        let address = module.start as usize;
        if !lasting().iter().any(|it| it.range().contains(&address)) {
            // SAFETY: the module stays loaded, as the caller promises.
            unsafe { add(address) };
        }
    });
}

/// Adds the module at an address, if there is space for it. To be called by one thread.
///
/// # Safety
/// The module stays loaded.
unsafe fn add(address: usize) {
    let count = COUNT.load(Ordering::Relaxed);
    // SAFETY: the caller promises that it is loaded.
    let (Some(place), Some((range, id))) = (LASTING.get(count), unsafe { module_at(address) }) else {
        return;
    };
    place.start.store(range.start, Ordering::Relaxed);
    place.id.store(id, Ordering::Relaxed);
    place.end.store(range.end, Ordering::Release);
    COUNT.store(count + 1, Ordering::Release);
}

/// Whether no frame of the stack is in a module that may be unloaded.
pub(crate) fn are_lasting(stack: &[usize]) -> bool {
    stack.iter().all(|address| lasting().iter().any(|it| it.range().contains(address)))
}

/// [`modules_of`] the calling thread's stack.
///
/// # Safety
/// The functions of the stack are on the calling thread's stack now, so that their modules stay loaded.
pub(super) unsafe fn modules_of_own(stack: &[usize]) -> u64 {
    let (mut range, mut id) = (0..0, 0);
    modules_of(stack.iter().map(|&address| {
        if !range.contains(&address) {
            let known = lasting().iter().find(|it| it.range().contains(&address));
            (range, id) = match known {
                Some(it) => (it.range(), it.id.load(Ordering::Relaxed)),
                // SAFETY: the caller promises that the function is on the stack.
                None => unsafe { module_at(address) }.unwrap_or((0..0, 0)),
            };
        }
        id
    }))
}

/// The addresses and the [`module_id`] of the module that holds `address`, if the C library knows it.
///
/// # Safety
/// That module stays loaded meanwhile.
unsafe fn module_at(address: usize) -> Option<(Range<usize>, u64)> {
    /// What `link_map` of glibc's `link.h` begins with.
    #[repr(C)]
    struct LinkMap {
        base: u64,
        name: *const c_char,
    }
    let found = object_at(address)?;
    // SAFETY: glibc says that the module has this description, which exists as long as the module.
    let map = unsafe { found.link_map.cast::<LinkMap>().as_ref() }?;
    let name = if map.name.is_null() {
        c""
    } else {
        // SAFETY: the loader's names are C strings that live as long as the module.
        unsafe { CStr::from_ptr(map.name) }
    };
    let build_id: &[u8] = if name.is_empty() {
        // The program itself, which nothing takes the place of.
        b""
    } else {
        // SAFETY: the library is loaded and begins with the page at its start.
        unsafe { build_id_at(found.map_start, map.base) }
    };
    let range = found.map_start.addr()..found.map_end.addr();
    Some((range, module_id(map.base, name.to_bytes(), build_id)))
}
