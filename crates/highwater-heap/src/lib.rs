//! Asks the living heap of this process what is resident, and why.
//!
//! [`read`] makes a ledger whose lines add up to the resident set that the kernel reports. It says for
//! sampled blocks how much empty space they keep on their pages, and how much of them was never touched.
//!
//! - [`mapping`] and [`pages`] are the kernel's lists, [`stacks`] finds threads' stacks in them, and
//!   [`kernel`] makes the lines
//!   that the kernel alone can tell.
//! - [`glibc`] walks the heaps of glibc in a copy of the process, which [`child`] makes.
//! - [`jemalloc`] asks jemalloc, which [`symbol`] finds.
//! - [`ledger`] puts the lines together.
//!
//! Nothing here runs unless it is asked for. It must not be asked in a signal handler.

macro_rules! supported {
    ($($item:item)*) => {
        $(#[cfg(all(target_os = "linux", target_pointer_width = "64"))] $item)*
    };
}

supported! {
    mod child;
    mod glibc;
    mod jemalloc;
    mod kernel;
    mod ledger;
    mod mapping;
    mod pages;
    mod stacks;
    mod symbol;

    pub use ledger::read;
}

mod line;
mod reading;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod unsupported;

pub use line::{Kind, Line};
pub use reading::{Block, Known, Reading, Seen};
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub use unsupported::read;
