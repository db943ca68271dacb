//! The distinct frames of one or more profiles, each judged once.
//!
//! Frames of different profiles are the same when they are at the same source position, or, without one, at
//! the same offset in a module with the same build id. Addresses of the process never decide: they differ from run to
//! run.
//!
//! Large profiles have hundreds of thousands of frames, of which an answer shows a few. So a symbol is made of handles,
//! and becomes a [`Frame`] with texts of its own only where somebody looks at it.

use std::hash::{Hash, Hasher};

use highwater_names::source;
use highwater_profile::{ListTable, Place, StringTable};

use crate::frames::class::FrameClass;
use crate::frames::frame::Frame;

/// Handle of a [`Symbol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SymbolId(u32);

impl SymbolId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Hash for SymbolId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0);
    }

    /// Two handles at a time: stacks are hashed by the million.
    fn hash_slice<H: Hasher>(ids: &[Self], state: &mut H) {
        let pairs = ids.chunks_exact(2);
        let rest = pairs.remainder();
        for pair in pairs {
            state.write_u64(u64::from(pair[0].0) << 32 | u64::from(pair[1].0));
        }
        for id in rest {
            state.write_u32(id.0);
        }
    }
}

/// Handle of a text in [`Symbols`]; the empty one where a profile says nothing.
pub(crate) type TextId = highwater_profile::StringId;

/// A distinct frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    pub function: TextId,
    pub file: TextId,
    /// Line in the file; 0 when it is not known.
    pub line: i64,
    pub module: TextId,
    pub build_id: TextId,
    pub place: Option<Place>,
    pub address: u64,
    pub crate_name: Option<TextId>,
    pub inlined: bool,
    pub class: FrameClass,
    /// The query passes over it.
    pub through: bool,
    /// It is no code: it stands for the blocks of a type, and `function` is the type's name.
    pub is_type: Option<Typed>,
}

/// What the name of a symbol that stands for a type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The type.
    Known,
    /// Why there is none.
    Unknown,
}

impl Symbol {
    /// Whether a value may be put down to this frame.
    pub fn is_actionable(&self) -> bool {
        matches!(self.class, FrameClass::Own | FrameClass::Inner) && !self.through
    }

    /// Whether this is the program's own code, as far as the path of its source says.
    pub fn is_program(&self, symbols: &Symbols) -> bool {
        let is_own = |file| !source::is_in_library(file);
        self.class == FrameClass::Own && symbols.text(self.file).is_some_and(is_own)
    }
}

/// What makes a frame distinct: function, shortened file (or module, where there is none) and line; or build id (or
/// module) and offset.
pub(crate) type Identity = [u32; 4];

/// The identity of a frame at a source position.
pub(crate) fn position(function: TextId, place: TextId, line: i64) -> Identity {
    number(function, place, line as u64)
}

/// The identity of what stands for a type. No frame has a line below 0.
pub(crate) fn of_type(name: TextId) -> Identity {
    position(name, TextId::EMPTY, -1)
}

/// The identity of a frame that is known by its place in a module only. No text has so high a handle as its
/// first part.
pub(crate) fn offset(module: TextId, offset: u64) -> Identity {
    let [_, module, high, low] = number(TextId::EMPTY, module, offset);
    [u32::MAX, module, high, low]
}

fn number(name: TextId, place: TextId, number: u64) -> Identity {
    // There are fewer than 2^32 texts, as their handles show.
    let text = |id: TextId| u32::try_from(id.index()).unwrap_or_default();
    [text(name), text(place), (number >> 32) as u32, number as u32]
}

/// All distinct frames seen so far.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    pub texts: StringTable,
    all: Vec<Symbol>,
    /// One for each symbol, in the same order.
    identities: ListTable<u32>,
}

impl Symbols {
    pub fn get(&self, id: SymbolId) -> &Symbol {
        &self.all[id.index()]
    }

    /// Number of symbols; their handles' indices are below it.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A text, unless it is the empty one.
    pub fn text(&self, id: TextId) -> Option<&str> {
        Some(self.texts.get(id)).filter(|it| !it.is_empty())
    }

    /// The frame as a reader sees it.
    pub fn frame(&self, id: SymbolId) -> Frame {
        let symbol = self.get(id);
        let text = |id: TextId| self.text(id).map(str::to_owned);
        Frame {
            function: text(symbol.function),
            file: text(symbol.file),
            line: Some(symbol.line).filter(|it| *it > 0),
            module: text(symbol.module),
            build_id: text(symbol.build_id),
            module_offset: symbol.place.map(Place::number),
            address: symbol.address,
            crate_name: symbol.crate_name.map(|it| self.texts.get(it).to_owned()),
            inlined: symbol.inlined,
        }
    }

    /// The handle of the frame with this identity; of several the first stands for all.
    pub fn intern(&mut self, identity: Identity, symbol: Symbol) -> SymbolId {
        let id = self.identities.intern(&identity);
        if id as usize == self.all.len() {
            self.all.push(symbol);
        }
        SymbolId(id)
    }
}
