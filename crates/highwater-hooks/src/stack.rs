//! Stacks as addresses: the calling thread's own, and what file an address is in.

/// Frames kept, from the innermost.
pub(crate) const MOST_FRAMES: usize = 128;

/// Walks the calling thread's stack into `frames`, innermost first, and returns how many there are. Each is an address
/// inside of its call instruction; the frame that a signal interrupted stands at the interrupted instruction.
#[cfg(hooked)]
pub(crate) fn walk(frames: &mut [usize; MOST_FRAMES]) -> usize {
    let mut count = 0;
    // SAFETY: what must not happen at once is symbolization by this crate's `resolve`; walking shares nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // The unwinder hands out return addresses, which point behind the call.
            let Some(address) = frame.ip().addr().checked_sub(1) else { return false };
            frames[count] = address;
            count += 1;
            count < MOST_FRAMES
        });
    }
    count
}

/// What the loader knows of an address in a program or library.
#[cfg(hooked)]
fn info_of(address: usize) -> Option<libc::Dl_info> {
    // SAFETY: nothing but integers and pointers, for which zero is a value.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is only compared with those of what is loaded.
    let is_found = unsafe { libc::dladdr(address as *const _, &raw mut info) } != 0;
    is_found.then_some(info)
}

/// The address at which the program or library begins that an address lies in. `None` when it lies in none.
#[cfg(hooked)]
pub fn base_of(address: usize) -> Option<usize> {
    info_of(address).map(|it| it.dli_fbase.addr())
}

/// The path of the program or library that an address lies in, as the loader knows it. `None` when it lies in none.
#[cfg(hooked)]
pub fn file_of(address: usize) -> Option<String> {
    let info = info_of(address)?;
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's text ends with a zero, and stays while the file is loaded. What is unloaded right now has no
    // thread in it.
    let name = unsafe { std::ffi::CStr::from_ptr(info.dli_fname) };
    Some(name.to_string_lossy().into_owned())
}
