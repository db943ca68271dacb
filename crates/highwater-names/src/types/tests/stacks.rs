//! Stacks of all collections that are known, and the type that each gives.

use super::{ok, typed};

#[test]
fn the_innermost_collection_gives_the_type_and_those_around_it_its_name() {
    for (functions, element, container) in [
        (
            &[
                "alloc::raw_vec::RawVecInner<alloc::alloc::Global>::grow_one",
                "alloc::raw_vec::RawVec<demo::Session>::grow_one",
                "alloc::vec::Vec<demo::Session>::push",
                "=demo::main",
            ][..],
            "demo::Session",
            "Vec<demo::Session>",
        ),
        (
            &["<alloc::raw_vec::RawVec<demo::Session>>::grow_one", "=demo::main"],
            "demo::Session",
            "Vec<demo::Session>",
        ),
        (
            &[
                "alloc::raw_vec::RawVecInner<_>::reserve::do_reserve_and_handle::<alloc::alloc::Global>",
                "alloc::vec::Vec<u8>::append_elements",
                "<alloc::vec::Vec<T,A> as alloc::vec::spec_extend::SpecExtend<&T,core::slice::iter::Iter<T>>>::spec_extend::<u8>",
                "alloc::vec::Vec<u8>::extend_from_slice",
                "alloc::string::String::push_str",
                "=demo::name",
            ],
            "str",
            "String",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<u8>::with_capacity",
                "alloc::vec::Vec<u8>::with_capacity",
                "=demo::read",
            ],
            "u8",
            "Vec<u8>",
        ),
        // The strings of a list that is cloned are theirs, not the list's.
        (
            &[
                "alloc::raw_vec::RawVec<u8>::with_capacity",
                "<alloc::vec::Vec<u8> as core::clone::Clone>::clone",
                "<alloc::string::String as core::clone::Clone>::clone",
                "<alloc::vec::Vec<alloc::string::String> as core::clone::Clone>::clone",
                "=demo::copy",
            ],
            "str",
            "String",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<u8>::with_capacity_in",
                "alloc::boxed::Box<[u8]>::new_uninit_slice",
                "std::io::buffered::bufreader::buffer::Buffer::with_capacity",
                "=demo::open",
            ],
            "u8",
            "Box<[u8]>",
        ),
        (
            &[
                "hashbrown::raw::RawTableInner::resize_inner::<alloc::alloc::Global>",
                "hashbrown::raw::RawTable<(u32, alloc::boxed::Box<demo::Session>)>::reserve_rehash",
                "hashbrown::map::HashMap<u32, alloc::boxed::Box<demo::Session>, std::hash::random::RandomState>::insert",
                "std::collections::hash::map::HashMap<u32, alloc::boxed::Box<demo::Session>, std::hash::random::RandomState>::insert",
                "=demo::add",
            ],
            "(u32, Box<demo::Session>)",
            "HashMap<u32, Box<demo::Session>>",
        ),
        (
            &["hashbrown::raw::RawTable<(u32, u64), alloc::alloc::Global>::reserve_rehash", "=demo::add"],
            "(u32, u64)",
            "HashMap<u32, u64>",
        ),
        (
            &[
                "hashbrown::raw::RawTable<(alloc::string::String, ())>::reserve_rehash",
                "hashbrown::raw::RawTable<(alloc::string::String, ())>::reserve",
                "hashbrown::map::HashMap<alloc::string::String, (), S>::insert",
                "std::collections::hash::set::HashSet<alloc::string::String>::insert",
                "=demo::add",
            ],
            "String",
            "HashSet<String>",
        ),
        (
            &[
                "alloc::boxed::Box<core::mem::maybe_uninit::MaybeUninit<alloc::collections::btree::node::LeafNode<u64, demo::Row>>>::new_uninit_in",
                "alloc::collections::btree::node::LeafNode<u64, demo::Row>::new",
                "alloc::collections::btree::map::BTreeMap<u64, demo::Row>::insert",
                "=demo::add",
            ],
            "(u64, demo::Row)",
            "BTreeMap<u64, demo::Row>",
        ),
        (
            &[
                "alloc::boxed::Box<alloc::collections::btree::node::LeafNode<u64, alloc::collections::btree::set_val::SetValZST>>::new_uninit_in",
                "alloc::collections::btree::node::LeafNode<u64, alloc::collections::btree::set_val::SetValZST>::new",
                "alloc::collections::btree::map::BTreeMap<u64, alloc::collections::btree::set_val::SetValZST>::insert",
                "alloc::collections::btree::set::BTreeSet<u64>::insert",
                "=demo::add",
            ],
            "u64",
            "BTreeSet<u64>",
        ),
        (
            &[
                "alloc::boxed::Box<alloc::sync::ArcInner<demo::State>>::new",
                "alloc::sync::Arc<demo::State>::new",
                "=demo::start",
            ],
            "demo::State",
            "Arc<demo::State>",
        ),
        (&["alloc::boxed::Box<demo::Node<u8>>::new", "=demo::add"], "demo::Node<u8>", "Box<demo::Node<u8>>"),
        (
            &[
                "alloc::boxed::Box<tokio::runtime::task::core::Cell<demo::serve::{async_fn_env#0}, alloc::sync::Arc<tokio::runtime::scheduler::multi_thread::handle::Handle>>>::new",
                "=tokio::runtime::task::new_task",
            ],
            "demo::serve::{async_fn}",
            "task<demo::serve::{async_fn}>",
        ),
        (
            &["alloc::raw_vec::RawVec<indexmap::Bucket<alloc::string::String, u32>>::grow_one", "=demo::add"],
            "(String, u32)",
            "IndexMap<String, u32>",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<u32>::grow_one",
                "alloc::collections::vec_deque::VecDeque<u32>::grow",
                "=demo::add",
            ],
            "u32",
            "VecDeque<u32>",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<u8>::with_capacity",
                "alloc::vec::Vec<u8>::with_capacity",
                "alloc::string::String::with_capacity",
                "=demo::add",
            ],
            "str",
            "String",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<f32>::shrink_to_fit",
                "alloc::vec::Vec<f32>::shrink_to_fit",
                "alloc::vec::Vec<f32>::into_boxed_slice",
                "=demo::add",
            ],
            "f32",
            "Box<[f32]>",
        ),
        // Functions of the same machine code bear one name; the caller is right.
        (
            &["alloc::raw_vec::RawVec<usize>::grow_one", "alloc::vec::Vec<demo::Id>::push", "=demo::add"],
            "demo::Id",
            "Vec<demo::Id>",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<usize>::grow_one",
                "alloc::collections::vec_deque::VecDeque<usize>::grow",
                "alloc::collections::vec_deque::VecDeque<demo::Id>::push_back",
                "=demo::add",
            ],
            "demo::Id",
            "VecDeque<demo::Id>",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<(u64, u64)>::grow_one",
                "alloc::vec::Vec<slab::Entry<demo::Row>>::push",
                "slab::Slab<demo::Row>::insert",
                "=demo::add",
            ],
            "demo::Row",
            "Slab<demo::Row>",
        ),
        (
            &[
                "alloc::raw_vec::RawVec<demo::Other>::with_capacity_in",
                "<alloc::vec::Vec<T> as alloc::vec::spec_from_iter::SpecFromIter<T,I>>::from_iter::<demo::Other, demo::Walk>",
                "<alloc::vec::Vec<demo::Id> as core::iter::traits::collect::FromIterator<demo::Id>>::from_iter::<demo::Walk>",
                "core::iter::traits::iterator::Iterator::collect::<demo::Walk, alloc::vec::Vec<demo::Id>>",
                "=demo::add",
            ],
            "demo::Id",
            "Vec<demo::Id>",
        ),
        (
            &[
                "hashbrown::raw::RawTable<(u64, i64)>::reserve_rehash",
                "hashbrown::map::HashMap<u64, demo::Id>::insert",
                "=demo::add",
            ],
            "(u64, demo::Id)",
            "HashMap<u64, demo::Id>",
        ),
        // A list of lists that is copied does not own the elements of the lists in it, whatever their size.
        (
            &[
                "alloc::raw_vec::RawVec<demo::Id>::with_capacity_in",
                "<alloc::vec::Vec<demo::Id> as core::clone::Clone>::clone",
                "<alloc::vec::Vec<alloc::vec::Vec<demo::Id>> as core::clone::Clone>::clone",
                "=demo::add",
            ],
            "demo::Id",
            "Vec<demo::Id>",
        ),
        // Line tables give inlined functions without their path.
        (
            &[
                "grow_one<alloc::alloc::Global> @ /rustc/01/library/alloc/src/raw_vec/mod.rs",
                "alloc::raw_vec::RawVec<usize>::grow_one @ /rustc/01/library/alloc/src/raw_vec/mod.rs",
                "push<demo::Id, alloc::alloc::Global> @ /rustc/01/library/alloc/src/vec/mod.rs",
                "=demo::add",
            ],
            "demo::Id",
            "Vec<demo::Id>",
        ),
        (
            &["new<demo::Node> @ /rustc/01/library/alloc/src/boxed.rs", "=demo::add"],
            "demo::Node",
            "Box<demo::Node>",
        ),
        (
            &[
                "new<alloc::sync::ArcInner<demo::State>> @ /rustc/01/library/alloc/src/boxed.rs",
                "new<demo::State> @ /rustc/01/library/alloc/src/sync.rs",
                "=demo::add",
            ],
            "demo::State",
            "Arc<demo::State>",
        ),
        (
            &[
                "reserve_rehash<(u32, demo::Row), alloc::alloc::Global> @ /rust/deps/hashbrown-0.16.1/src/raw/mod.rs",
                "insert<u32, demo::Row, std::hash::random::RandomState, alloc::alloc::Global> @ /rust/deps/hashbrown-0.16.1/src/map.rs",
                "insert<u32, demo::Row, std::hash::random::RandomState> @ /rustc/01/library/std/src/collections/hash/map.rs",
                "=demo::add",
            ],
            "(u32, demo::Row)",
            "HashMap<u32, demo::Row>",
        ),
        (
            &[
                "{closure#0}<demo::Kept, alloc::alloc::Global> @ /rustc/01/library/alloc/src/sync.rs",
                "allocate_for_slice_in<demo::Kept, alloc::alloc::Global> @ /rustc/01/library/alloc/src/sync.rs",
                "from<demo::Kept, alloc::alloc::Global> @ /rustc/01/library/alloc/src/sync.rs",
                "=demo::add",
            ],
            "demo::Kept",
            "Arc<[demo::Kept]>",
        ),
        // Sets are maps to nothing, also where no function of the set is named.
        (
            &["hashbrown::raw::RawTable<(demo::Id, ())>::reserve_rehash", "=demo::add"],
            "demo::Id",
            "HashSet<demo::Id>",
        ),
        (
            &[
                "hashbrown::raw::RawTable<usize>::reserve_rehash",
                "indexmap::map::IndexMap<u8, u16>::insert",
                "=demo::add",
            ],
            "usize",
            "IndexMap<u8, u16>",
        ),
        (
            &["smallvec::SmallVec<[demo::Id; 4]>::try_grow", "=demo::add"],
            "demo::Id",
            "SmallVec<[demo::Id; 4]>",
        ),
        (
            &[
                "alloc::boxed::Box<alloc::sync::ArcInner<futures_util::stream::futures_unordered::task::Task<demo::Fetch>>>::new",
                "alloc::sync::Arc<futures_util::stream::futures_unordered::task::Task<demo::Fetch>>::new",
                "=demo::add",
            ],
            "demo::Fetch",
            "FuturesUnordered<demo::Fetch>",
        ),
        // The function of a type with arguments that calls the allocator itself.
        (
            &["alloc::alloc::alloc", "=demo::queue::Block<demo::Message>::new @ src/queue.rs", "=demo::send"],
            "demo::Message",
            "demo::queue::Block<demo::Message>",
        ),
    ] {
        assert_eq!(typed(functions), ok(element, container), "{functions:?}");
    }
}
