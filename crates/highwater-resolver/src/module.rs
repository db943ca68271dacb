//! The files that are mapped as code in this process.

use std::collections::HashMap;
use std::ffi::CString;
use std::ops::Range;
use std::sync::OnceLock;

use highwater_unwind::MappedFile;

use crate::binary::{Binary, Sections};
use crate::call::Call;

/// A file that is mapped as code.
pub(crate) struct Module {
    pub(crate) range: Range<u64>,
    /// Where the range begins in the tables of the file. The range is whole pages, and a segment may begin
    /// inside of one.
    elf_start: u64,
    /// Empty for the program itself.
    pub(crate) path: Vec<u8>,
    build_id: Vec<u8>,
}

impl Module {
    pub(crate) fn all() -> Vec<Self> {
        let mut modules = Vec::new();
        highwater_unwind::visit_modules(|it| {
            modules.push(Self {
                range: it.start..it.limit,
                elf_start: it.elf_start,
                path: it.path.to_vec(),
                build_id: it.build_id.to_vec(),
            });
        });
        modules
    }

    pub(crate) fn is_program(&self) -> bool {
        self.path.is_empty() || self.path == b"/proc/self/exe"
    }

    /// Tells the calls at these addresses of a call stack, which are sorted and inside.
    fn calls(&self, addresses: &[u64], may_go_on: &dyn Fn() -> bool, tell: &mut dyn FnMut(u64, Vec<Call>)) {
        let library;
        let file = if self.is_program() {
            program()
        } else {
            library = CString::new(self.path.as_slice()).ok().and_then(|it| MappedFile::library(&it));
            library.as_ref()
        };
        let Some(binary) = file.and_then(|it| Binary::open(it, Sections::InPlace)) else { return };
        // What has the name of a library now may be another file.
        if !self.is_program() && !self.build_id.is_empty() && binary.build_id() != Some(&self.build_id) {
            return;
        }
        let asked = self.places(addresses);
        binary.calls(&asked, may_go_on, &mut |place, calls| tell(self.address(place), calls));
    }

    /// The places in the tables of the file of the sorted addresses that are inside. The addresses are a call
    /// stack's.
    ///
    /// What a stack holds is where the call returns to, which may be the next line, or the next function. So
    /// the byte before is looked up. An address behind the last byte is where the last call returns to.
    pub(crate) fn places(&self, addresses: &[u64]) -> Vec<u64> {
        let inside = addresses.iter().filter(|it| self.range.start < **it && **it <= self.range.end);
        inside.map(|it| (it - 1).wrapping_sub(self.base())).collect()
    }

    /// The address of a call stack that lies at this place.
    pub(crate) fn address(&self, place: u64) -> u64 {
        place.wrapping_add(self.base()) + 1
    }

    /// What is added to a place in the tables of the file to make an address of this process.
    fn base(&self) -> u64 {
        self.range.start.wrapping_sub(self.elf_start)
    }
}

/// The file of this program. It is mapped once: when memory runs out there may be no descriptor to be had
/// either.
pub(crate) fn program() -> Option<&'static MappedFile> {
    static PROGRAM: OnceLock<Option<MappedFile>> = OnceLock::new();
    PROGRAM.get_or_init(MappedFile::program).as_ref()
}

/// Gets hold of the program's file now, whatever becomes of it later.
pub fn prepare() {
    program();
}

/// The calls at these addresses, as far as these files say them.
pub(crate) fn look_up(
    modules: &[Module],
    addresses: impl IntoIterator<Item = u64>,
    may_go_on: &dyn Fn() -> bool,
) -> HashMap<u64, Vec<Call>> {
    let mut addresses: Vec<u64> = addresses.into_iter().collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut known = HashMap::new();
    for module in modules {
        // An address behind the last byte is where the last call returns to.
        let first = addresses.partition_point(|it| *it <= module.range.start);
        let inside = addresses[first..].partition_point(|it| *it <= module.range.end);
        if inside > 0 && may_go_on() {
            module.calls(&addresses[first..first + inside], may_go_on, &mut |address, calls| {
                known.insert(address, calls);
            });
        }
    }
    known
}
