//! The files that contain the addresses of this process, for profiles whose stacks are addresses.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use highwater_profile::{Location, LocationId, Mapping, MappingId, Profile};
use highwater_recorder::SiteTotals;

/// The files that were mapped executable into this process at one moment.
#[derive(Clone, Debug, Default)]
pub struct Modules(Vec<Module>);

/// One of them; see [`highwater_unwind::Module`].
#[derive(Clone, Debug)]
struct Module {
    start: u64,
    limit: u64,
    file_offset: u64,
    elf_start: u64,
    begins_aligned: bool,
    /// Whether profiles use addresses of the ELF file's own tables for it; see [`normalize`].
    is_normalized: bool,
    path: String,
    build_id: String,
    /// See [`highwater_unwind::module_id`].
    id: u64,
    /// Whether it is the program: the loader does not name it.
    is_program: bool,
}

impl Module {
    fn of(module: highwater_unwind::Module<'_>) -> Self {
        Self {
            start: module.start,
            limit: module.limit,
            file_offset: module.file_offset,
            elf_start: module.elf_start,
            begins_aligned: module.begins_aligned,
            is_normalized: false,
            path: String::from_utf8_lossy(module.path).into_owned(),
            build_id: module.build_id.iter().map(|byte| format!("{byte:02x}")).collect(),
            id: highwater_unwind::module_id(
                module.start.wrapping_sub(module.elf_start),
                module.path,
                module.build_id,
            ),
            is_program: module.path.is_empty() || module.path == b"/proc/self/exe",
        }
    }

    /// Its address range in the process.
    fn range(&self) -> Range<u64> {
        self.start..self.limit
    }

    /// Its address range in the tables of its file.
    fn elf_range(&self) -> Range<u64> {
        self.elf_start..self.elf_start.saturating_add(self.limit - self.start)
    }
}

impl Modules {
    /// The modules that are mapped now.
    pub fn capture() -> Self {
        let mut modules = Vec::new();
        highwater_unwind::visit_modules(|module| modules.push(Module::of(module)));
        name_all(&mut modules);
        normalize(&mut modules);
        Self(modules)
    }

    /// Adds the modules to a profile, so that its stacks can consist of addresses.
    pub fn add_to(&self, profile: &mut Profile) -> Locations<'_> {
        let mappings = self.0.iter().map(|module| add_mapping(profile, module)).collect();
        Locations { modules: &self.0, mappings, known: HashMap::new() }
    }

    /// The address in this process for an `address` in a profile of this process. For some modules, profiles
    /// have addresses of the module's own tables.
    pub fn address_of_file(&self, address: u64) -> u64 {
        let module = self.0.iter().find(|it| it.is_normalized && it.elf_range().contains(&address));
        module.map_or(address, |it| address - it.elf_start + it.start)
    }
}

/// The locations of a profile by address; each is added once.
#[derive(Debug)]
pub struct Locations<'a> {
    modules: &'a [Module],
    mappings: Vec<MappingId>,
    known: HashMap<(usize, bool), LocationId>,
}

impl Locations<'_> {
    /// Whether the modules that the row's stack went through when it was first recorded are still mapped at
    /// the same place. If not, another library may now be at an address of the stack.
    pub(crate) fn are_those_of(&self, site: &SiteTotals) -> bool {
        let id = |&address: &usize| self.module(address as u64).map_or(0, |index| self.modules[index].id);
        site.modules.is_none_or(|then| then == highwater_unwind::modules_of(site.whole_stack.iter().map(id)))
    }

    fn module(&self, address: u64) -> Option<usize> {
        self.modules.iter().position(|it| it.range().contains(&address))
    }

    /// The location of an address in a stack with unloaded libraries: only addresses of the program get a
    /// module.
    pub(crate) fn at_of_gone(&mut self, profile: &mut Profile, address: usize) -> LocationId {
        self.find(profile, address, true)
    }

    /// The location of an address inside an instruction, in the profile for which this was made.
    pub fn at(&mut self, profile: &mut Profile, address: usize) -> LocationId {
        self.find(profile, address, false)
    }

    fn find(&mut self, profile: &mut Profile, address: usize, is_of_gone: bool) -> LocationId {
        let Self { modules, mappings, known } = self;
        *known.entry((address, is_of_gone)).or_insert_with(|| {
            let address = address as u64;
            let holds = |it: &Module| it.range().contains(&address) && (it.is_program || !is_of_gone);
            let module = modules.iter().position(holds);
            profile.add_location(Location::at(module.map(|index| mappings[index]), address))
        })
    }
}

fn add_mapping(profile: &mut Profile, module: &Module) -> MappingId {
    let file = profile.strings.intern(&module.path);
    let build_id = profile.strings.intern(&module.build_id);
    profile.add_mapping(Mapping {
        start: module.start,
        limit: module.limit,
        file_offset: module.file_offset,
        elf_start: module.is_normalized.then_some(module.elf_start),
        file,
        build_id,
        ..Mapping::default()
    })
}

/// Finds the modules for which profiles use addresses of the ELF file's own tables.
///
/// Usually a mapping in a profile is what `/proc/self/maps` says. But `go tool pprof` computes the load
/// address from the mapping's start alone, and Go changed the computation in 1.21: either the first
/// executable segment begins at `start`, or the page in which that segment begins does. If segments begin at
/// page boundaries, both are the same. Some linkers, such as lld, let them begin anywhere, and then no start
/// is right for both. With addresses of the tables, nothing needs to be computed.
///
/// Such addresses must not belong to another module: a client may ask for the names of addresses without
/// naming the module.
fn normalize(modules: &mut [Module]) {
    let overlap = |a: &Range<u64>, b: &Range<u64>| a.start < b.end && b.start < a.end;
    for index in 0..modules.len() {
        let module = &modules[index];
        if module.begins_aligned {
            continue;
        }
        let own = module.elf_range();
        let is_taken = |it: &Module| {
            if it.is_normalized { overlap(&it.elf_range(), &own) } else { overlap(&it.range(), &own) }
        };
        // A program that is not moved has the same addresses in both.
        let is_alone = module.range() == own || !modules.iter().any(is_taken);
        modules[index].is_normalized = is_alone;
    }
}

/// Gives each module a path that means the same file to every process. The loader does not name the program
/// itself, or calls it `/proc/self/exe`. It names libraries by the paths that were requested, and the
/// kernel's page by a file that does not exist.
fn name_all(modules: &mut [Module]) {
    // Without /proc, the program's first argument is used.
    let path = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(PathBuf::from));
    let program = path.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let mut maps = None;
    for module in modules {
        if module.path.starts_with("linux-vdso.so") || module.path.starts_with("linux-gate.so") {
            module.path = "[vdso]".to_owned();
        } else if module.path.is_empty() || module.path == "/proc/self/exe" {
            module.path.clone_from(&program);
        } else if !module.path.starts_with('/') || module.path.starts_with("/proc/") {
            let maps: &String =
                maps.get_or_insert_with(|| fs::read_to_string("/proc/self/maps").unwrap_or_default());
            if let Some(path) = mapped_file(maps, module.start) {
                module.path = path.to_owned();
            }
        }
    }
}

/// The kernel's path for the mapping at `address`, from its list of mappings.
fn mapped_file(maps: &str, address: u64) -> Option<&str> {
    let line = maps.lines().find(|line| {
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        range.is_some_and(|(start, limit)| {
            let number = |digits| u64::from_str_radix(digits, 16).unwrap_or(0);
            (number(start)..number(limit)).contains(&address)
        })
    })?;
    // The fields are range, rights, offset, device and inode; the path may contain spaces.
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start().split_once(' ')?.1;
    }
    Some(rest.trim_start()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(range: Range<u64>, elf_start: u64, begins_aligned: bool) -> Module {
        Module {
            start: range.start,
            limit: range.end,
            file_offset: 0x1000,
            elf_start,
            begins_aligned,
            is_normalized: false,
            path: String::new(),
            build_id: String::new(),
            id: 0,
            is_program: false,
        }
    }

    fn normalized(mut modules: Vec<Module>) -> (Vec<bool>, Modules) {
        normalize(&mut modules);
        (modules.iter().map(|it| it.is_normalized).collect(), Modules(modules))
    }

    #[test]
    fn every_file_address_belongs_to_one_module() {
        let program = module(0x5555_0000_2000..0x5555_0000_9000, 0x2000, false);
        let library = module(0x7fff_0000_1000..0x7fff_0000_8000, 0x1000, false);
        let aligned = module(0x7fff_1000_0000..0x7fff_1000_8000, 0x1000, true);
        let (which, modules) = normalized(vec![program.clone(), library.clone(), aligned.clone()]);
        assert_eq!(which, [true, false, false]);
        assert_eq!(modules.address_of_file(0x2010), 0x5555_0000_2010);
        assert_eq!(modules.address_of_file(0x7fff_0000_1010), 0x7fff_0000_1010);
        // In a program of another linker, there is space for one library.
        assert_eq!(normalized(vec![aligned, library.clone(), library.clone()]).0, [false, true, false]);
        // A program that is not moved, with a library whose addresses would overlap with it.
        let fixed = module(0x20_1000..0x30_0000, 0x20_1000, false);
        let large = module(0x7fff_0000_1000..0x7fff_0040_0000, 0x1000, false);
        assert_eq!(normalized(vec![fixed, large]).0, [true, false]);
    }

    #[test]
    fn the_kernels_list_has_full_paths() {
        let maps = "55e0-55f0 r--p 00000000 08:01 17                         /opt/a b/demo (deleted)\n\
                    7f00-7f10 r-xp 00001000 00:01 9 /memfd:jit (deleted)\n7f20-7f30 r-xp 00000000 00:00 0 \n";
        assert_eq!(mapped_file(maps, 0x55e8), Some("/opt/a b/demo (deleted)"));
        assert_eq!(mapped_file(maps, 0x7f00), Some("/memfd:jit (deleted)"));
        assert_eq!(mapped_file(maps, 0x7f28), None);
        assert_eq!(mapped_file(maps, 0x1), None);
    }

    #[test]
    fn modules_begin_at_pages_and_have_full_paths() {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let modules = Modules::capture();
        let here = module_of as fn(&Modules, u64) -> usize as usize as u64;
        let own = &modules.0[module_of(&modules, here)];
        assert_eq!(own.path, std::env::current_exe().unwrap().to_str().unwrap());
        assert!(!own.build_id.is_empty());
        for module in modules.0.iter().filter(|it| it.path != "[vdso]") {
            assert!(module.path.starts_with('/') && !module.path.starts_with("/proc/"), "{module:?}");
            // The loader's path may contain a symbolic link, such as /lib.
            let file = fs::canonicalize(&module.path).unwrap();
            assert_eq!(mapped_file(&maps, module.start), file.to_str(), "{module:?}");
            let line = format!("{:x}-{:x} r-xp {:08x} ", module.start, module.limit, module.file_offset);
            assert!(maps.contains(&line), "{line} in\n{maps}");
        }
    }

    fn module_of(modules: &Modules, address: u64) -> usize {
        modules.0.iter().position(|it| it.range().contains(&address)).unwrap()
    }
}
