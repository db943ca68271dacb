//! The document itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::location::{Function, FunctionId, Line, Location, LocationId, Mapping, MappingId};
use crate::meta::Meta;
use crate::sample::SampleTable;
use crate::source::Source;
use crate::string_table::{StringId, StringTable};

/// What a column of values counts, and in which unit: `inuse_space` in `bytes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// What is counted, in pprof's words.
    pub kind: String,
    /// Unit of the values.
    pub unit: String,
}

impl ValueType {
    /// A value type of this kind and unit.
    pub fn new(kind: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { kind: kind.into(), unit: unit.into() }
    }
}

/// A heap profile: samples, and what their stacks mean.
#[derive(Clone, Debug)]
pub struct Profile {
    sample_types: Vec<ValueType>,
    /// Position among the sample types of the one that a reader shows unasked. pprof takes the last when
    /// `None`.
    pub default_sample_type: Option<usize>,
    /// What `period` counts, usually `space` in `bytes`.
    pub period_type: Option<ValueType>,
    /// The sampling interval: mean number of `period_type` units between two samples. 1 means every block was
    /// recorded, 0 that the file does not say.
    pub period: i64,
    /// When the profile was taken, in nanoseconds since 1970-01-01 UTC; 0 when unknown.
    pub time_ns: i64,
    /// Time that the cumulative values cover, in nanoseconds; 0 when unknown.
    pub duration_ns: i64,
    /// Remarks for people.
    pub comments: Vec<String>,
    /// pprof's `drop_frames`: an expression over whole function names whose frames are not shown.
    pub drop_frames: String,
    /// pprof's `keep_frames`: exceptions to `drop_frames`.
    pub keep_frames: String,
    /// Address of a page that explains this kind of profile.
    pub doc_url: String,
    /// What Highwater's recorder says about the process and itself; `None` in profiles of other tools.
    pub meta: Option<Meta>,
    /// Who was recorded, as text by name: `host`, `program`, `label.team` and the like. See docs/FORMATS.md.
    pub identity: BTreeMap<String, String>,
    /// Where the profile comes from, and what its file leaves unsaid.
    pub source: Source,
    /// Every string that a table below refers to.
    pub strings: StringTable,
    mappings: Vec<Mapping>,
    functions: Vec<Function>,
    locations: Vec<Location>,
    /// Lines of all locations as they were when added.
    location_lines: usize,
    function_ids: HashMap<Function, FunctionId>,
    /// The rows.
    pub samples: SampleTable,
}

impl Profile {
    /// An empty profile with these columns.
    pub fn new(sample_types: Vec<ValueType>) -> Self {
        let columns = sample_types.len();
        Self {
            sample_types,
            default_sample_type: None,
            period_type: None,
            period: 0,
            time_ns: 0,
            duration_ns: 0,
            comments: Vec::new(),
            drop_frames: String::new(),
            keep_frames: String::new(),
            doc_url: String::new(),
            meta: None,
            identity: BTreeMap::new(),
            source: Source::default(),
            strings: StringTable::default(),
            mappings: Vec::new(),
            functions: Vec::new(),
            locations: Vec::new(),
            location_lines: 0,
            function_ids: HashMap::new(),
            samples: SampleTable::new(columns),
        }
    }

    /// What each value of a sample counts.
    pub fn sample_types(&self) -> &[ValueType] {
        &self.sample_types
    }

    /// What each value of a sample counts, to be renamed.
    pub(crate) fn sample_types_mut(&mut self) -> &mut [ValueType] {
        &mut self.sample_types
    }

    /// Gives the sample types these names, in their order.
    #[cfg(feature = "formats")]
    pub(crate) fn rename_kinds(&mut self, kinds: &[&str]) {
        self.sample_types.iter_mut().zip(kinds).for_each(|(it, kind)| (*kind).clone_into(&mut it.kind));
    }

    /// Position of the sample type called `kind`.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types.iter().position(|sample_type| sample_type.kind == kind)
    }

    /// The string behind a handle of this profile.
    pub fn string(&self, id: StringId) -> &str {
        self.strings.get(id)
    }

    /// All mappings; a [`MappingId`] is a position in it.
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// All functions; a [`FunctionId`] is a position in it.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// All locations; a [`LocationId`] is a position in it.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// The mapping behind a handle of this profile.
    pub fn mapping(&self, id: MappingId) -> &Mapping {
        &self.mappings[id.index()]
    }

    /// The mapping behind a handle of this profile, to be changed.
    pub fn mapping_mut(&mut self, id: MappingId) -> &mut Mapping {
        &mut self.mappings[id.index()]
    }

    /// The function behind a handle of this profile.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// The location behind a handle of this profile.
    pub fn location(&self, id: LocationId) -> &Location {
        &self.locations[id.index()]
    }

    /// The location behind a handle of this profile, to be changed.
    pub fn location_mut(&mut self, id: LocationId) -> &mut Location {
        &mut self.locations[id.index()]
    }

    /// Handles of all mappings.
    pub fn mapping_ids(&self) -> impl ExactSizeIterator<Item = MappingId> + use<> {
        (0..self.mappings.len()).map(MappingId::from_index)
    }

    /// Handles of all locations.
    pub fn location_ids(&self) -> impl ExactSizeIterator<Item = LocationId> + use<> {
        (0..self.locations.len()).map(LocationId::from_index)
    }

    /// Adds a mapping and returns its handle.
    pub fn add_mapping(&mut self, mapping: Mapping) -> MappingId {
        self.mappings.push(mapping);
        MappingId::from_index(self.mappings.len() - 1)
    }

    /// The handle of the function with this name, linker name and file, which is added if it is new.
    pub fn add_function(&mut self, name: &str, system_name: &str, file: &str) -> FunctionId {
        let function = Function {
            name: self.strings.intern(name),
            system_name: self.strings.intern(system_name),
            file: self.strings.intern(file),
            start_line: 0,
        };
        self.intern_function(function)
    }

    /// The handle of the function that equals this one, which is added if it is new.
    pub(crate) fn intern_function(&mut self, function: Function) -> FunctionId {
        if let Some(&id) = self.function_ids.get(&function) {
            return id;
        }
        let id = self.push_function(function);
        self.function_ids.insert(function, id);
        id
    }

    /// Adds a function as it is, even when an equal one exists: readers keep a file's own numbering.
    pub(crate) fn push_function(&mut self, function: Function) -> FunctionId {
        self.functions.push(function);
        FunctionId::from_index(self.functions.len() - 1)
    }

    /// Adds a location and returns its handle.
    pub fn add_location(&mut self, location: Location) -> LocationId {
        self.location_lines += location.lines.capacity();
        self.locations.push(location);
        LocationId::from_index(self.locations.len() - 1)
    }

    /// Position of the sample type that is shown when none is asked for: the file's choice, else the last as
    /// in pprof. `None` when the profile has none at all.
    pub fn shown_sample_type(&self) -> Option<usize> {
        let last = self.sample_types.len().checked_sub(1)?;
        Some(self.default_sample_type.unwrap_or(last).min(last))
    }

    /// Gives the names of a location's frames, the innermost first: inlined functions are frames of their
    /// own. What has no name is called by its place, `libfoo.so+0x1234`.
    pub fn location_names(&self, id: LocationId, mut frame: impl FnMut(Cow<'_, str>)) {
        let location = self.location(id);
        let mut named = false;
        for line in &location.lines {
            let function = self.function(line.function);
            let name = if function.name == StringId::EMPTY { function.system_name } else { function.name };
            if name != StringId::EMPTY {
                frame(Cow::Borrowed(self.string(name)));
                named = true;
            }
        }
        if !named {
            frame(Cow::Owned(self.place(location)));
        }
    }

    /// Where a location without a name is: in which file and at which offset of it, else its address.
    pub(crate) fn place(&self, location: &Location) -> String {
        let mapping = location.mapping.map(|id| self.mapping(id)).filter(|it| it.file != StringId::EMPTY);
        match mapping {
            Some(mapping) => {
                let file = self.string(mapping.file);
                let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
                format!("{file}+{:#x}", mapping.place(location.address).number())
            }
            None if location.address != 0 => format!("{:#x}", location.address),
            None => "[unknown]".to_owned(),
        }
    }

    /// Puts these in the place of all locations.
    pub(crate) fn set_locations(&mut self, locations: Vec<Location>) {
        self.location_lines = locations.iter().map(|it| it.lines.capacity()).sum();
        self.locations = locations;
    }

    /// Memory that the tables take, in bytes: about, and quick to tell, so that a reader can ask for every
    /// row.
    pub fn heap_bytes(&self) -> u64 {
        let tables = self.mappings.capacity() * size_of::<Mapping>()
            + self.functions.capacity() * size_of::<Function>()
            + self.locations.capacity() * size_of::<Location>()
            + self.location_lines * size_of::<Line>()
            + self.function_ids.capacity() * size_of::<(Function, FunctionId)>();
        tables as u64 + self.strings.heap_bytes() + self.samples.heap_bytes()
    }
}
