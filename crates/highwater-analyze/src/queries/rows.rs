//! Which frames belong to the same row.

use std::cell::OnceCell;
use std::collections::HashMap;

use highwater_names::generic;

use crate::frames::frame::{Frame, UNKNOWN};
use crate::frames::symbols::{Symbol, SymbolId, Symbols, TextId, Typed};
use crate::group::{GroupBy, RowKey};
use crate::queries::sites::{Site, Sites};

/// Handle of a row: its position among all of them.
pub(crate) type RowId = usize;

/// What makes a row distinct.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Unknown,
    Symbol(SymbolId),
    Function(TextId),
    Text(String),
}

/// The rows that frames belong to, in order of appearance. Each frame's is found once, and a row's name is made when
/// somebody asks for it.
#[derive(Debug)]
pub(crate) struct Rows {
    by: GroupBy,
    keys: Vec<OnceCell<Box<RowKey>>>,
    /// One frame of each row; `None` for the row of samples without frames.
    examples: Vec<Option<SymbolId>>,
    ids: HashMap<Identity, RowId>,
    /// The row of each symbol, once it has been found.
    of_symbol: Vec<Option<u32>>,
}

impl Rows {
    /// Rows of single frames: grouping by site is grouping by line here.
    pub fn new(by: GroupBy) -> Self {
        Self { by, keys: Vec::new(), examples: Vec::new(), ids: HashMap::new(), of_symbol: Vec::new() }
    }

    pub fn by(&self) -> GroupBy {
        self.by
    }

    pub fn key<const N: usize>(&self, sites: &Sites<N>, row: RowId) -> &RowKey {
        let by = if self.examples[row].is_none() { GroupBy::Line } else { self.by };
        self.keys[row].get_or_init(|| Box::new(key(by, &sites.symbols, self.examples[row])))
    }

    pub fn label<const N: usize>(&self, sites: &Sites<N>, row: RowId) -> &str {
        &self.key(sites, row).label
    }

    pub fn example(&self, row: RowId) -> Option<SymbolId> {
        self.examples[row]
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The row of a frame, or of samples without frames.
    pub fn of<const N: usize>(&mut self, sites: &Sites<N>, symbol: Option<SymbolId>) -> RowId {
        let Some(id) = symbol else { return self.intern(Identity::Unknown, None) };
        if let Some(row) = self.of_symbol.get(id.index()).copied().flatten() {
            return row as RowId;
        }
        let row = match identity(self.by, id, &sites.symbols) {
            // Nothing else belongs to it.
            Identity::Symbol(id) => self.push(Some(id)),
            identity => self.intern(identity, Some(id)),
        };
        // There are more symbols than last time when another profile was added.
        if self.of_symbol.len() <= id.index() {
            self.of_symbol.resize(sites.symbols.len(), None);
        }
        // There are fewer rows than symbols, and fewer of these than 2^32.
        self.of_symbol[id.index()] = u32::try_from(row).ok();
        row
    }

    fn intern(&mut self, identity: Identity, example: Option<SymbolId>) -> RowId {
        if let Some(&row) = self.ids.get(&identity) {
            return row;
        }
        let row = self.push(example);
        self.ids.insert(identity, row);
        row
    }

    fn push(&mut self, example: Option<SymbolId>) -> RowId {
        self.keys.push(OnceCell::new());
        self.examples.push(example);
        self.keys.len() - 1
    }

    /// Fills `path` with the rows on the way from the root of a site to the frame its values are put down to. Neighbours in
    /// the same file, module or crate are one step.
    pub fn path<const N: usize>(&mut self, sites: &Sites<N>, site: &Site<N>, path: &mut Vec<u32>) {
        path.clear();
        // There are fewer rows than symbols, and fewer of these than 2^32.
        let symbols = sites.cause_and_callers(site).iter().rev();
        path.extend(symbols.map(|&symbol| self.of(sites, Some(symbol)) as u32));
        if path.is_empty() {
            path.push(self.of(sites, None) as u32);
        }
        if matches!(self.by, GroupBy::File | GroupBy::Module | GroupBy::Crate) {
            path.dedup();
        }
    }
}

fn identity(by: GroupBy, id: SymbolId, symbols: &Symbols) -> Identity {
    let Symbol { function, is_type, .. } = *symbols.get(id);
    if is_type.is_some() {
        return Identity::Function(function);
    }
    match by {
        GroupBy::Function if function != TextId::EMPTY => Identity::Function(function),
        GroupBy::Generic if function != TextId::EMPTY => Identity::Text(label(by, &symbols.frame(id))),
        GroupBy::Site
        | GroupBy::Line
        | GroupBy::Function
        | GroupBy::Generic
        | GroupBy::Type
        | GroupBy::Container => Identity::Symbol(id),
        GroupBy::File | GroupBy::Module | GroupBy::Crate => Identity::Text(label(by, &symbols.frame(id))),
    }
}

/// The name of the row that a frame belongs to.
fn label(by: GroupBy, frame: &Frame) -> String {
    let generic =
        frame.function.as_deref().filter(|_| by == GroupBy::Generic).map(generic::without_arguments);
    let name = match by {
        GroupBy::Site | GroupBy::Line | GroupBy::Type | GroupBy::Container => None,
        GroupBy::Generic => generic.as_deref(),
        GroupBy::Function => frame.function.as_deref(),
        GroupBy::File => frame.short_file(),
        GroupBy::Module => frame.short_module(),
        GroupBy::Crate => frame.crate_name.as_deref(),
    };
    match (name, by) {
        (Some(name), _) => name.to_owned(),
        // Code without debug information is at least known to be in some library.
        (None, GroupBy::File | GroupBy::Module | GroupBy::Crate) => {
            frame.short_module().map_or_else(|| UNKNOWN.to_owned(), |module| format!("[{module}]"))
        }
        (None, _) => frame.label(),
    }
}

/// What the row of a frame is about.
pub(crate) fn key(by: GroupBy, symbols: &Symbols, symbol: Option<SymbolId>) -> RowKey {
    let Some(id) = symbol else { return RowKey { label: UNKNOWN.to_owned(), ..RowKey::default() } };
    let frame = symbols.frame(id);
    if let Some(typed) = symbols.get(id).is_type {
        let label = frame.function.unwrap_or_default();
        let type_name = (typed == Typed::Known).then(|| label.clone());
        return RowKey { label, type_name, ..RowKey::default() };
    }
    // Every grouping fixes what lies around it: a line is in one file, a file in one crate.
    let in_file = !matches!(by, GroupBy::Module | GroupBy::Crate);
    let in_function = in_file && by != GroupBy::File;
    let in_module = in_function || by == GroupBy::Module;
    RowKey {
        label: label(by, &frame),
        file: frame.short_file().filter(|_| in_file).map(str::to_owned),
        line: frame.line.filter(|_| matches!(by, GroupBy::Site | GroupBy::Line) || by.is_of_types()),
        function: match by {
            GroupBy::Generic => frame.function.as_deref().map(generic::without_arguments),
            _ => frame.function.filter(|_| in_function),
        },
        module: frame.module.filter(|_| in_module),
        crate_name: frame.crate_name.filter(|_| by != GroupBy::Module),
        type_name: None,
    }
}
