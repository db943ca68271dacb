//! The collections and pointers that are known: what a block of each holds, and what each is built on.

/// What the blocks of a known collection hold.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    /// The first type argument.
    First,
    /// A key and a value: the first two type arguments.
    Pair,
    /// This type.
    Fixed(&'static str),
}

/// Which blocks a collection keeps that another collection allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// None: it allocates by itself.
    None,
    /// Blocks of its own elements.
    Same,
    /// Blocks of bytes.
    Bytes,
    /// Blocks of pairs whose first part is its element, as a set is a map to nothing.
    Keys,
    /// Blocks of its own elements, and a table of positions (`usize`).
    Indexed,
}

pub(super) struct Collection {
    pub path: &'static str,
    /// As people write it.
    pub name: &'static str,
    pub holds: Holds,
    pub keeps: Keeps,
}

const fn row(path: &'static str, name: &'static str, holds: Holds, keeps: Keeps) -> Collection {
    Collection { path, name, holds, keeps }
}

use Holds::{First, Fixed, Pair};

/// All that are known, with each path that they have had.
pub(super) const COLLECTIONS: &[Collection] = &[
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
    row("alloc::collections::btree::map::entry::VacantEntry", "BTreeMap", Pair, Keeps::Same),
    row("alloc::collections::btree::map::BTreeMap", "BTreeMap", Pair, Keeps::Same),
    row("alloc::collections::btree::set::BTreeSet", "BTreeSet", First, Keeps::Keys),
    row("hashbrown::raw::RawTable", "HashTable", First, Keeps::None),
    row("hashbrown::raw::inner::RawTable", "HashTable", First, Keeps::None),
    row("hashbrown::table::HashTable", "HashTable", First, Keeps::Same),
    row("hashbrown::map::HashMap", "HashMap", Pair, Keeps::Same),
    row("hashbrown::set::HashSet", "HashSet", First, Keeps::Keys),
    row("std::collections::hash::map::HashMap", "HashMap", Pair, Keeps::Same),
    row("std::collections::hash::set::HashSet", "HashSet", First, Keeps::Keys),
    row("dashmap::DashMap", "DashMap", Pair, Keeps::Same),
    row("indexmap::map::IndexMap", "IndexMap", Pair, Keeps::Indexed),
    row("indexmap::set::IndexSet", "IndexSet", First, Keeps::Keys),
    row("bytes::bytes_mut::BytesMut", "BytesMut", Fixed("u8"), Keeps::Bytes),
    row("bytes::bytes::Bytes", "Bytes", Fixed("u8"), Keeps::Bytes),
    row("compact_str::repr::heap", "CompactString", Fixed("str"), Keeps::None),
    row("smallvec::SmallVec", "SmallVec", First, Keeps::Same),
    row("thin_vec::ThinVec", "ThinVec", First, Keeps::Same),
    row("slab::Slab", "Slab", First, Keeps::Same),
    row("crossbeam_channel::flavors::list::Block", "channel", First, Keeps::None),
    row("crossbeam_queue::seg_queue::Block", "SegQueue", First, Keeps::None),
    row("tokio::sync::mpsc::block::Block", "channel", First, Keeps::None),
    row("tokio::runtime::task::core::Cell", "task", First, Keeps::None),
    row("async_task::raw::RawTask", "task", First, Keeps::None),
];

/// Types that a collection wraps around its elements, of no interest by themselves: `Box<ArcInner<T>>` is the
/// block of an `Arc<T>`.
pub(super) const WRAPPERS: &[(&str, &str, Holds)] = &[
    ("alloc::rc::RcInner", "Rc", First),
    ("alloc::rc::RcBox", "Rc", First),
    ("alloc::sync::ArcInner", "Arc", First),
    ("alloc::collections::linked_list::Node", "LinkedList", First),
    ("alloc::collections::btree::node::LeafNode", "BTreeMap", Pair),
    ("alloc::collections::btree::node::InternalNode", "BTreeMap", Pair),
    ("async_executor::AsyncCallOnDrop", "task", First),
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

/// A collection, and collections that are built on it: their functions call its functions for their own
/// blocks, never for blocks of an element.
const BUILT_ON: &[(&str, &[&str])] = &[
    (
        "alloc::raw_vec::RawVec",
        &["alloc::vec::Vec", "alloc::vec::from_elem", "alloc::collections::vec_deque::VecDeque"],
    ),
    (
        "alloc::vec::Vec",
        &[
            "alloc::collections::binary_heap::BinaryHeap",
            "indexmap::map::IndexMap",
            "slab::Slab",
            "alloc::vec::from_elem",
        ],
    ),
    ("hashbrown::raw::RawTable", TABLES),
    ("hashbrown::raw::inner::RawTable", TABLES),
    ("hashbrown::table::HashTable", &["hashbrown::map::HashMap", "hashbrown::set::HashSet"]),
    (
        "hashbrown::map::HashMap",
        &[
            "hashbrown::set::HashSet",
            "std::collections::hash::map::HashMap",
            "std::collections::hash::set::HashSet",
        ],
    ),
    ("hashbrown::set::HashSet", &["std::collections::hash::set::HashSet"]),
    ("indexmap::map::IndexMap", &["indexmap::set::IndexSet"]),
    ("alloc::collections::btree::node::LeafNode", TREES),
    ("alloc::collections::btree::node::InternalNode", TREES),
    ("alloc::collections::btree::map::entry::VacantEntry", TREES),
    ("alloc::collections::btree::map::BTreeMap", &["alloc::collections::btree::set::BTreeSet"]),
];

const TABLES: &[&str] = &[
    "hashbrown::table::HashTable",
    "hashbrown::map::HashMap",
    "hashbrown::set::HashSet",
    "std::collections::hash::map::HashMap",
    "std::collections::hash::set::HashSet",
    "dashmap::DashMap",
];

const TREES: &[&str] = &[
    "alloc::collections::btree::map::entry::VacantEntry",
    "alloc::collections::btree::map::BTreeMap",
    "alloc::collections::btree::set::BTreeSet",
];

/// Whether the collection at path `outer` is built on the one at path `inner`.
pub(super) fn is_built_on(outer: &str, inner: &str) -> bool {
    BUILT_ON.iter().any(|(part, wholes)| *part == inner && wholes.contains(&outer))
}

/// Pointers hand calls of traits on to what they point to. Only these traits have a pointer allocate.
pub(super) const POINTERS: [&str; 3] = ["Box", "Rc", "Arc"];
pub(super) const ALLOCATING_TRAITS: [&str; 6] =
    ["Clone", "Default", "From", "FromIterator", "ToOwned", "Extend"];

/// Functions of a pointer that allocate, for names that do not say which trait a function is of.
pub(super) const ALLOCATING: [&str; 25] = [
    "allocate_for_layout",
    "allocate_for_slice",
    "allocate_for_slice_in",
    "box_new_uninit",
    "clone",
    "copy_from_slice",
    "default",
    "from",
    "from_box",
    "from_iter",
    "from_slice",
    "make_mut",
    "new",
    "new_cyclic",
    "new_in",
    "new_uninit",
    "new_uninit_in",
    "new_uninit_slice",
    "new_zeroed",
    "new_zeroed_slice",
    "pin",
    "pin_in",
    "to_owned",
    "try_new",
    "try_new_uninit",
];

/// Functions that make space in the collection they belong to, and call no code of its elements.
pub(super) const MAKE_ROOM: [&str; 22] = [
    "allocate_in",
    "append",
    "grow",
    "grow_one",
    "insert",
    "insert_unique",
    "into_boxed_slice",
    "push",
    "push_back",
    "push_back_mut",
    "push_front",
    "push_front_mut",
    "push_mut",
    "reserve",
    "reserve_exact",
    "reserve_rehash",
    "shrink_to",
    "shrink_to_fit",
    "try_reserve",
    "try_reserve_exact",
    "with_capacity",
    "with_capacity_in",
];
