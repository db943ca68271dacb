//! Names with a bound on the memory that they may take.

use std::collections::HashMap;
use std::ops::Range;

use crate::call::Call;
use crate::module::{self, Module};

/// Names of the program's own functions, each address looked up once, with no more memory than there is for
/// it.
///
/// Libraries are named as a whole.
pub struct Names {
    known: HashMap<u64, Vec<Call>>,
    program: Vec<Module>,
    libraries: Vec<(Range<u64>, String)>,
    /// The overhead of the process at which nothing more is looked up, in bytes.
    most_overhead_bytes: u64,
}

impl Names {
    /// Names that may take this many bytes from now on. The last unit of debug information that is read may
    /// go beyond.
    pub fn within(bytes: u64) -> Self {
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
    pub fn known(&self, address: u64) -> &[Call] {
        self.known.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Looks addresses up together, which takes less time than one by one. None when there is no memory left.
    pub fn look_up(&mut self, addresses: impl IntoIterator<Item = u64>) {
        let Self { known, program, libraries, most_overhead_bytes } = self;
        let new: Vec<u64> = addresses.into_iter().filter(|it| !known.contains_key(it)).collect();
        for &address in &new {
            if let Some((_, name)) = libraries.iter().find(|(range, _)| range.contains(&address)) {
                known.insert(address, vec![Call { function: name.clone(), ..Call::default() }]);
            }
        }
        let own = new.iter().copied().filter(|it| !known.contains_key(it)).collect::<Vec<_>>();
        let has_room = || highwater_recorder::counts().overhead_bytes < *most_overhead_bytes;
        known.extend(module::look_up(program, own, &has_room));
        new.into_iter().for_each(|it| _ = known.entry(it).or_default());
    }

    /// The calls at an address, or none when there is no memory left for what is not known yet.
    pub fn calls(&mut self, address: u64) -> &[Call] {
        self.look_up([address]);
        self.known(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{calls, own_address};
    use crate::{calls_kept, calls_of};

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
            let (found, expected) = (&known[&address], calls_kept(address));
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
}
