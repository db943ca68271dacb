//! The distinct frames of one or more profiles, each judged once.
//!
//! Frames of different profiles are the same when they are at the same source position, or, without one, at
//! the same offset in a module with the same build id. Addresses of the process never decide: they differ from run to
//! run.

use std::collections::HashMap;

use highwater_profile::{Function, Location, LocationId, Profile, StringId};

use crate::attribution::{self, Class, Verdict};
use crate::filter::{self, Matches};
use crate::name::{self, Owner};
use crate::source::{self, Source};
use crate::{Frame, Query};

/// Handle of a [`Symbol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SymbolId(u32);

impl SymbolId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A distinct frame.
#[derive(Debug)]
pub(crate) struct Symbol {
    pub frame: Frame,
    pub class: Class,
    /// The query passes over it.
    pub through: bool,
}

impl Symbol {
    /// Whether a value may be put down to this frame.
    pub fn is_actionable(&self) -> bool {
        self.class == Class::Own && !self.through
    }
}

/// What makes a frame distinct.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Position { function: Box<str>, file: Box<str>, line: Option<i64> },
    Offset { module: Box<str>, offset: u64 },
}

/// All distinct frames seen so far.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    all: Vec<Symbol>,
    ids: HashMap<Identity, SymbolId>,
}

impl Symbols {
    pub fn get(&self, id: SymbolId) -> &Symbol {
        &self.all[id.index()]
    }

    fn intern(&mut self, frame: Frame, class: Class, through: bool) -> SymbolId {
        let text = |text: Option<&str>| Box::from(text.unwrap_or_default());
        let identity = if frame.function.is_some() || frame.file.is_some() {
            // Functions of libraries without debug information are told apart by the library.
            let file = frame.short_file().or(frame.short_module());
            Identity::Position {
                function: text(frame.function.as_deref()),
                file: text(file),
                line: frame.line,
            }
        } else {
            let module = text(frame.build_id.as_deref().or(frame.module.as_deref()));
            Identity::Offset { module, offset: frame.module_offset.unwrap_or(frame.address) }
        };
        // Memory ends long before 2^32 frames do.
        let next = SymbolId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        *self.ids.entry(identity).or_insert_with(|| {
            self.all.push(Symbol { frame, class, through });
            next
        })
    }
}

/// A frame of a location, with what the query says about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    pub symbol: SymbolId,
    pub matches: Matches,
}

/// The frames of a profile's locations, found when first asked for.
pub(crate) struct Resolver<'a> {
    profile: &'a Profile,
    query: &'a Query,
    verdicts: Vec<Verdict>,
    /// For each location, where its frames are in `frames`.
    spans: Vec<Option<(usize, usize)>>,
    frames: Vec<Resolved>,
}

impl<'a> Resolver<'a> {
    pub fn new(profile: &'a Profile, query: &'a Query) -> Self {
        let spans = vec![None; profile.locations().len()];
        Self { profile, query, verdicts: judge_all(profile), spans, frames: Vec::new() }
    }

    /// The frames of a location, innermost first; at least one.
    pub fn frames(&mut self, symbols: &mut Symbols, id: LocationId) -> &[Resolved] {
        let (start, end) = match self.spans[id.index()] {
            Some(span) => span,
            None => {
                let start = self.frames.len();
                self.resolve(symbols, self.profile.location(id));
                *self.spans[id.index()].insert((start, self.frames.len()))
            }
        };
        &self.frames[start..end]
    }

    fn resolve(&mut self, symbols: &mut Symbols, location: &Location) {
        let place = self.place(location);
        if location.lines.is_empty() {
            self.push(symbols, place, Class::Nameless);
            return;
        }
        let last = location.lines.len() - 1;
        for (position, line) in location.lines.iter().enumerate() {
            let verdict = &self.verdicts[line.function.index()];
            let (function, file) = texts(self.profile, self.profile.function(line.function));
            let class = verdict.class;
            let frame = Frame {
                function: function.map(str::to_owned),
                file: file.map(str::to_owned),
                line: Some(line.line).filter(|it| *it > 0),
                crate_name: verdict.crate_name.clone(),
                inlined: position < last,
                ..place.clone()
            };
            self.push(symbols, frame, class);
        }
    }

    fn push(&mut self, symbols: &mut Symbols, frame: Frame, class: Class) {
        let matches = filter::matches(self.query, &frame);
        let symbol = symbols.intern(frame, class, matches.through);
        self.frames.push(Resolved { symbol, matches });
    }

    /// A frame that says where a location is, and nothing of its source.
    fn place(&self, location: &Location) -> Frame {
        let text =
            |id: StringId| Some(self.profile.string(id)).filter(|it| !it.is_empty()).map(str::to_owned);
        let mapping = location.mapping.map(|id| self.profile.mapping(id));
        Frame {
            module: mapping.and_then(|it| text(it.file)),
            build_id: mapping.and_then(|it| text(it.build_id)),
            // Wrapping, since files may claim anything.
            module_offset: mapping
                .filter(|_| location.address != 0)
                .map(|it| location.address.wrapping_sub(it.start).wrapping_add(it.file_offset)),
            address: location.address,
            ..Frame::default()
        }
    }
}

/// Name (without hash) and source file of a function, when known.
fn texts<'a>(profile: &'a Profile, function: &Function) -> (Option<&'a str>, Option<&'a str>) {
    let text = |id: StringId| Some(profile.string(id)).filter(|it| !it.is_empty());
    (text(function.name).or(text(function.system_name)).map(name::without_hash), text(function.file))
}

/// Judges every function of `profile`; a function's handle is a position in the answer.
fn judge_all(profile: &Profile) -> Vec<Verdict> {
    let functions = profile.functions();
    let judge = |function| {
        let (name, file) = texts(profile, function);
        attribution::judge(name, file)
    };
    let mut verdicts: Vec<Verdict> = functions.iter().map(judge).collect();

    // Inlined functions often have a bare name; those with a full one tell which crate their file belongs to.
    let mut crates: HashMap<StringId, String> = HashMap::new();
    for function in functions {
        if let (Some(name), Some(file)) = texts(profile, function)
            && let Owner::Path(crate_name) = name::owner(name)
            && !crates.contains_key(&function.file)
            && source::source(file) == Source::Elsewhere
        {
            crates.insert(function.file, crate_name.to_owned());
        }
    }
    for (verdict, function) in verdicts.iter_mut().zip(functions) {
        if verdict.crate_name.is_none()
            && let Some(crate_name) = crates.get(&function.file)
        {
            verdict.adopt(crate_name);
        }
    }
    verdicts
}
