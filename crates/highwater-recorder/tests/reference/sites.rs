//! Call sites that can be distinguished in what was recorded, and what was recorded there.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::hint::black_box;

use highwater_recorder::{Values, visit_sites};

/// Number of call sites.
pub const SITES: usize = 5;

/// The site at which no generated step allocates.
pub const PEDESTAL: usize = SITES - 1;

/// What a site asks the allocator for.
#[derive(Clone, Copy)]
pub enum Call {
    Alloc(Layout),
    Zeroed(Layout),
    /// A live block, its layout, and its new size.
    Realloc(*mut u8, Layout, usize),
}

macro_rules! sites {
    ($($name:ident),*) => {
        $(
            /// # Safety
            /// As for the method of the allocator that is asked for.
            #[inline(never)]
            unsafe fn $name<A: GlobalAlloc>(alloc: &A, call: Call) -> *mut u8 {
                // SAFETY: the caller promises it.
                black_box(unsafe {
                    match call {
                        Call::Alloc(layout) => alloc.alloc(layout),
                        Call::Zeroed(layout) => alloc.alloc_zeroed(layout),
                        Call::Realloc(block, layout, size) => alloc.realloc(block, layout, size),
                    }
                })
            }
        )*

        const NAMES: [&str; SITES] = [$(concat!("::", stringify!($name))),*];

        /// Calls the allocator from a site.
        ///
        /// # Safety
        /// As for the method of the allocator that is asked for.
        pub unsafe fn call<A: GlobalAlloc>(site: usize, alloc: &A, call: Call) -> *mut u8 {
            let functions: [unsafe fn(&A, Call) -> *mut u8; SITES] = [$($name::<A>),*];
            // SAFETY: the caller promises it.
            unsafe { functions[site](alloc, call) }
        }
    };
}

sites!(reference_site_0, reference_site_1, reference_site_2, reference_site_3, reference_pedestal);

/// What is recorded at a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub allocated: Values,
    pub live: Values,
    pub at_peak: Values,
}

/// Tells stacks apart, and remembers which is whose: it takes debug information to find out.
#[derive(Default)]
pub struct Reader {
    site_of_stack: HashMap<*const usize, usize>,
}

impl Reader {
    /// Everything that is recorded, by site.
    pub fn read(&mut self) -> [Rows; SITES] {
        let mut sums = [Rows::default(); SITES];
        visit_sites(|site| {
            let index = *self.site_of_stack.entry(site.stack.as_ptr()).or_insert_with(|| site_of(site.stack));
            let sum = &mut sums[index];
            add(&mut sum.allocated, site.allocated);
            add(&mut sum.live, site.live);
            add(&mut sum.at_peak, site.at_peak);
        });
        sums
    }
}

fn add(sum: &mut Values, values: Values) {
    sum.blocks += values.blocks;
    sum.bytes += values.bytes;
}

fn site_of(stack: &[usize]) -> usize {
    let mut found = None;
    for &address in stack {
        // A call-site address is one less than the return address that is expected.
        backtrace::resolve(std::ptr::without_provenance_mut(address + 1), |symbol| {
            let name = symbol.name().map(|it| it.to_string()).unwrap_or_default();
            found = found.or(NAMES.iter().position(|it| name.contains(it)));
        });
    }
    found.expect("every recorded stack leads through a site")
}
