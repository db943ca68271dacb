//! Which modules are loaded.

#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
mod build_id;
#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
mod elf;

use crate::module::Module;

#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
pub(crate) use build_id::build_id_at;

/// Calls `visit` for every executable mapping of the program and its libraries, the program first. Nothing is
/// shown where the loader lists none.
pub fn visit_modules(mut visit: impl FnMut(Module<'_>)) {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
    elf::visit(&mut visit);
    #[cfg(not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64")))]
    let _ = &mut visit;
}
