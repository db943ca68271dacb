//! A platform that Highwater cannot record on: there is no memory to record into, so nothing is.

pub(crate) fn environment(_name: &core::ffi::CStr) -> Option<&'static [u8]> {
    None
}

pub(crate) fn write_to_stderr(_text: &[u8]) {}

pub(crate) fn thread_name(_buffer: &mut [u8; 16]) -> usize {
    0
}

pub(crate) fn entropy() -> u64 {
    0
}

pub(crate) fn monotonic_ns() -> u64 {
    0
}

pub(crate) fn has_shared_std() -> bool {
    false
}

pub(crate) fn stay_loaded() {}

pub(crate) struct ExitHook;

impl ExitHook {
    pub(crate) const fn new() -> Self {
        Self
    }
    // SAFETY of calling it: nobody does.
    pub(crate) fn install(&self, _destructor: unsafe extern "C" fn(*mut core::ffi::c_void)) {}
    pub(crate) fn arm(&self, _value: *const core::ffi::c_void) -> bool {
        false
    }
}

pub(crate) fn function_at(_address: usize) -> Option<usize> {
    None
}
