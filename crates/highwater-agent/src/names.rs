//! Names for the addresses of this very process, for people who ask without a tool at hand.
//!
//! Debug information is read where it lies, in the file of the program, unit by unit, and nothing of it is kept: whatever its
//! size, that takes little memory and gives it back. Nothing that is asked for regularly needs it: profiles are sent as
//! addresses, and their reader finds the names.

mod binary;
mod unit;

use std::collections::HashMap;
use std::ffi::CString;
use std::ops::Range;
use std::sync::OnceLock;

use highwater_profile::{Line, LocationId, Profile};
use highwater_unwind::MappedFile;

use binary::Binary;

/// One of the calls at an address. Calls that were inlined there come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub function: String,
    /// Empty when it is not known, as is the line then 0.
    pub file: String,
    pub line: u32,
}

/// A file that is mapped as code.
struct Module {
    range: Range<u64>,
    /// Where the range begins in the tables of the file. The range is whole pages, and a segment may begin inside of one.
    elf_start: u64,
    /// Empty for the program itself.
    path: Vec<u8>,
    build_id: Vec<u8>,
}

impl Module {
    fn all() -> Vec<Self> {
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

    fn is_program(&self) -> bool {
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
        let Some(binary) = file.and_then(Binary::open) else { return };
        // What has the name of a library now may be another file.
        if !self.is_program() && !self.build_id.is_empty() && binary.build_id() != Some(&self.build_id) {
            return;
        }
        // What a stack holds is where the call returns to, which may be the next line, or the next function. So the byte before
        // is looked up.
        let base = self.range.start.wrapping_sub(self.elf_start);
        let asked: Vec<u64> = addresses.iter().map(|it| (it - 1).wrapping_sub(base)).collect();
        binary.calls(&asked, may_go_on, &mut |address, calls| tell(address.wrapping_add(base) + 1, calls));
    }
}

/// The file of this program. It is mapped once: when memory runs out there may be no descriptor to be had either.
fn program() -> Option<&'static MappedFile> {
    static PROGRAM: OnceLock<Option<MappedFile>> = OnceLock::new();
    PROGRAM.get_or_init(MappedFile::program).as_ref()
}

/// Gets hold of the program's file now, whatever becomes of it later.
pub(crate) fn prepare() {
    program();
}

/// The calls at addresses of a call stack, as far as anything is known of them.
pub(crate) fn calls_of(addresses: impl IntoIterator<Item = u64>) -> HashMap<u64, Vec<Call>> {
    let modules = Module::all();
    if modules.is_empty() {
        // A system whose modules cannot be listed.
        return addresses.into_iter().map(|it| (it, calls_by_system(it))).collect();
    }
    look_up(&modules, addresses, &|| true)
}

/// What `backtrace` knows of an address. It keeps what it has read.
fn calls_by_system(address: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    let Ok(address) = usize::try_from(address) else { return calls };
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        if let Some(name) = symbol.name() {
            calls.push(Call {
                // Without the hash that the compiler adds.
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

/// Names of the program's own functions, each address looked up once, with no more memory than there is for it.
///
/// Libraries are named as a whole.
pub(crate) struct Names {
    known: HashMap<u64, Vec<Call>>,
    program: Vec<Module>,
    libraries: Vec<(Range<u64>, String)>,
    /// The overhead of the process at which nothing more is looked up, in bytes.
    most_overhead_bytes: u64,
}

impl Names {
    /// Names that may take so many bytes from now on. The last unit of debug information that is read may go beyond.
    pub(crate) fn within(bytes: u64) -> Self {
        let most_overhead_bytes = highwater_recorder::counts().overhead_bytes.saturating_add(bytes);
        let (program, others): (Vec<_>, Vec<_>) = Module::all().into_iter().partition(Module::is_program);
        let named = |it: Module| {
            let name = it.path.rsplit(|&it| it == b'/').next().filter(|it| !it.is_empty())?;
            Some((it.range, format!("[{}]", String::from_utf8_lossy(name))))
        };
        let libraries = others.into_iter().filter_map(named).collect();
        Self { known: HashMap::new(), program, libraries, most_overhead_bytes }
    }

    /// What was looked up of an address; none if it was not.
    pub(crate) fn known(&self, address: u64) -> &[Call] {
        self.known.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Looks addresses up together, which takes less time than one by one. None when there is no memory left.
    pub(crate) fn look_up(&mut self, addresses: impl IntoIterator<Item = u64>) {
        let Self { known, program, libraries, most_overhead_bytes } = self;
        let new: Vec<u64> = addresses.into_iter().filter(|it| !known.contains_key(it)).collect();
        for &address in &new {
            if let Some((_, name)) = libraries.iter().find(|(range, _)| range.contains(&address)) {
                known.insert(address, vec![Call { function: name.clone(), ..Call::default() }]);
            }
        }
        let own = new.iter().copied().filter(|it| !known.contains_key(it)).collect::<Vec<_>>();
        let has_room = || highwater_recorder::counts().overhead_bytes < *most_overhead_bytes;
        known.extend(look_up(program, own, &has_room));
        new.into_iter().for_each(|it| _ = known.entry(it).or_default());
    }

    /// The calls at an address, or none when there is no memory left for what is not known yet.
    pub(crate) fn calls(&mut self, address: u64) -> &[Call] {
        self.look_up([address]);
        self.known(address)
    }
}

/// Adds the names of the frames in `locations`, as far as `calls` knows any.
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

    /// What the reader of debug information that everybody uses says of the same addresses.
    #[test]
    fn names_are_those_of_another_reader() {
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
    fn without_memory_for_it_nothing_new_is_looked_up() {
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
    fn a_library_is_named_as_a_whole() {
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
