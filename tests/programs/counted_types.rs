//! Allocates blocks of types that it counts itself: `counted_types FILE` writes a profile there, and prints
//! for each type its name, the collection that keeps its blocks, their bytes and their number. Some types
//! are of the same size: the compiler keeps one function for all of them.

#![expect(dead_code, reason = "the types are there to be of a size")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::mem::forget;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What is alive of each type, beside what is allocated elsewhere.
struct Counting(highwater::Alloc);

#[global_allocator]
static ALLOC: Counting = Counting(highwater::Alloc::new().exact());

const MOST: usize = 64;
/// The type that is allocated now; 0 for anything else.
static CURRENT: AtomicUsize = AtomicUsize::new(0);
static BYTES: [AtomicI64; MOST] = [const { AtomicI64::new(0) }; MOST];
static BLOCKS: [AtomicI64; MOST] = [const { AtomicI64::new(0) }; MOST];

fn count(bytes: i64, blocks: i64) {
    let current = CURRENT.load(Relaxed);
    BYTES[current].fetch_add(bytes, Relaxed);
    BLOCKS[current].fetch_add(blocks, Relaxed);
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every method hands the request on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()), 1);
        // SAFETY: the caller's promises are this method's.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()), 1);
        // SAFETY: the caller's promises are this method's.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-signed(layout.size()), -1);
        // SAFETY: the caller's promises are this method's.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()), 0);
        // SAFETY: the caller's promises are this method's.
        unsafe { self.0.realloc(block, layout, size) }
    }
}

struct Session([u64; 5]);
struct Row([u32; 7]);
struct Node([u8; 120]);
struct State([u64; 9]);
struct Leaf([u16; 11]);
struct Item([u8; 40]);
#[derive(Clone)]
struct Small([u8; 3]);
// Of the size of a session.
struct Twin([u64; 5]);
struct Queued([u64; 5]);
struct Heaped([u64; 5]);
#[derive(Clone)]
struct Copied([u64; 5]);
struct Gathered([u64; 5]);
struct Sliced([u64; 5]);
struct Kept([u64; 5]);
// Of the size of a row.
struct RowTwin([u32; 7]);
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Id(u64);
struct Wide([u64; 8]);
struct Guarded([u64; 6]);
struct Inner([u64; 13]);
struct Square([u64; 15]);

trait Shape {
    fn area(&self) -> u64;
}

impl Shape for Square {
    fn area(&self) -> u64 {
        self.0[0]
    }
}

/// Name of the type, name of what keeps it, and what allocates the blocks and leaves them.
type Kind = (&'static str, &'static str, fn());

const KINDS: &[Kind] = &[
    ("counted_types::Session", "Vec<counted_types::Session>", || {
        let mut all = Vec::new();
        (0..700).for_each(|number| all.push(Session([number; 5])));
        forget(black_box(all));
    }),
    ("str", "String", || {
        let mut text = String::new();
        (0..300).for_each(|_| text.push_str("some words "));
        forget(black_box(text));
    }),
    ("u32", "VecDeque<u32>", || {
        let mut all = VecDeque::new();
        (0..1000_u32).for_each(|number| all.push_back(number));
        forget(black_box(all));
    }),
    ("(u64, counted_types::Row)", "HashMap<u64, counted_types::Row>", || {
        let mut all = HashMap::new();
        (0..500_u64).for_each(|number| assert!(all.insert(number, Row([1; 7])).is_none()));
        forget(black_box(all));
    }),
    ("(u32, counted_types::Row)", "BTreeMap<u32, counted_types::Row>", || {
        let mut all = BTreeMap::new();
        (0..400_u32).for_each(|number| assert!(all.insert(number, Row([2; 7])).is_none()));
        forget(black_box(all));
    }),
    ("counted_types::Node", "Box<counted_types::Node>", || {
        (0..60).for_each(|number| forget(black_box(Box::new(Node([number; 120])))));
    }),
    ("counted_types::State", "Arc<counted_types::State>", || {
        (0..50).for_each(|number| forget(black_box(Arc::new(State([number; 9])))));
    }),
    ("counted_types::Leaf", "Rc<counted_types::Leaf>", || {
        (0..50).for_each(|number| forget(black_box(Rc::new(Leaf([number; 11])))));
    }),
    ("u16", "BinaryHeap<u16>", || {
        let mut all = BinaryHeap::new();
        (0..900_u16).for_each(|number| all.push(number));
        forget(black_box(all));
    }),
    ("i64", "HashSet<i64>", || {
        let mut all = HashSet::new();
        (0..700_i64).for_each(|number| assert!(all.insert(number)));
        forget(black_box(all));
    }),
    ("i32", "BTreeSet<i32>", || {
        let mut all = BTreeSet::new();
        (0..300_i32).for_each(|number| assert!(all.insert(number)));
        forget(black_box(all));
    }),
    ("counted_types::Item", "LinkedList<counted_types::Item>", || {
        let mut all = LinkedList::new();
        (0..80).for_each(|number| all.push_back(Item([number; 40])));
        forget(black_box(all));
    }),
    ("f64", "Vec<f64>", || {
        let all: Vec<f64> = black_box(0..333).map(f64::from).collect();
        forget(black_box(all));
    }),
    ("f32", "Box<[f32]>", || {
        let mut all = Vec::with_capacity(black_box(100));
        (0..77).for_each(|_| all.push(1.5_f32));
        forget(black_box(all.into_boxed_slice()));
    }),
    ("Path", "PathBuf", || {
        let mut path = PathBuf::new();
        (0..40).for_each(|_| path.push("folder"));
        forget(black_box(path));
    }),
    ("char", "Vec<char>", || forget(black_box(vec!['x'; black_box(123)]))),
    ("Option<counted_types::Small>", "Vec<Option<counted_types::Small>>", || {
        let mut all = Vec::with_capacity(black_box(50));
        (0..90).for_each(|number| all.push(Some(Small([number; 3]))));
        forget(black_box(all));
    }),
    ("(i8, i16)", "Vec<(i8, i16)>", || forget(black_box(black_box([(1_i8, 2_i16); 31]).to_vec()))),
    ("u128", "Vec<u128>", || {
        let mut all: Vec<u128> = Vec::new();
        all.extend_from_slice(&black_box([7; 19]));
        forget(black_box(all));
    }),
    ("[u64; 4]", "Vec<[u64; 4]>", || {
        let mut all = vec![[1_u64; 4]; black_box(10)];
        all.resize(black_box(45), [2; 4]);
        forget(black_box(all));
    }),
    ("counted_types::Twin", "Vec<counted_types::Twin>", || {
        let mut all = Vec::new();
        (0..611).for_each(|number| all.push(Twin([number; 5])));
        forget(black_box(all));
    }),
    ("counted_types::Queued", "VecDeque<counted_types::Queued>", || {
        let mut all = VecDeque::new();
        (0..501).for_each(|number| all.push_back(Queued([number; 5])));
        forget(black_box(all));
    }),
    ("counted_types::Heaped", "Vec<counted_types::Heaped>", || {
        let mut all = Vec::new();
        all.push(Heaped([black_box(1); 5]));
        all.reserve(black_box(41));
        forget(black_box(all));
    }),
    ("counted_types::Copied", "Vec<counted_types::Copied>", || {
        let all = vec![Copied([3; 5]); black_box(43)];
        forget(black_box(all));
    }),
    ("counted_types::Gathered", "Vec<counted_types::Gathered>", || {
        let all: Vec<Gathered> = (0..black_box(47)).map(|number| Gathered([number; 5])).collect();
        forget(black_box(all));
    }),
    ("counted_types::Sliced", "Box<[counted_types::Sliced]>", || {
        let all: Box<[Sliced]> = (0..black_box(53)).map(|number| Sliced([number; 5])).collect();
        forget(black_box(all));
    }),
    ("counted_types::Kept", "Arc<[counted_types::Kept]>", || {
        let all: Vec<Kept> = (0..black_box(59)).map(|number| Kept([number; 5])).collect();
        let all: Arc<[Kept]> = all.into();
        forget(black_box(all));
    }),
    ("(u64, counted_types::RowTwin)", "HashMap<u64, counted_types::RowTwin>", || {
        let mut all = HashMap::new();
        (0..300_u64).for_each(|number| assert!(all.insert(number, RowTwin([1; 7])).is_none()));
        forget(black_box(all));
    }),
    ("counted_types::Id", "HashSet<counted_types::Id>", || {
        let all: HashSet<Id> = (0..black_box(200)).map(Id).collect();
        forget(black_box(all));
    }),
    ("(counted_types::Id, counted_types::Wide)", "BTreeMap<counted_types::Id, counted_types::Wide>", || {
        let all: BTreeMap<Id, Wide> =
            (0..black_box(200)).map(|number| (Id(number), Wide([number; 8]))).collect();
        forget(black_box(all));
    }),
    ("Mutex<counted_types::Guarded>", "Arc<Mutex<counted_types::Guarded>>", || {
        (0..30).for_each(|number| forget(black_box(Arc::new(Mutex::new(Guarded([number; 6]))))));
    }),
    ("RefCell<counted_types::Inner>", "Rc<RefCell<counted_types::Inner>>", || {
        (0..30).for_each(|number| forget(black_box(Rc::new(RefCell::new(Inner([number; 13]))))));
    }),
    ("counted_types::Square", "Box<counted_types::Square>", || {
        (0..30).for_each(|number| {
            let shape: Box<dyn Shape> = Box::new(Square([number; 15]));
            forget(black_box(shape));
        });
    }),
];

#[inline(never)]
fn fill() {
    for (at, (.., allocate)) in KINDS.iter().enumerate() {
        CURRENT.store(at + 1, Relaxed);
        allocate();
        CURRENT.store(0, Relaxed);
    }
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else { return ExitCode::from(2) };
    fill();
    for (at, (name, container, _)) in KINDS.iter().enumerate() {
        println!("{name}\t{container}\t{}\t{}", BYTES[at + 1].load(Relaxed), BLOCKS[at + 1].load(Relaxed));
    }
    match highwater::Snapshot::capture().and_then(|snapshot| snapshot.write(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
