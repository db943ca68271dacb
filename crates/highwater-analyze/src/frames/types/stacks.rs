//! The types of a profile's blocks, stack by stack.

use std::collections::HashMap;

use highwater_names::types::{Judged, Named, NoType, Owner, TypeOf, Typist};
use highwater_profile::LocationId;

use crate::frames::class::FrameClass;
use crate::frames::resolver::{AllFrames, Resolved};
use crate::frames::symbols::{self, Symbol, SymbolId, Symbols, TextId, Typed};
use crate::group::GroupBy;
use crate::query::Query;

/// What a query by types needs to know of a stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackType {
    /// When rows are types: what stands for the type of its blocks, and what stands for the collection that keeps them.
    pub symbols: [Option<SymbolId>; 2],
    /// Whether the query's expressions match the type.
    pub is_asked_for: bool,
}

/// The type of each stack; `None` where the query does not ask for types.
pub(crate) fn of_stacks<'a>(
    stacks: impl Iterator<Item = &'a [LocationId]>,
    frames: &AllFrames,
    query: &Query,
    symbols: &mut Symbols,
) -> Option<Vec<StackType>> {
    if !query.by.is_of_types() && query.types.is_empty() {
        return None;
    }
    let typist = Typist { rules: &query.containers };
    let mut known: HashMap<Result<TypeOf, NoType>, StackType> = HashMap::new();
    let mut buffer: Vec<Resolved> = Vec::new();
    // A frame is judged once: large profiles have millions of stacks and some thousand frames.
    let mut judged: Vec<Option<Judged>> = Vec::new();
    let mut type_of = |stack: &[LocationId], symbols: &mut Symbols| {
        buffer.clear();
        frames.add_all(stack, &mut buffer);
        judged.resize_with(symbols.len().max(judged.len()), || None);
        for frame in &buffer {
            judged[frame.symbol.index()].get_or_insert_with(|| typist.judge(&named(frame, symbols)));
        }
        let found = Typist::type_of(buffer.iter().filter_map(|frame| judged[frame.symbol.index()].as_ref()));
        *known.entry(found).or_insert_with_key(|found| stack_type(found, query, symbols))
    };
    Some(stacks.map(|stack| type_of(stack, symbols)).collect())
}

fn named<'a>(frame: &Resolved, symbols: &'a Symbols) -> Named<'a> {
    let symbol = symbols.get(frame.symbol);
    Named {
        function: symbols.text(symbol.function),
        file: symbols.text(symbol.file),
        owner: owner(frame.class),
        is_rust: symbol.crate_name.is_some(),
    }
}

/// Whose function a frame of this class is.
pub(super) fn owner(class: FrameClass) -> Owner {
    match class {
        FrameClass::Own | FrameClass::Inner | FrameClass::Nameless => Owner::Program,
        FrameClass::Plumbing => Owner::Library,
        FrameClass::Recorder | FrameClass::Entry | FrameClass::Shim => Owner::Allocator,
    }
}

fn stack_type(found: &Result<TypeOf, NoType>, query: &Query, symbols: &mut Symbols) -> StackType {
    let is_asked_for = query.types.is_empty()
        || found.as_ref().is_ok_and(|found| {
            query.types.iter().any(|it| it.is_match(&found.element) || it.is_match(&found.container))
        });
    let mut intern = |name: &str| {
        let name = symbols.texts.intern(name);
        let typed = if found.is_ok() { Typed::Known } else { Typed::Unknown };
        symbols.intern(symbols::of_type(name), of_type(name, typed))
    };
    let symbols = match (found, query.by) {
        // A pointer to a type and the type are two steps of a tree: `Box<Node>` keeps `Node`.
        (Ok(found), GroupBy::Type) => [Some(intern(&found.element)), Some(intern(&found.container))],
        (Ok(found), GroupBy::Container) => [Some(intern(&found.container)), None],
        (Err(why), GroupBy::Type | GroupBy::Container) => [Some(intern(&why.to_string())), None],
        _ => [None, None],
    };
    StackType { symbols, is_asked_for }
}

fn of_type(name: TextId, typed: Typed) -> Symbol {
    Symbol {
        function: name,
        file: TextId::EMPTY,
        line: 0,
        module: TextId::EMPTY,
        build_id: TextId::EMPTY,
        place: None,
        address: 0,
        crate_name: None,
        inlined: false,
        class: FrameClass::Own,
        through: false,
        is_type: Some(typed),
    }
}
