//! Models of the lock-free parts, through whose every interleaving loom goes; see [`crate::sync`].
//!
//! Each says what must hold in words of its own trait, which the real part implements, and so does a broken
//! one: a model that does not find the fault planted there shows nothing about the real one.

use core::ptr;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use loom::thread;

use crate::address_cache::AddressCache;
use crate::arena::Arena;
use crate::chain::ChainTable;
use crate::spin::SpinLock;

/// Goes through all runs in which the threads are interrupted up to three times where they did not ask for
/// it.
fn every_run(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = runs.clone();
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs >= 100, "a model that knows {runs} runs has no interleavings to speak of");
}

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

// A table that only grows.

/// A value whose reads loom compares with its write.
struct Value(UnsafeCell<u64>);

// SAFETY: a value is not changed after it was made; that it is not read before is what the model shows.
unsafe impl Sync for Value {}

impl Value {
    fn new(value: u64) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn get(&self) -> u64 {
        // SAFETY: nobody writes to a value.
        self.0.with(|value| unsafe { *value })
    }
}

trait Table: Sync + 'static {
    /// The entry with this value, which is added if there is none.
    fn entry(&'static self, value: u64) -> &'static Value;
    fn values(&'static self) -> Vec<u64>;
}

type OneBucket = ChainTable<Value, 1>;

impl Table for OneBucket {
    fn entry(&'static self, value: u64) -> &'static Value {
        self.get_or_add(0, |it| it.get() == value, || Some(Value::new(value))).expect("there is memory")
    }

    fn values(&'static self) -> Vec<u64> {
        self.iter().map(Value::get).collect()
    }
}

/// Two threads add one value that they share and one each has for itself, while a third reads.
fn adders_agree_and_lose_nothing<T: Table>(new: fn() -> T) -> impl Fn() + Sync + Send + 'static {
    move || {
        let table = leaked(new());
        let add = |own: u64| thread::spawn(move || [table.entry(7), table.entry(own)].map(ptr::from_ref));
        table.entry(8);
        let (one, two) = (add(1), add(2));
        assert!(table.values().iter().all(|it| [1, 2, 7, 8].contains(it)));
        let [[shared_one, _], [shared_two, _]] =
            [one, two].map(|it| it.join().expect("no panic").map(<*const _>::addr));
        assert_eq!(shared_one, shared_two, "table: equal values are one entry");
        let mut values = table.values();
        values.sort_unstable();
        assert_eq!(values, [1, 2, 7, 8], "table: nothing is lost");
    }
}

/// The table with faults: publishes by a plain store, or by an exchange that does not publish what is behind
/// it.
struct BrokenTable {
    head: AtomicPtr<BrokenEntry>,
    by_store: bool,
}

struct BrokenEntry {
    value: Value,
    next: *const BrokenEntry,
}

impl BrokenTable {
    fn entries(&'static self, mut next: *const BrokenEntry) -> impl Iterator<Item = &'static BrokenEntry> {
        core::iter::from_fn(move || {
            // SAFETY: null, or an entry that stays for ever.
            let entry: &'static BrokenEntry = unsafe { next.as_ref() }?;
            next = entry.next;
            Some(entry)
        })
    }
}

impl Table for BrokenTable {
    fn entry(&'static self, value: u64) -> &'static Value {
        loop {
            let first = self.head.load(Ordering::Acquire);
            if let Some(entry) = self.entries(first).find(|it| it.value.get() == value) {
                return &entry.value;
            }
            let fresh = leaked(BrokenEntry { value: Value::new(value), next: first });
            let published = ptr::from_ref(fresh).cast_mut();
            if self.by_store {
                self.head.store(published, Ordering::Release);
                return &fresh.value;
            }
            let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
            if self.head.compare_exchange(first, published, success, failure).is_ok() {
                return &fresh.value;
            }
        }
    }

    fn values(&'static self) -> Vec<u64> {
        self.entries(self.head.load(Ordering::Acquire)).map(|it| it.value.get()).collect()
    }
}

#[test]
fn a_table_loses_nothing_and_adds_nothing_twice() {
    every_run(adders_agree_and_lose_nothing(OneBucket::new));
}

#[test]
#[should_panic(expected = "table: ")]
fn a_table_that_publishes_by_a_plain_store_is_found() {
    every_run(adders_agree_and_lose_nothing(|| BrokenTable {
        head: AtomicPtr::new(ptr::null_mut()),
        by_store: true,
    }));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_table_whose_entries_can_be_seen_before_they_are_written_is_found() {
    every_run(adders_agree_and_lose_nothing(|| BrokenTable {
        head: AtomicPtr::new(ptr::null_mut()),
        by_store: false,
    }));
}

// The arena.

/// Gives out pieces of memory of this size that nobody else has.
trait Pieces: Sync + Send + 'static {
    /// Address of a piece of [`PIECE`] bytes.
    fn piece(&self) -> usize;
}

/// Two of them fit into a chunk of a model, with its head; three do not.
const PIECE: usize = 160;

impl Pieces for Arena {
    fn piece(&self) -> usize {
        self.reserve(PIECE, 16).expect("there is memory").as_ptr().addr()
    }
}

/// Two threads take more pieces than a chunk has, so that it is replaced under their hands.
fn pieces_do_not_overlap<P: Pieces>(new: fn() -> P) -> impl Fn() + Sync + Send + 'static {
    move || {
        let pieces = Arc::new(new());
        let taker = |pieces: Arc<P>| thread::spawn(move || [pieces.piece(), pieces.piece()]);
        let (one, two) = (taker(pieces.clone()), taker(pieces));
        let mut taken = [one, two].map(|it| it.join().expect("no panic")).concat();
        taken.sort_unstable();
        assert!(taken.windows(2).all(|it| it[0] + PIECE <= it[1]), "arena: {taken:?} overlap");
    }
}

/// Takes its pieces by a load and a store.
struct BrokenArena(AtomicUsize);

impl Pieces for BrokenArena {
    fn piece(&self) -> usize {
        let start = self.0.load(Ordering::Acquire);
        self.0.store(start + PIECE, Ordering::Release);
        start
    }
}

#[test]
fn an_arena_gives_nothing_out_twice_while_its_chunk_is_replaced() {
    every_run(pieces_do_not_overlap(Arena::new));
}

#[test]
#[should_panic(expected = "arena: ")]
fn an_arena_that_takes_by_a_load_and_a_store_is_found() {
    every_run(pieces_do_not_overlap(|| BrokenArena(AtomicUsize::new(0))));
}

// The lock that gives up.

trait Lock: Sync + Send + 'static {
    /// Runs `work` under the lock, or returns false when it cannot be had.
    fn with(&self, work: impl FnOnce()) -> bool;
}

impl Lock for SpinLock<()> {
    fn with(&self, work: impl FnOnce()) -> bool {
        self.lock().map(|_held| work()).is_some()
    }
}

/// A cell that several threads write to. Loom notices when they do so at once.
struct Shared(UnsafeCell<u64>);

// SAFETY: that only one thread at a time uses it is what the model shows.
unsafe impl Sync for Shared {}
// SAFETY: the cell holds a number.
unsafe impl Send for Shared {}

impl Shared {
    fn add_one(&self) {
        // SAFETY: as above; loom ends the run when it is not so.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }
}

fn one_at_a_time<L: Lock>(new: fn() -> L) -> impl Fn() + Sync + Send + 'static {
    move || {
        let lock = Arc::new((new(), Shared(UnsafeCell::new(0))));
        let adder = |lock: Arc<(L, Shared)>| {
            thread::spawn(move || (0..2).filter(|_| lock.0.with(|| lock.1.add_one())).count() as u64)
        };
        let (one, two) = (adder(lock.clone()), adder(lock.clone()));
        let added: u64 = [one, two].map(|it| it.join().expect("no panic")).iter().sum();
        assert!(added >= 2, "lock: somebody always gets it");
        // SAFETY: both threads have ended.
        assert_eq!(lock.1.0.with(|value| unsafe { *value }), added, "lock: an addition is lost");
    }
}

/// Looks whether it is free, and takes it: two steps.
struct BrokenLock(AtomicBool);

impl Lock for BrokenLock {
    fn with(&self, work: impl FnOnce()) -> bool {
        if self.0.load(Ordering::Acquire) {
            return false;
        }
        self.0.store(true, Ordering::Relaxed);
        work();
        self.0.store(false, Ordering::Release);
        true
    }
}

#[test]
fn a_lock_lets_one_in_at_a_time() {
    every_run(one_at_a_time(|| SpinLock::new(())));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_lock_that_looks_and_then_takes_is_found() {
    every_run(one_at_a_time(|| BrokenLock(AtomicBool::new(false))));
}

// The cache of values by address.

trait Cache: Sync + Send + 'static {
    fn put(&self, address: usize, value: u64);
    fn get(&self, address: usize) -> Option<u64>;
}

/// As wide as the values of the recorder's, which are rules for unwinding.
type RealCache = AddressCache<34>;

impl Cache for RealCache {
    fn put(&self, address: usize, value: u64) {
        Self::put(self, address, value);
    }

    fn get(&self, address: usize) -> Option<u64> {
        Some(self.look(address)).filter(|it| Self::is_value(*it))
    }
}

/// Addresses that fall on one entry of a cache with two.
const ADDRESSES: [usize; 2] = [4, 8];

/// The value that belongs to an address of the model.
fn value_of(address: usize) -> u64 {
    address as u64 * 8 + 1
}

/// Two addresses that share an entry are written by a thread each, and looked for by a third.
fn an_address_has_its_own_value_or_none<C: Cache>(new: fn() -> C) -> impl Fn() + Sync + Send + 'static {
    move || {
        let cache = Arc::new(new());
        let writers = ADDRESSES.map(|address| {
            let cache = cache.clone();
            thread::spawn(move || {
                cache.put(address, value_of(address));
                assert!(cache.get(address).is_none_or(|it| it == value_of(address)), "cache: torn");
            })
        });
        for address in ADDRESSES {
            assert!(cache.get(address).is_none_or(|it| it == value_of(address)), "cache: torn");
        }
        writers.into_iter().for_each(|it| it.join().expect("no panic"));
        assert!(ADDRESSES.iter().any(|&it| cache.get(it).is_some()), "cache: what was written last is there");
        assert!(!ADDRESSES.iter().all(|&it| cache.get(it).is_some()), "cache: the addresses do not meet");
    }
}

/// Keeps the address and the value in a word each.
struct BrokenCache([AtomicU64; 2]);

impl Cache for BrokenCache {
    fn put(&self, address: usize, _: u64) {
        self.0[0].store(address as u64, Ordering::Release);
        self.0[1].store(address as u64, Ordering::Release);
    }

    fn get(&self, address: usize) -> Option<u64> {
        (self.0[0].load(Ordering::Acquire) == address as u64)
            .then(|| value_of(self.0[1].load(Ordering::Acquire) as usize))
    }
}

#[test]
fn a_cached_value_is_never_that_of_another_address() {
    every_run(an_address_has_its_own_value_or_none(RealCache::new));
}

#[test]
#[should_panic(expected = "cache: torn")]
fn a_cache_in_two_words_is_found() {
    every_run(an_address_has_its_own_value_or_none(|| BrokenCache([AtomicU64::new(0), AtomicU64::new(0)])));
}
