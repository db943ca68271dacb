//! What the C library knows of the module that holds an address, without a lock.

use core::ffi::{c_int, c_void};
use core::mem;
use core::sync::atomic::{AtomicPtr, Ordering};

/// What glibc tells of the module that holds an address; `struct dl_find_object` in its `dlfcn.h`.
#[repr(C)]
pub(super) struct FoundObject {
    flags: u64,
    pub(super) map_start: *const u8,
    pub(super) map_end: *const u8,
    pub(super) link_map: *const c_void,
    pub(super) eh_frame_hdr: *const u8,
    reserved: [u64; 7],
}

/// The signature of [`FIND_OBJECT`].
// SAFETY of calling it: any address may be asked for; there must be space for the result.
type FindObject = unsafe extern "C" fn(address: *const c_void, result: *mut FoundObject) -> c_int;

/// glibc's `_dl_find_object`, which takes no lock: a walk must not wait for a `dlopen` in another thread.
/// Null where glibc is older than 2.35.
static FIND_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// Looks the function up. To be called once, before the first walk.
pub(super) fn start() {
    // SAFETY: the name is a C string.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    FIND_OBJECT.store(function, Ordering::Release);
}

/// Whether [`object_at`] can answer.
pub(super) fn is_available() -> bool {
    !FIND_OBJECT.load(Ordering::Acquire).is_null()
}

/// The module that holds `address`, if the C library knows it.
pub(super) fn object_at(address: usize) -> Option<FoundObject> {
    let function = FIND_OBJECT.load(Ordering::Acquire);
    if function.is_null() {
        return None;
    }
    // SAFETY: this is the address of the function of that name, whose type glibc documents.
    let find_object = unsafe { mem::transmute::<*mut c_void, FindObject>(function) };
    let mut found = mem::MaybeUninit::<FoundObject>::uninit();
    // SAFETY: any address may be asked for, and there is space for the result.
    if unsafe { find_object(core::ptr::without_provenance(address), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so the result is there.
    Some(unsafe { found.assume_init() })
}
