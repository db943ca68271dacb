//! Stacks as addresses: the calling thread's own, and what file an address is in.

/// Frames kept where memory is short.
#[cfg(hooked)]
pub(crate) const MOST_FRAMES: usize = 192;
/// How many of them are the outermost, where there are more. What is in the middle is left out: the innermost
/// calls say what was done, and the outermost on whose behalf.
#[cfg(hooked)]
const OUTERMOST: usize = 64;

/// Shows the calls of the calling thread, innermost first, until `visit` says that it is enough. Each is an
/// address inside of its call instruction; the frame that a signal interrupted stands at the interrupted
/// instruction.
#[cfg(hooked)]
fn visit(mut visit: impl FnMut(usize) -> bool) {
    // SAFETY: what must not happen at once is symbolization by this crate's `resolve`; walking shares
    // nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // The unwinder hands out return addresses, which point behind the call.
            frame.ip().addr().checked_sub(1).is_some_and(&mut visit)
        });
    }
}

/// Writes the calling thread's stack into `frames`, innermost first, and returns how many there are. Nothing
/// is allocated.
#[cfg(hooked)]
pub(crate) fn walk(frames: &mut [usize; MOST_FRAMES]) -> usize {
    const INNERMOST: usize = MOST_FRAMES - OUTERMOST;
    let mut count = 0;
    visit(|address| {
        // Behind the innermost there is a ring.
        let place = if count < INNERMOST { count } else { INNERMOST + (count - INNERMOST) % OUTERMOST };
        frames[place] = address;
        count += 1;
        true
    });
    if count > MOST_FRAMES {
        frames[INNERMOST..].rotate_left((count - INNERMOST) % OUTERMOST);
    }
    count.min(MOST_FRAMES)
}

/// The calling thread's stack as a whole, innermost first.
#[cfg(hooked)]
pub(crate) fn walk_all() -> Box<[usize]> {
    /// A recursion without an end is ended by something else.
    const MOST: usize = 1 << 16;
    let mut frames = Vec::with_capacity(MOST_FRAMES);
    visit(|address| {
        frames.push(address);
        frames.len() < MOST
    });
    frames.into()
}

#[cfg(all(test, hooked))]
mod tests {
    use super::*;

    #[inline(never)]
    fn below<T>(depth: usize, then: &dyn Fn() -> T) -> T {
        if depth == 0 {
            return then();
        }
        std::hint::black_box(below(depth - 1, then))
    }

    #[test]
    fn a_deep_stack_keeps_both_ends_or_all() {
        let short = || {
            let mut frames = [0; MOST_FRAMES];
            let count = walk(&mut frames);
            frames[..count].to_vec()
        };
        let (whole, cut) = (below(1_000, &walk_all), below(1_000, &short));
        assert!(whole.len() > 1_000 && cut.len() == MOST_FRAMES);
        let outer = |frames: &[usize]| frames[frames.len() - 10..].to_vec();
        assert_eq!(outer(&whole), outer(&cut));
        assert_eq!(outer(&short()), outer(&cut));
        assert_eq!(below(1_000, &short)[..100], cut[..100]);
    }
}

/// What the loader knows of an address in a program or library.
#[cfg(hooked)]
fn info_of(address: usize) -> Option<libc::Dl_info> {
    // SAFETY: nothing but integers and pointers, for which zero is a value.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is only compared with addresses of what is loaded.
    let is_found = unsafe { libc::dladdr(address as *const _, &raw mut info) } != 0;
    is_found.then_some(info)
}

/// The address at which the program or library begins that an address lies in. `None` when it lies in none.
#[cfg(hooked)]
pub fn base_of(address: usize) -> Option<usize> {
    info_of(address).map(|it| it.dli_fbase.addr())
}

/// The path of the program or library that an address lies in, as the loader knows it. `None` when it lies in
/// none.
#[cfg(hooked)]
pub fn file_of(address: usize) -> Option<String> {
    let info = info_of(address)?;
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's text ends with a zero, and stays while the file is loaded. What is unloaded right
    // now has no thread in it.
    let name = unsafe { std::ffi::CStr::from_ptr(info.dli_fname) };
    Some(name.to_string_lossy().into_owned())
}
