//! Ledgers, with their allocator as the global one.
#![cfg(unix)]

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;
use std::ptr;
use std::sync::mpsc;
use std::thread;

use highwater_ledger::{self as ledger, Alloc, Block, Heir, Ledger, SiteTotals, Totals};

#[global_allocator]
static ALLOC: Alloc = Alloc::new();

fn open(least_align: usize) -> Ledger {
    Ledger::open(least_align).expect("there is memory for a ledger")
}

fn blocks(ledger: &Ledger) -> Vec<Block> {
    let mut blocks = Vec::new();
    ledger.visit_blocks(|it| blocks.push(it));
    blocks.sort_by_key(Block::serial);
    blocks
}

fn sites(ledger: &Ledger) -> Vec<SiteTotals> {
    let mut sites = Vec::new();
    ledger.visit_sites(|it| sites.push(it));
    sites.sort_by_key(|it| it.alloc_bytes);
    sites
}

#[test]
fn blocks_are_counted_until_they_are_freed_wherever_that_is() {
    let ledger = open(1);
    let entered = ledger.enter();
    let first = black_box(Box::new([1_u8; 100]));
    let second = black_box(vec![2_u64; 10]);
    drop(black_box(Box::new([3_u8; 500])));
    drop(entered);
    let outside = Box::new([4_u8; 900]);
    let expected =
        Totals { alloc_blocks: 3, alloc_bytes: 680, live_blocks: 2, live_bytes: 180, peak_bytes: 680 };
    assert_eq!(ledger.totals(), expected);
    let live: Vec<_> = blocks(&ledger).iter().map(|it| (it.address, it.size_bytes, it.align)).collect();
    assert_eq!(live, [(ptr::from_ref(&*first).addr(), 100, 1), (second.as_ptr().addr(), 80, 8)]);
    thread::spawn(move || drop((first, second))).join().unwrap();
    assert_eq!((ledger.live_blocks(), ledger.totals().live_bytes, blocks(&ledger).len()), (0, 0, 0));
    drop(outside);
}

#[test]
fn a_block_is_looked_at_while_it_lives() {
    let ledger = open(1);
    let entered = ledger.enter();
    let block = black_box(Box::new([17_usize, 18]));
    drop(entered);
    let seen = blocks(&ledger)[0];
    assert!(seen.is_live());
    assert_eq!((seen.word(0), seen.word(size_of::<usize>())), (Some(17), Some(18)));
    assert_eq!((seen.word(1), seen.word(2 * size_of::<usize>()), seen.word(usize::MAX)), (None, None, None));
    drop(block);
    assert_eq!((seen.is_live(), seen.word(0)), (false, None));
}

#[test]
fn a_resized_block_is_another_one() {
    let ledger = open(1);
    let entered = ledger.enter();
    let layout = Layout::from_size_align(40, 8).unwrap();
    // SAFETY: the block is resized and freed with the layouts it has.
    unsafe {
        let block = realloc(alloc(layout), layout, 4_000);
        assert_eq!(ledger.totals().live_bytes, 4_000);
        assert!(
            realloc(block, Layout::from_size_align(4_000, 8).unwrap(), isize::MAX as usize - 64).is_null()
        );
        assert_eq!(
            (ledger.totals().alloc_blocks, ledger.totals().live_bytes),
            (2, 4_000),
            "it is still there"
        );
        // Outside, it is nobody's any more.
        let _paused = ledger::pause();
        let block = realloc(block, Layout::from_size_align(4_000, 8).unwrap(), 80);
        assert_eq!((ledger.live_blocks(), ledger.totals().peak_bytes), (0, 4_000));
        dealloc(block, Layout::from_size_align(80, 8).unwrap());
    }
    drop(entered);
}

#[test]
fn only_wanted_alignments_are_written_down() {
    #[repr(align(128))]
    struct Wide(#[expect(dead_code, reason = "its alignment is what counts")] [u8; 128]);
    let ledger = open(128);
    let entered = ledger.enter();
    let small = black_box(Box::new(1_u64));
    let wide = black_box(Box::new(Wide([0; 128])));
    assert_eq!(ledger.totals().alloc_blocks, 1);
    ledger.widen(1);
    let other = black_box(Box::new(2_u64));
    drop(entered);
    assert_eq!(ledger.live_blocks(), 2);
    drop((small, wide, other));
    assert_eq!(ledger.live_blocks(), 0);
}

#[test]
fn a_ledger_inside_of_another_is_part_of_it() {
    let outer = open(1);
    let in_outer = outer.enter();
    let inner = open(128);
    let in_inner = inner.enter();
    let kept = black_box(Box::new([0_u8; 10]));
    drop(in_inner);
    let also = black_box(Box::new([0_u8; 20]));
    drop(in_outer);
    drop(inner);
    assert_eq!(outer.totals().live_bytes, 30);
    let sizes: Vec<u64> = sites(&outer).iter().map(|it| it.alloc_bytes).collect();
    assert_eq!(sizes, [10, 20]);
    drop((kept, also));
    assert_eq!(outer.live_blocks(), 0);
}

#[test]
fn heirs_write_into_the_ledger_of_their_starter() {
    let ledger = open(1);
    let other = open(1);
    let entered = ledger.enter();
    let heir = ledger::current().unwrap().into_any();
    drop(entered);
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::spawn(move || {
        let heir = Heir::from_any(heir).expect("it is one");
        heir.enter();
        let kept = black_box(Box::new([0_u8; 33]));
        ledger::leave();
        heir.end();
        sender.send(kept).unwrap();
    });
    let kept = receiver.recv().unwrap();
    thread.join().unwrap();
    assert_eq!((ledger.totals().live_bytes, other.totals()), (33, Totals::default()));
    assert!(Heir::from_any(&7_u8).is_none());
    drop(kept);
}

#[test]
fn sites_are_told_apart_by_their_stacks() {
    let ledger = open(1);
    let entered = ledger.enter();
    let mut kept = Vec::with_capacity(4);
    for size in [1_u8, 2, 3] {
        kept.push(black_box(vec![size; 100]));
    }
    drop(entered);
    let sites = sites(&ledger);
    assert_eq!(sites.len(), 2, "the vector, and what is in it");
    assert_eq!((sites[1].alloc_blocks, sites[1].live_bytes), (3, 300));
    assert!(sites[1].stack.len() > 4, "{:?}", sites[1].stack);
}

#[test]
fn sites_hold_at_the_peak_what_they_held_then() {
    let ledger = open(1);
    ledger.watch_peak(1_000);
    let entered = ledger.enter();
    drop(black_box(vec![0_u8; 700]));
    let kept = black_box(Box::new([0_u8; 600]));
    drop(black_box(vec![0_u8; 3_000]));
    let later = black_box(Box::new([0_u8; 200]));
    drop(entered);
    let held: Vec<(u64, u64)> = sites(&ledger).iter().map(|it| (it.alloc_bytes, it.peak_bytes)).collect();
    assert_eq!(held, [(200, 0), (600, 600), (700, 0), (3_000, 3_000)]);
    assert_eq!(ledger.totals().peak_bytes, 3_600);
    drop((kept, later));
}

#[test]
fn a_ledger_that_is_opened_again_begins_with_nothing() {
    for round in 0..1_000 {
        let ledger = open(1);
        assert_eq!((ledger.totals(), sites(&ledger).len()), (Totals::default(), 0), "round {round}");
        let entered = ledger.enter();
        let kept = black_box(Box::new([0_u8; 10]));
        drop(entered);
        assert_eq!(ledger.totals().live_blocks, 1);
        if round % 2 == 0 {
            drop(kept);
        } else {
            // The ledger goes first: its blocks are freed behind it, and must not be missed by the next one.
            drop(ledger);
            drop(kept);
        }
    }
}

#[test]
fn threads_at_once_are_told_apart() {
    let threads: Vec<_> = (1..=4_u64)
        .map(|number| {
            thread::spawn(move || {
                let ledger = open(1);
                let entered = ledger.enter();
                for round in 0..2_000 {
                    let mut grows = Vec::new();
                    for value in 0..round % 50 {
                        grows.push(value);
                    }
                    drop(black_box(grows));
                }
                std::mem::forget(vec![0_u8; number as usize]);
                drop(entered);
                (number, ledger.totals().live_blocks, ledger.totals().live_bytes)
            })
        })
        .collect();
    for thread in threads {
        let (number, blocks, bytes) = thread.join().unwrap();
        assert_eq!((blocks, bytes), (1, number));
    }
}

/// The end of the first block changes the word of the second one.
#[test]
fn words_are_remembered_as_they_were_when_the_first_of_an_owner_ended() {
    #[repr(align(256))]
    struct Wide([usize; 4]);
    ledger::watch_ends(256, 0b0011, 0b0010);
    let ledger = open(256);
    let entered = ledger.enter();
    let block = |word, owner| black_box(Box::new(Wide([word, 0, 0, owner])));
    let (first, mut second, other) = (block(0xf02, 7), block(0xf00, 7), block(0xf06, 8));
    drop(entered);
    drop(first);
    second.0[0] = 0xf0e;
    drop(black_box(second));
    drop(other);
    let mut ended = Vec::new();
    ledger.visit_ended(|it| ended.push(it));
    ended.sort_by_key(|it| it.block.serial());
    let words: Vec<_> = ended.iter().map(|it| (it.words[0], it.word_before)).collect();
    assert_eq!(words, [(0xf02, None), (0xf0e, Some(0xf00)), (0xf06, None)]);
}

#[test]
fn the_end_of_a_block_is_remembered_if_its_word_says_so() {
    #[repr(align(256))]
    struct Wide(#[expect(dead_code, reason = "read as a word of memory")] [usize; 2]);
    /// Where it is freed.
    #[inline(never)]
    fn end(block: Box<Wide>) {
        drop(black_box(block));
    }
    ledger::watch_ends(256, 0b0011, 0b0010);
    let ledger = open(256);
    let entered = ledger.enter();
    let (wanted, other) = (black_box(Box::new(Wide([0xf06, 1]))), black_box(Box::new(Wide([0xf07, 1]))));
    drop(entered);
    let alive = blocks(&ledger);
    end(wanted);
    end(other);
    drop(black_box(Box::new(Wide([0xf06, 1]))));
    let mut ended = Vec::new();
    ledger.visit_ended(|it| ended.push(it));
    assert_eq!(ended.len(), 1, "one has another word, and one is in no ledger: {ended:?}");
    assert!(ledger::ended_blocks() >= 1);
    assert_eq!((ended[0].block.serial(), ended[0].words[0]), (alive[0].serial(), 0xf06));
    let place = (end as *const ()).addr();
    assert!(ended[0].end_stack.iter().any(|it| (place..place + 4096).contains(it)), "{ended:?}");
    drop(ledger);
    let mut left = 0;
    open(256).visit_ended(|_| left += 1);
    assert_eq!(left, 0, "a ledger that is closed leaves nothing behind");
}
