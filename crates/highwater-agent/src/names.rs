//! Names for the addresses of this process, for pages of text that people read without tools.
//!
//! Debug information is read directly from the program's mapped file, unit by unit, and not kept. So the
//! look-up needs little memory whatever the size of the file, and gives it back. Regular requests do not need
//! names: profiles contain addresses, and their reader finds the names.

mod binary;
mod unit;

use std::collections::HashMap;
use std::ffi::CString;
use std::ops::Range;
use std::sync::OnceLock;

use highwater_profile::{Line, LocationId, Profile};
use highwater_runtime::MappedFile;

use binary::Binary;

/// One of the calls at an address. Inlined calls come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub function: String,
    /// Path of the source file; empty if unknown, and then the line is 0.
    pub file: String,
    pub line: u32,
}

/// A file that is mapped as code.
struct Module {
    range: Range<u64>,
    /// Where the range begins in the file's address space. The range consists of whole pages, and a segment
    /// may begin inside a page.
    elf_start: u64,
    /// Path of the file; empty for the program itself.
    path: Vec<u8>,
    build_id: Vec<u8>,
}

impl Module {
    fn all() -> Vec<Self> {
        let mut modules = Vec::new();
        highwater_runtime::visit_modules(|it| {
            modules.push(Self {
                range: it.start..it.limit,
                elf_start: it.elf_start,
                path: it.path.to_vec(),
                build_id: it.build_id.to_vec(),
            });
        });
        modules
    }

    fn is_program(&self) -> bool {
        self.path.is_empty() || self.path == b"/proc/self/exe"
    }

    /// Reports the calls at these call-stack addresses, which must be sorted and inside the module.
    fn calls(&self, addresses: &[u64], may_go_on: &dyn Fn() -> bool, tell: &mut dyn FnMut(u64, Vec<Call>)) {
        let library;
        let file = if self.is_program() {
            program()
        } else {
            library = CString::new(self.path.as_slice()).ok().and_then(|it| MappedFile::library(&it));
            library.as_ref()
        };
        let Some(binary) = file.and_then(Binary::open) else { return };
        // A library may have been replaced by another file with the same name.
        if !self.is_program() && !self.build_id.is_empty() && binary.build_id() != Some(&self.build_id) {
            return;
        }
        // A call stack contains return addresses, which may be on the next line or in the next function. So
        // the byte before is looked up.
        let base = self.range.start.wrapping_sub(self.elf_start);
        let asked: Vec<u64> = addresses.iter().map(|it| (it - 1).wrapping_sub(base)).collect();
        binary.calls(&asked, may_go_on, &mut |address, calls| tell(address.wrapping_add(base) + 1, calls));
    }
}

/// The file of this program. It is mapped only once: when memory runs out, there may be no free file
/// descriptor either.
fn program() -> Option<&'static MappedFile> {
    static PROGRAM: OnceLock<Option<MappedFile>> = OnceLock::new();
    PROGRAM.get_or_init(MappedFile::program).as_ref()
}

/// Maps the program's file now, so that it can be read even if it is deleted later.
pub(crate) fn prepare() {
    program();
}

/// The calls at addresses of a call stack. Unknown addresses have none.
pub(crate) fn calls_of(addresses: impl IntoIterator<Item = u64>) -> HashMap<u64, Vec<Call>> {
    let modules = Module::all();
    if modules.is_empty() {
        // This system cannot list modules.
        return addresses.into_iter().map(|it| (it, calls_by_system(it))).collect();
    }
    look_up(&modules, addresses, &|| true)
}

/// The calls that `backtrace` finds for an address. It keeps in memory what it has read.
fn calls_by_system(address: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    let Ok(address) = usize::try_from(address) else { return calls };
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        if let Some(name) = symbol.name() {
            calls.push(Call {
                // Without the compiler's hash at the end.
                function: format!("{name:#}"),
                file: symbol.filename().map(|it| it.display().to_string()).unwrap_or_default(),
                line: symbol.lineno().unwrap_or(0),
            });
        }
    });
    calls
}

fn look_up(
    modules: &[Module],
    addresses: impl IntoIterator<Item = u64>,
    may_go_on: &dyn Fn() -> bool,
) -> HashMap<u64, Vec<Call>> {
    let mut addresses: Vec<u64> = addresses.into_iter().collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut known = HashMap::new();
    for module in modules {
        // The first address after the module may be the return address of the module's last call.
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

/// Names of the program's own functions. Each address is looked up once, within a memory budget.
///
/// Addresses in libraries get the name of the library.
pub(crate) struct Names {
    known: HashMap<u64, Vec<Call>>,
    program: Vec<Module>,
    libraries: Vec<(Range<u64>, String)>,
    /// The process's overhead at which look-ups stop, in bytes.
    most_overhead_bytes: u64,
}

impl Names {
    /// A collection of names with this memory budget from now on. The last unit of debug information may
    /// exceed the budget.
    pub(crate) fn within(bytes: u64) -> Self {
        let most_overhead_bytes = highwater_runtime::counts().overhead_bytes.saturating_add(bytes);
        let (program, others): (Vec<_>, Vec<_>) = Module::all().into_iter().partition(Module::is_program);
        let named = |it: Module| {
            let name = it.path.rsplit(|&it| it == b'/').next().filter(|it| !it.is_empty())?;
            Some((it.range, format!("[{}]", String::from_utf8_lossy(name))))
        };
        let libraries = others.into_iter().filter_map(named).collect();
        Self { known: HashMap::new(), program, libraries, most_overhead_bytes }
    }

    /// The names found for an address; empty if it was not looked up.
    pub(crate) fn known(&self, address: u64) -> &[Call] {
        self.known.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Looks up several addresses together, which is faster than one by one. Does nothing if the budget is
    /// used up.
    pub(crate) fn look_up(&mut self, addresses: impl IntoIterator<Item = u64>) {
        let Self { known, program, libraries, most_overhead_bytes } = self;
        let new: Vec<u64> = addresses.into_iter().filter(|it| !known.contains_key(it)).collect();
        for &address in &new {
            if let Some((_, name)) = libraries.iter().find(|(range, _)| range.contains(&address)) {
                known.insert(address, vec![Call { function: name.clone(), ..Call::default() }]);
            }
        }
        let own = new.iter().copied().filter(|it| !known.contains_key(it)).collect::<Vec<_>>();
        let has_room = || highwater_runtime::counts().overhead_bytes < *most_overhead_bytes;
        known.extend(look_up(program, own, &has_room));
        new.into_iter().for_each(|it| _ = known.entry(it).or_default());
    }

    /// The calls at an address; empty if they are not known yet and the budget is used up.
    pub(crate) fn calls(&mut self, address: u64) -> &[Call] {
        self.look_up([address]);
        self.known(address)
    }
}

/// Adds names to the frames of `locations`, for addresses in `calls`.
pub(crate) fn add(
    profile: &mut Profile,
    locations: impl IntoIterator<Item = LocationId>,
    mut calls: impl FnMut(u64) -> Vec<Call>,
) {
    for id in locations {
        for Call { function, file, line } in calls(profile.location(id).address) {
            let function = profile.add_function(&function, &function, &file);
            profile.location_mut(id).lines.push(Line::new(function, line.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(address: u64) -> Vec<Call> {
        calls_of([address]).remove(&address).unwrap_or_default()
    }

    #[inline(never)]
    fn own_address() -> u64 {
        let mut found = None;
        backtrace::trace(|frame| {
            let address = frame.ip().addr() as u64;
            let is_here = calls(address).iter().any(|it| it.function.ends_with("own_address"));
            found = is_here.then_some(address);
            !is_here
        });
        found.expect("the function is on the stack")
    }

    #[test]
    fn an_address_has_function_file_and_line() {
        let calls = calls(own_address());
        let here = calls.last().unwrap();
        assert!(here.function.ends_with("names::tests::own_address"), "{calls:?}");
        assert!(here.file.ends_with("names.rs"), "{calls:?}");
        assert_ne!(here.line, 0);
    }

    /// Compares with another reader of debug information, which is widely used.
    #[test]
    fn names_match_another_reader() {
        let mut stack = Vec::new();
        backtrace::trace(|frame| {
            stack.push(frame.ip().addr() as u64);
            true
        });
        let known = calls_of(stack.iter().copied());
        let own = Names::within(0).program;
        let is_own = |it: &u64| own.iter().any(|module| module.range.contains(it));
        let stack: Vec<u64> = stack.into_iter().filter(is_own).collect();
        assert!(stack.len() > 5, "{stack:?}");
        for address in stack {
            let (found, expected) = (&known[&address], calls_by_system(address));
            assert_eq!(found, &expected, "{address:#x}");
        }
    }

    #[test]
    fn without_budget_nothing_new_is_looked_up() {
        let address = own_address();
        let mut names = Names::within(1 << 40);
        assert_eq!(names.known(address), []);
        assert_eq!(names.calls(address), calls(address));
        assert_eq!(names.known(address), calls(address));
        names.most_overhead_bytes = 0;
        assert_eq!(names.calls(address), calls(address), "it is known already");
        assert_eq!(Names::within(0).calls(address), []);
    }

    #[test]
    fn library_addresses_get_the_librarys_name() {
        let mut names = Names::within(1 << 40);
        let (range, name) = names.libraries.first().cloned().expect("the C library");
        let call = Call { function: name, ..Call::default() };
        assert_eq!(names.calls(range.start), [call]);
    }

    #[test]
    fn an_address_of_nothing_has_no_name() {
        assert_eq!(calls(0), []);
        assert_eq!(calls(u64::MAX), []);
    }
}
