//! Which frames belong to the same row.

use std::collections::HashMap;

use crate::frame::UNKNOWN;
use crate::sites::{Site, Sites};
use crate::symbols::{Symbol, SymbolId};
use crate::{GroupBy, RowKey};

/// Handle of a row: its position among all of them.
pub(crate) type RowId = usize;

/// What makes a row distinct.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Unknown,
    Symbol(SymbolId),
    Text(String),
}

/// The rows that frames belong to, in order of appearance. Each frame's is found once.
pub(crate) struct Rows {
    by: GroupBy,
    keys: Vec<RowKey>,
    /// One frame of each row; `None` for the row of samples without frames.
    examples: Vec<Option<SymbolId>>,
    ids: HashMap<Identity, RowId>,
    of_symbol: HashMap<SymbolId, RowId>,
}

impl Rows {
    /// Rows of single frames: grouping by site is grouping by line here.
    pub fn new(by: GroupBy) -> Self {
        Self { by, keys: Vec::new(), examples: Vec::new(), ids: HashMap::new(), of_symbol: HashMap::new() }
    }

    pub fn key(&self, row: RowId) -> &RowKey {
        &self.keys[row]
    }

    pub fn example(&self, row: RowId) -> Option<SymbolId> {
        self.examples[row]
    }

    /// The row of a frame, or of samples without frames.
    pub fn of<const N: usize>(&mut self, sites: &Sites<N>, symbol: Option<SymbolId>) -> RowId {
        let Some(id) = symbol else {
            return self.intern(Identity::Unknown, None, || key(GroupBy::Line, None));
        };
        if let Some(&row) = self.of_symbol.get(&id) {
            return row;
        }
        let symbol = sites.symbols.get(id);
        let by = self.by;
        let identity = identity(by, id, symbol);
        let row = self.intern(identity, Some(id), || key(by, Some(symbol)));
        self.of_symbol.insert(id, row);
        row
    }

    fn intern(
        &mut self,
        identity: Identity,
        example: Option<SymbolId>,
        key: impl FnOnce() -> RowKey,
    ) -> RowId {
        *self.ids.entry(identity).or_insert_with(|| {
            self.keys.push(key());
            self.examples.push(example);
            self.keys.len() - 1
        })
    }

    /// The rows on the way from the root of a site to the frame its values are put down to. Neighbours in the same
    /// file, module or crate are one step.
    pub fn path<const N: usize>(&mut self, sites: &Sites<N>, site: &Site<N>) -> Vec<RowId> {
        let mut path: Vec<RowId> =
            site.cause_and_callers().iter().rev().map(|&symbol| self.of(sites, Some(symbol))).collect();
        if path.is_empty() {
            path.push(self.of(sites, None));
        }
        if matches!(self.by, GroupBy::File | GroupBy::Module | GroupBy::Crate) {
            path.dedup();
        }
        path
    }
}

fn identity(by: GroupBy, id: SymbolId, symbol: &Symbol) -> Identity {
    let frame = &symbol.frame;
    let text = match by {
        GroupBy::Site | GroupBy::Line => None,
        GroupBy::Function => frame.function.clone(),
        GroupBy::File | GroupBy::Module | GroupBy::Crate => Some(label(by, symbol)),
    };
    text.map_or(Identity::Symbol(id), Identity::Text)
}

/// The name of the row that a frame belongs to.
fn label(by: GroupBy, symbol: &Symbol) -> String {
    let frame = &symbol.frame;
    let name = match by {
        GroupBy::Site | GroupBy::Line => None,
        GroupBy::Function => frame.function.as_deref(),
        GroupBy::File => frame.short_file(),
        GroupBy::Module => frame.short_module(),
        GroupBy::Crate => frame.crate_name.as_deref(),
    };
    match (name, by) {
        (Some(name), _) => name.to_owned(),
        (None, GroupBy::Site | GroupBy::Line | GroupBy::Function) => frame.label(),
        // Code without debug information is at least known to be in some library.
        (None, _) => frame.short_module().map_or_else(|| UNKNOWN.to_owned(), |module| format!("[{module}]")),
    }
}

/// What the row of a frame is about.
pub(crate) fn key(by: GroupBy, symbol: Option<&Symbol>) -> RowKey {
    let Some(symbol) = symbol else { return RowKey { label: UNKNOWN.to_owned(), ..RowKey::default() } };
    let frame = &symbol.frame;
    // Every grouping fixes what lies around it: a line is in one file, a file in one crate.
    let in_file = !matches!(by, GroupBy::Module | GroupBy::Crate);
    let in_function = in_file && by != GroupBy::File;
    let in_module = in_function || by == GroupBy::Module;
    RowKey {
        label: label(by, symbol),
        function: frame.function.clone().filter(|_| in_function),
        file: frame.short_file().filter(|_| in_file).map(str::to_owned),
        line: frame.line.filter(|_| matches!(by, GroupBy::Site | GroupBy::Line)),
        module: frame.module.clone().filter(|_| in_module),
        crate_name: frame.crate_name.clone().filter(|_| by != GroupBy::Module),
    }
}
