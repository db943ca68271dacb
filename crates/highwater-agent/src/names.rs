//! Names for the addresses of this very process, for people who ask without a tool at hand.
//!
//! Debug information is read into the agent's own memory when a name is first asked for. Nothing that is asked for
//! regularly needs it: profiles are sent as addresses, and whoever reads them has the names.

use std::collections::HashMap;
use std::ops::Range;

use highwater_profile::{Line, LocationId, Profile};

/// One of the calls at an address. Calls that were inlined there come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub function: String,
    /// Empty when it is not known, as is the line then 0.
    pub file: String,
    pub line: u32,
}

/// The calls at an address of a call stack; none when nothing is known of it.
pub(crate) fn calls(address: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    // What a stack holds is where the call returns to, which may be the next line, or the next function. So `resolve`
    // looks up the byte before.
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

/// Reads debug information now, so that naming a few addresses later takes less time and memory.
pub(crate) fn prepare() {
    calls(prepare as fn() as usize as u64 + 1);
}

/// Names of the program's own functions, each address looked up once, with no more memory than there is for it: no address
/// says beforehand how many units of debug information it needs.
///
/// Libraries are named as a whole. To read the debug information of the C library alone takes 30 MB.
pub(crate) struct Names {
    known: HashMap<u64, Vec<Call>>,
    libraries: Vec<(Range<u64>, String)>,
    /// The overhead of the process at which nothing more is looked up, in bytes.
    most_overhead_bytes: u64,
}

impl Names {
    /// Names that may take so many bytes from now on. The last address that is looked up may go beyond.
    pub(crate) fn within(bytes: u64) -> Self {
        let most_overhead_bytes = highwater_runtime::counts().overhead_bytes.saturating_add(bytes);
        let mut libraries = Vec::new();
        highwater_runtime::visit_modules(|module| {
            // The path of the program itself is empty.
            if let Some(name) = module.path.rsplit(|&it| it == b'/').next().filter(|it| !it.is_empty()) {
                libraries.push((module.start..module.limit, format!("[{}]", String::from_utf8_lossy(name))));
            }
        });
        Self { known: HashMap::new(), libraries, most_overhead_bytes }
    }

    /// What was looked up of an address; none if it was not.
    pub(crate) fn known(&self, address: u64) -> &[Call] {
        self.known.get(&address).map_or(&[], Vec::as_slice)
    }

    /// [`calls`], or none when there is no memory left for what is not known yet.
    pub(crate) fn calls(&mut self, address: u64) -> &[Call] {
        let Self { known, libraries, most_overhead_bytes } = self;
        known.entry(address).or_insert_with(|| {
            match libraries.iter().find(|(range, _)| range.contains(&address)) {
                Some((_, name)) => vec![Call { function: name.clone(), ..Call::default() }],
                None if highwater_runtime::counts().overhead_bytes < *most_overhead_bytes => calls(address),
                None => Vec::new(),
            }
        })
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
