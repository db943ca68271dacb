//! A profile with addresses all over a binary, as if the binary had run.

use std::fs;
use std::path::Path;

use highwater_profile::{Location, Mapping, Profile, ValueType};
use highwater_symbol::{Options, Summary, symbolize};
use object::elf;
use object::{Object, ObjectSection, ObjectSegment, SegmentFlags};

/// The address at which the program was loaded, according to the profile.
const BIAS: u64 = 0x5555_0000_0000;
const PAGE: u64 = 4096;

/// The profile, and the addresses of its locations in the binary's own tables.
#[derive(Clone)]
pub struct Subject {
    pub profile: Profile,
    pub addresses: Vec<u64>,
}

/// One source position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The linker name.
    pub symbol: String,
    pub name: String,
    pub file: String,
    pub line: i64,
}

impl Subject {
    /// About `count` addresses, spread over the code of the binary at `path`.
    pub fn new(path: &Path, count: u64) -> Self {
        let bytes = fs::read(path).unwrap();
        let object = object::File::parse(&*bytes).unwrap();
        let build_id = object.build_id().unwrap().unwrap_or_default();
        let build_id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        profile.time_ns = i64::MAX;
        let file = profile.strings.intern(path.to_str().unwrap());
        let build_id = profile.strings.intern(&build_id);

        let is_code =
            |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & elf::PF_X.0 != 0);
        let text = object.section_by_name(".text").unwrap();
        let holds_text =
            |it: &object::Segment<'_, '_>| (it.address()..it.address() + it.size()).contains(&text.address());
        let segment = object.segments().find(|it| is_code(it.flags()) && holds_text(it)).unwrap();
        let start = segment.address() / PAGE * PAGE;
        let mapping = profile.add_mapping(Mapping {
            start: BIAS + start,
            limit: BIAS + (segment.address() + segment.size()).div_ceil(PAGE) * PAGE,
            file_offset: segment.file_range().0 / PAGE * PAGE,
            file,
            build_id,
            ..Mapping::default()
        });
        let step = (text.size() / count).max(1);
        let addresses: Vec<u64> =
            (text.address()..text.address() + text.size()).step_by(usize::try_from(step).unwrap()).collect();
        for &address in &addresses {
            let location = profile.add_location(Location::at(Some(mapping), BIAS + address));
            profile.samples.push(&[location], &[1], &[]);
        }
        Self { profile, addresses }
    }

    /// Symbolizes the profile, like a run of the command.
    pub fn run(&mut self, options: &Options) -> Summary {
        symbolize(&mut self.profile, options).unwrap()
    }

    /// The result for each address, innermost first.
    pub fn places(&self) -> Vec<Vec<Place>> {
        let text = |id| self.profile.string(id).to_owned();
        let place = |line: &highwater_profile::Line| {
            let function = self.profile.function(line.function);
            Place {
                symbol: text(function.system_name),
                name: text(function.name),
                file: text(function.file),
                line: line.line,
            }
        };
        self.profile.locations().iter().map(|it| it.lines.iter().map(place).collect()).collect()
    }

    /// Changes the profile as if the program had been started from another path.
    pub fn moved_to(&mut self, path: &str) {
        let file = self.profile.strings.intern(path);
        for id in self.profile.mapping_ids() {
            self.profile.mapping_mut(id).file = file;
        }
    }
}

/// Options with only these directories, without the machine's.
pub fn only(debug_dirs: &[&Path]) -> Options {
    Options { debug_dirs: debug_dirs.iter().map(|it| it.to_path_buf()).collect(), ..Options::default() }
}
