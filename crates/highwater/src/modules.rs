//! The files that addresses of this process belong to, for profiles whose stacks are addresses.

use std::collections::HashMap;
use std::path::PathBuf;

use highwater_profile::{Location, LocationId, Mapping, MappingId, Profile};

/// The files that are mapped executable into this process, as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Modules(Vec<Module>);

/// One of them; see [`highwater_runtime::Module`].
#[derive(Clone, Debug)]
struct Module {
    start: u64,
    limit: u64,
    file_offset: u64,
    path: String,
    build_id: String,
}

impl Modules {
    /// Those of now.
    pub fn capture() -> Self {
        let mut modules = Vec::new();
        highwater_runtime::visit_modules(|module| {
            modules.push(Module {
                start: module.start,
                limit: module.limit,
                file_offset: module.file_offset,
                path: String::from_utf8_lossy(module.path).into_owned(),
                build_id: module.build_id.iter().map(|byte| format!("{byte:02x}")).collect(),
            });
        });
        name_program(&mut modules);
        Self(modules)
    }

    /// Adds them to a profile, whose stacks can then be made of addresses.
    pub fn add_to(&self, profile: &mut Profile) -> Locations<'_> {
        let mappings = self.0.iter().map(|module| add_mapping(profile, module)).collect();
        Locations { modules: &self.0, mappings, known: HashMap::new() }
    }
}

/// The locations of a profile by their addresses, each added once.
#[derive(Debug)]
pub struct Locations<'a> {
    modules: &'a [Module],
    mappings: Vec<MappingId>,
    known: HashMap<usize, LocationId>,
}

impl Locations<'_> {
    /// The location of an address inside of an instruction, in the profile that this was made for.
    pub fn at(&mut self, profile: &mut Profile, address: usize) -> LocationId {
        let Self { modules, mappings, known } = self;
        *known.entry(address).or_insert_with(|| {
            let address = address as u64;
            let module = modules.iter().position(|it| (it.start..it.limit).contains(&address));
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
        file,
        build_id,
        ..Mapping::default()
    })
}

/// The loader does not name the program itself, and names the kernel's page after a file that does not exist.
fn name_program(modules: &mut [Module]) {
    // Without /proc there is still what the program was called by.
    let path = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(PathBuf::from));
    let program = path.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    for module in modules {
        if module.path.is_empty() {
            module.path.clone_from(&program);
        } else if module.path.starts_with("linux-vdso.so") || module.path.starts_with("linux-gate.so") {
            module.path = "[vdso]".to_owned();
        }
    }
}
