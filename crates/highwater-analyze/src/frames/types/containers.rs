//! The collections and pointers that are known, and what a block of each holds.

use crate::frames::types::name::{self, Step};
use crate::frames::types::of_block::TypeOf;

/// What a block holds that the functions of a type or a function allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// The type argument at this position, counted from 0.
    Argument(usize),
    /// This type, whatever the arguments are.
    Fixed(String),
}

/// A user's own rule: what the functions of a type allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRule {
    /// Path of the type or of the function, without type arguments: `mine::arena::Arena`.
    pub path: String,
    /// What its blocks hold.
    pub element: Element,
}

/// What the blocks of a known collection hold.
#[derive(Clone, Copy)]
enum Holds {
    /// The first type argument.
    First,
    /// A key and a value: the first two type arguments.
    Pair,
    /// This type.
    Fixed(&'static str),
}

/// Which blocks a collection keeps that another collection allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// None: it allocates by itself.
    None,
    /// Those of its own elements.
    Same,
    /// Those of bytes.
    Bytes,
    /// Those of pairs whose first part is its element, as a set is a map to nothing.
    Keys,
}

struct Collection {
    path: &'static str,
    /// As people write it.
    name: &'static str,
    holds: Holds,
    keeps: Keeps,
}

const fn row(path: &'static str, name: &'static str, holds: Holds, keeps: Keeps) -> Collection {
    Collection { path, name, holds, keeps }
}

use Holds::{First, Fixed, Pair};

/// All that are known, with each path that they have had.
const COLLECTIONS: &[Collection] = &[
    row("alloc::raw_vec::RawVec", "Vec", First, Keeps::None),
    row("alloc::vec::Vec", "Vec", First, Keeps::Same),
    row("alloc::vec::from_elem", "Vec", First, Keeps::Same),
    row("alloc::collections::vec_deque::VecDeque", "VecDeque", First, Keeps::Same),
    row("alloc::collections::binary_heap::BinaryHeap", "BinaryHeap", First, Keeps::Same),
    row("alloc::string::String", "String", Fixed("str"), Keeps::Bytes),
    row("std::ffi::os_str::OsString", "OsString", Fixed("OsStr"), Keeps::Bytes),
    row("std::path::PathBuf", "PathBuf", Fixed("Path"), Keeps::Bytes),
    row("alloc::ffi::c_str::CString", "CString", Fixed("CStr"), Keeps::Bytes),
    row("alloc::boxed::Box", "Box", First, Keeps::Same),
    row("alloc::rc::Rc", "Rc", First, Keeps::Same),
    row("alloc::sync::Arc", "Arc", First, Keeps::Same),
    row("alloc::collections::linked_list::LinkedList", "LinkedList", First, Keeps::Same),
    row("alloc::collections::btree::node::LeafNode", "BTreeMap", Pair, Keeps::None),
    row("alloc::collections::btree::node::InternalNode", "BTreeMap", Pair, Keeps::None),
    row("alloc::collections::btree::map::BTreeMap", "BTreeMap", Pair, Keeps::Same),
    row("alloc::collections::btree::set::BTreeSet", "BTreeSet", First, Keeps::Keys),
    row("hashbrown::raw::RawTable", "HashTable", First, Keeps::None),
    row("hashbrown::table::HashTable", "HashTable", First, Keeps::Same),
    row("hashbrown::map::HashMap", "HashMap", Pair, Keeps::Same),
    row("hashbrown::set::HashSet", "HashSet", First, Keeps::Keys),
    row("std::collections::hash::map::HashMap", "HashMap", Pair, Keeps::Same),
    row("std::collections::hash::set::HashSet", "HashSet", First, Keeps::Keys),
    row("indexmap::map::IndexMap", "IndexMap", Pair, Keeps::Same),
    row("indexmap::set::IndexSet", "IndexSet", First, Keeps::Keys),
    row("bytes::bytes_mut::BytesMut", "BytesMut", Fixed("u8"), Keeps::Bytes),
    row("bytes::bytes::Bytes", "Bytes", Fixed("u8"), Keeps::Bytes),
    row("smallvec::SmallVec", "SmallVec", First, Keeps::Same),
    row("thin_vec::ThinVec", "ThinVec", First, Keeps::Same),
    row("slab::Slab", "Slab", First, Keeps::Same),
    row("tokio::runtime::task::core::Cell", "task", First, Keeps::None),
    row("async_task::raw::RawTask", "task", First, Keeps::None),
];

/// Types that a collection wraps around its elements, of no interest by themselves: `Box<ArcInner<T>>` is the block of an
/// `Arc<T>`.
const WRAPPERS: &[(&str, &str, Holds)] = &[
    ("alloc::rc::RcInner", "Rc", First),
    ("alloc::rc::RcBox", "Rc", First),
    ("alloc::sync::ArcInner", "Arc", First),
    ("alloc::collections::linked_list::Node", "LinkedList", First),
    ("alloc::collections::btree::node::LeafNode", "BTreeMap", Pair),
    ("alloc::collections::btree::node::InternalNode", "BTreeMap", Pair),
    ("indexmap::Bucket", "IndexMap", Pair),
    ("slab::Entry", "Slab", First),
    ("tokio::runtime::task::core::Cell", "task", First),
    ("futures_util::stream::futures_unordered::task::Task", "FuturesUnordered", First),
    ("std::sync::mpmc::list::Block", "channel", First),
    ("std::sync::mpmc::array::Slot", "channel", First),
    ("crossbeam_channel::flavors::list::Block", "channel", First),
    ("crossbeam_channel::flavors::array::Slot", "channel", First),
    ("tokio::sync::mpsc::block::Block", "channel", First),
];

/// Pointers hand calls of traits on to what they point to. Only these traits have a pointer allocate.
const POINTERS: [&str; 3] = ["Box", "Rc", "Arc"];
const ALLOCATING_TRAITS: [&str; 6] = ["Clone", "Default", "From", "FromIterator", "ToOwned", "Extend"];

/// What a function says of the block that is allocated below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// What the block holds; `None` where the name has no type arguments.
    pub element: Option<String>,
    container: String,
    keeps: Keeps,
}

impl Known {
    /// This collection, if it keeps the block that `inner` allocates.
    pub fn around(self, inner: &Self) -> Option<Self> {
        let (own, element) = (self.element.as_deref()?, inner.element.as_deref()?);
        // Another function of what allocates for the collection.
        if self.keeps == Keeps::None && own == element {
            return Some(inner.clone());
        }
        let fits = match self.keeps {
            Keeps::None => false,
            Keeps::Bytes => matches!(element, "u8" | "str" | "OsStr"),
            Keeps::Same => own == element || own == "str" && element == "u8",
            Keeps::Keys => {
                let value = element.strip_prefix('(').and_then(|pair| pair.strip_prefix(own));
                own == element || matches!(value, Some(", ())" | ", SetValZST)"))
            }
        };
        // The block of a boxed slice holds elements, as that of the `Vec` does that it was.
        if self.keeps == Keeps::Same
            && own.strip_prefix('[').and_then(|own| own.strip_suffix(']')) == Some(element)
        {
            return Some(Self { element: inner.element.clone(), ..self });
        }
        fits.then_some(self)
    }

    /// The boxed slice that a list becomes.
    fn into_slice(self) -> Self {
        let container = self.element.as_ref().map(|element| format!("Box<[{element}]>"));
        Self { container: container.unwrap_or(self.container), ..self }
    }

    /// The type; `None` where the name has no type arguments.
    pub fn into_type(self) -> Option<TypeOf> {
        Some(TypeOf { element: self.element?, container: self.container })
    }
}

/// What `function` says of the block that is allocated below it; `None` for a function of no known collection.
pub(super) fn of(function: &str, rules: &[ContainerRule]) -> Option<Known> {
    let (steps, of_trait) = name::steps(function);
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        if at > 0 {
            path.push_str("::");
        }
        path.push_str(step.name);
        if let Some(rule) = rules.iter().find(|rule| rule.path == path) {
            return Some(by_rule(rule, &steps[at..]));
        }
        let Some(collection) = COLLECTIONS.iter().find(|collection| collection.path == path) else {
            continue;
        };
        let allocates = of_trait.is_none_or(|name| ALLOCATING_TRAITS.contains(&name));
        if !allocates && POINTERS.contains(&collection.name) {
            return None;
        }
        let known = by_table(collection, step);
        let becomes_slice = steps[at + 1..].iter().any(|step| step.name == "into_boxed_slice");
        return Some(if becomes_slice { known.into_slice() } else { known });
    }
    None
}

/// Whether `function` belongs to a collection of the standard library, as far as its path says, known or not.
pub(super) fn is_in_collection(function: &str) -> bool {
    // Pointers are none: they hand calls of traits on.
    const PATHS: [&str; 6] = [
        "alloc::raw_vec::",
        "alloc::vec::",
        "alloc::string::",
        "alloc::collections::",
        "hashbrown::",
        "std::collections::",
    ];
    let path = function.trim_start_matches('<');
    PATHS.iter().any(|prefix| path.starts_with(prefix))
}

fn by_rule(rule: &ContainerRule, steps: &[Step<'_>]) -> Known {
    let element = match &rule.element {
        Element::Fixed(text) => Some(text.clone()),
        // A function of a type without arguments may have some itself: `Arena::alloc::<Node>`.
        Element::Argument(at) => {
            steps.iter().find(|step| !step.arguments.is_empty()).and_then(|step| argument(step, *at))
        }
    };
    let name = steps.first().map_or("", |step| step.name);
    let container = element.as_ref().map_or_else(|| name.to_owned(), |element| format!("{name}<{element}>"));
    Known { element, container, keeps: Keeps::Same }
}

fn by_table(collection: &Collection, step: &Step<'_>) -> Known {
    let Collection { name, holds, keeps, .. } = *collection;
    if let Some(wrapped) = step.arguments.first().and_then(|text| wrapped(text, keeps)) {
        return wrapped;
    }
    let known = known(name, holds, step, keeps);
    match known.element.as_deref().and_then(|element| pair_of(element)) {
        // A table of pairs is a map.
        Some(arguments) if name == "HashTable" => {
            Known { container: format!("HashMap<{arguments}>"), ..known }
        }
        _ => known,
    }
}

/// What lies in a wrapper of a collection's own.
fn wrapped(text: &str, keeps: Keeps) -> Option<Known> {
    let (steps, _) = name::steps(uninitialized(text));
    let path = steps.iter().map(|step| step.name).collect::<Vec<_>>().join("::");
    let (_, name, holds) = WRAPPERS.iter().find(|wrapper| wrapper.0 == path)?;
    // Collections of collections' nodes are made by the latter: no other one is around them.
    let known = known(name, *holds, steps.last()?, keeps);
    known.element.is_some().then_some(known)
}

fn known(name: &str, holds: Holds, step: &Step<'_>, keeps: Keeps) -> Known {
    let (element, arguments) = match holds {
        Fixed(text) => (Some(text.to_owned()), None),
        First => (argument(step, 0), argument(step, 0)),
        Pair => {
            let both = argument(step, 0).zip(argument(step, 1));
            let both = both.map(|(key, value)| format!("{key}, {value}"));
            (both.as_ref().map(|both| format!("({both})")), both)
        }
    };
    let container = arguments.map_or_else(|| name.to_owned(), |arguments| format!("{name}<{arguments}>"));
    Known { element, container, keeps }
}

/// A type argument as people write it, unless it is a parameter's name.
fn argument(step: &Step<'_>, at: usize) -> Option<String> {
    let text = uninitialized(step.arguments.get(at)?);
    (!name::is_parameter(text)).then(|| name::short(text))
}

/// The type inside `MaybeUninit`, which says nothing about a block.
fn uninitialized(text: &str) -> &str {
    let inner = text.strip_prefix("core::mem::maybe_uninit::MaybeUninit<");
    inner.and_then(|inner| inner.strip_suffix('>')).unwrap_or(text)
}

/// What stands between the brackets of a pair: `u64, String` of `(u64, String)`.
fn pair_of(element: &str) -> Option<&str> {
    let inner = element.strip_prefix('(')?.strip_suffix(')')?;
    (name::arguments(inner).count() == 2).then_some(inner)
}
