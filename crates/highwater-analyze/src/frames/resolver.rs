//! The frames of a profile's locations, with what a query says about each.

use std::collections::HashMap;

use highwater_names::function::{self, Owner};
use highwater_names::library::{self, ModuleKind};
use highwater_names::source::{self, Origin};
use highwater_profile::{Function, Location, LocationId, Place, Profile, StringId};

use crate::frames::attribution::{self, Attribution};
use crate::frames::class::FrameClass;
use crate::frames::drop_frames::DropFrames;
use crate::frames::filter::{self, Matches, Names};
use crate::frames::symbols::{self, Symbol, SymbolId, Symbols, TextId};
use crate::query::Query;

/// A frame of a location, with what the query says about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    pub symbol: SymbolId,
    /// Of the symbol, so that nobody has to look it up for every frame of every stack.
    pub class: FrameClass,
    pub is_actionable: bool,
    /// It is actionable, and its source is the program's own.
    pub is_workspace: bool,
    pub matches: Matches,
}

/// Where the frames of a location are. Stacks are looked through frame by frame, tens of millions of them: what there is
/// to know of nearly all stands in one place.
#[derive(Clone, Copy)]
enum Frames {
    One(Resolved),
    /// A span of [`AllFrames::several`].
    Several(u32, u32),
}

/// The frames of all locations of a profile.
pub(crate) struct AllFrames {
    /// For each location.
    frames: Vec<Frames>,
    several: Vec<Resolved>,
    /// What the profile itself leaves out of its stacks.
    drop_frames: Option<DropFrames>,
}

impl AllFrames {
    /// Adds the frames of a stack, leaf first, without those that the profile leaves out.
    pub fn add_all(&self, locations: &[LocationId], stack: &mut Vec<Resolved>) {
        let left = self.drop_frames.as_ref().map_or(locations, |it| it.apply(locations));
        for &location in left {
            self.add(location, stack);
        }
    }

    /// Adds the frames of a location, innermost first, to `stack`; at least one.
    #[inline]
    fn add(&self, id: LocationId, stack: &mut Vec<Resolved>) {
        match self.frames[id.index()] {
            Frames::One(frame) => stack.push(frame),
            Frames::Several(start, end) => {
                stack.extend_from_slice(&self.several[start as usize..end as usize]);
            }
        }
    }
}

/// What is known of a function, in texts of [`Symbols`].
struct FunctionTexts {
    name: TextId,
    file: TextId,
    short_file: TextId,
    crate_name: Option<TextId>,
    class: FrameClass,
    is_workspace: bool,
}

/// What is known of a mapping, in texts of [`Symbols`].
#[derive(Default)]
struct MappingTexts {
    module: TextId,
    short_module: TextId,
    build_id: TextId,
    kind: Option<ModuleKind>,
}

/// Finds the frames of a profile's locations.
pub(crate) struct Resolver<'a> {
    profile: &'a Profile,
    query: &'a Query,
    /// Whether the query has any expression.
    asks: bool,
    functions: Vec<FunctionTexts>,
    /// One for each mapping, and one for the lack of one.
    mappings: Vec<MappingTexts>,
    frames: Vec<Frames>,
    several: Vec<Resolved>,
    drop_frames: Option<DropFrames>,
}

impl<'a> Resolver<'a> {
    pub fn new(profile: &'a Profile, query: &'a Query, symbols: &mut Symbols) -> Self {
        let mut mappings: Vec<MappingTexts> = Vec::with_capacity(profile.mappings().len() + 1);
        for mapping in profile.mappings() {
            let module = profile.string(mapping.file);
            mappings.push(MappingTexts {
                module: symbols.texts.intern(module),
                short_module: symbols.texts.intern(source::file_name(module)),
                build_id: symbols.texts.intern(profile.string(mapping.build_id)),
                kind: library::kind(module),
            });
        }
        mappings.push(MappingTexts::default());
        Self {
            profile,
            query,
            asks: filter::asks(query),
            functions: function_texts(profile, symbols),
            mappings,
            frames: Vec::with_capacity(profile.locations().len()),
            several: Vec::new(),
            // An expression that is none drops nothing, and the header of the answer says so.
            drop_frames: if query.all_frames { None } else { DropFrames::of(profile).unwrap_or_default() },
        }
    }

    /// Finds the frames of all locations.
    pub fn resolve_all(mut self, symbols: &mut Symbols) -> AllFrames {
        for id in self.profile.location_ids() {
            let frames = self.resolve(symbols, id);
            self.frames.push(frames);
        }
        AllFrames { frames: self.frames, several: self.several, drop_frames: self.drop_frames }
    }

    fn resolve(&mut self, symbols: &mut Symbols, id: LocationId) -> Frames {
        let start = self.several.len();
        let dropped = self.drop_frames.as_ref().map_or(0, |it| it.lines(id));
        self.push_all(symbols, self.profile.location(id), dropped);
        if let [frame] = self.several[start..] {
            self.several.truncate(start);
            return Frames::One(frame);
        }
        // As many frames as there are lines in memory, which ends long before 2^32 of them do.
        let at = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Frames::Several(at(start), at(self.several.len()))
    }

    /// The frames of a location but for so many of the innermost ones.
    fn push_all(&mut self, symbols: &mut Symbols, location: &Location, dropped: usize) {
        let mapping = location.mapping.map(|id| self.profile.mapping(id));
        let texts = &self.mappings[location.mapping.map_or(self.mappings.len() - 1, |id| id.index())];
        let place = Symbol {
            function: TextId::EMPTY,
            file: TextId::EMPTY,
            line: 0,
            module: texts.module,
            build_id: texts.build_id,
            place: mapping.filter(|_| location.address != 0).map(|it| it.place(location.address)),
            address: location.address,
            crate_name: None,
            inlined: false,
            class: attribution::in_module(FrameClass::Nameless, None, texts.kind),
            through: false,
            is_type: None,
        };
        let (short_module, kind) = (texts.short_module, texts.kind);
        if location.lines.is_empty() {
            self.push(symbols, place, (TextId::EMPTY, false), short_module);
            return;
        }
        let last = location.lines.len() - 1;
        for (position, line) in location.lines.iter().enumerate().skip(dropped) {
            let function = &self.functions[line.function.index()];
            let symbol = Symbol {
                function: function.name,
                file: function.file,
                line: line.line.max(0),
                crate_name: function.crate_name,
                inlined: position < last,
                class: attribution::in_module(function.class, function.crate_name, kind),
                ..place
            };
            self.push(symbols, symbol, (function.short_file, function.is_workspace), short_module);
        }
    }

    fn push(
        &mut self,
        symbols: &mut Symbols,
        mut symbol: Symbol,
        (short_file, is_workspace): (TextId, bool),
        short_module: TextId,
    ) {
        let matches = if self.asks { self.ask(symbols, &symbol) } else { filter::UNASKED };
        symbol.through = matches.through;
        let identity = if symbol.function == TextId::EMPTY && symbol.file == TextId::EMPTY {
            let is_built = symbol.build_id != TextId::EMPTY;
            let module = if is_built { symbol.build_id } else { symbol.module };
            symbols::offset(module, symbol.place.map_or(symbol.address, Place::key))
        } else {
            // Functions of libraries without debug information are told apart by the library.
            let owner = if short_file == TextId::EMPTY { short_module } else { short_file };
            symbols::position(symbol.function, owner, symbol.line)
        };
        let id = symbols.intern(identity, symbol);
        let symbol = symbols.get(id);
        self.several.push(Resolved {
            symbol: id,
            class: symbol.class,
            is_actionable: symbol.is_actionable(),
            is_workspace: is_workspace && symbol.is_actionable(),
            matches,
        });
    }

    fn ask(&self, symbols: &Symbols, symbol: &Symbol) -> Matches {
        let names = Names {
            function: symbols.text(symbol.function),
            file: symbols.text(symbol.file),
            module: symbols.text(symbol.module),
            crate_name: symbol.crate_name.map(|it| symbols.texts.get(it)),
        };
        filter::matches(self.query, names)
    }
}

/// Name (without hash) and source file of a function, when known.
fn texts<'a>(profile: &'a Profile, function: &Function) -> (Option<&'a str>, Option<&'a str>) {
    let text = |id: StringId| Some(profile.string(id)).filter(|it| !it.is_empty());
    (text(function.name).or(text(function.system_name)).map(function::without_hash), text(function.file))
}

/// Judges every function of `profile`; a function's handle is a position in the answer.
fn function_texts(profile: &Profile, symbols: &mut Symbols) -> Vec<FunctionTexts> {
    let attributions = judge_all(profile);
    let mut texts_of = |(function, attribution): (&Function, Attribution)| {
        let (name, file) = texts(profile, function);
        FunctionTexts {
            name: symbols.texts.intern(name.unwrap_or_default()),
            file: symbols.texts.intern(file.unwrap_or_default()),
            short_file: symbols.texts.intern(file.map_or("", source::short)),
            crate_name: attribution.crate_name.map(|it| symbols.texts.intern(&it)),
            class: attribution.class,
            is_workspace: file.is_some_and(|it| !source::is_in_library(it)),
        }
    };
    profile.functions().iter().zip(attributions).map(&mut texts_of).collect()
}

fn judge_all(profile: &Profile) -> Vec<Attribution> {
    let functions = profile.functions();
    let judge = |function| {
        let (name, file) = texts(profile, function);
        attribution::judge(name, file)
    };
    let mut attributions: Vec<Attribution> = functions.iter().map(judge).collect();

    // Inlined functions often have a bare name; those with a full one tell which crate their file belongs to.
    let mut crates: HashMap<StringId, String> = HashMap::new();
    for function in functions {
        if let (Some(name), Some(file)) = texts(profile, function)
            && let Owner::Path(crate_name) = function::owner(name)
            && !crates.contains_key(&function.file)
            && source::source(file) == Origin::Elsewhere
        {
            crates.insert(function.file, crate_name.to_owned());
        }
    }
    for (attribution, function) in attributions.iter_mut().zip(functions) {
        if attribution.crate_name.is_none()
            && let Some(crate_name) = crates.get(&function.file)
        {
            attribution.adopt(crate_name);
        }
    }
    attributions
}
