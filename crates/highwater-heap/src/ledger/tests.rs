//! Ledgers of this process, with planted causes.

use super::*;

fn of_kind(reading: &Reading, kind: Kind) -> u64 {
    reading.lines.iter().filter(|it| it.kind == kind).map(|it| it.resident_bytes).sum()
}

fn block(bytes: &[u8]) -> Block {
    Block { start: bytes.as_ptr().addr(), lead: 0, size: bytes.len(), probability: 1.0 }
}

/// Ledgers are compared, so nothing else may happen meanwhile.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn a_ledger_adds_up_and_names_who_keeps_empty_space() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = read(&Known::default()).unwrap();
    // One block in 16 stays alive: one on each page.
    let mut all: Vec<Option<Vec<u8>>> = (0..60_000).map(|_| Some(vec![1; 200])).collect();
    for (index, one) in all.iter_mut().enumerate() {
        if index % 16 != 0 {
            *one = None;
        }
    }
    let kept: Vec<&Vec<u8>> = all.iter().flatten().collect();
    let blocks: Vec<Block> = kept.iter().map(|it| block(it)).collect();
    let live_bytes = 200 * kept.len() as u64;
    let probe = blocks[0].start;
    let reading = read(&Known { blocks, live_bytes, probe, ..Known::default() }).unwrap();
    let sum: u64 = reading.lines.iter().map(|it| it.resident_bytes).sum();
    assert_eq!(sum, reading.resident_bytes);
    let held = of_kind(&reading, Kind::Held).saturating_sub(of_kind(&before, Kind::Held));
    let blamed: u64 = reading.blocks.iter().filter_map(|it| it.held_bytes).sum();
    // 15 of 16 blocks of 208 bytes are free.
    assert!((9 << 20..13 << 20).contains(&held), "{held} {:?}", reading.lines);
    assert!(blamed.abs_diff(held) < held / 10, "{blamed} of {held}");
    assert!(of_kind(&reading, Kind::Unnamed) < reading.resident_bytes / 30, "{:?}", reading.lines);
    assert!(reading.pause.is_some() && reading.notes.is_empty(), "{:?}", reading.notes);
}

#[test]
fn a_mapping_outside_of_the_allocator_has_a_line_of_its_own() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mapping = crate::child::Shared::new(24 << 20).unwrap();
    // SAFETY: the mapping has these bytes, and this test alone has it.
    unsafe { mapping.at::<u8>(0).write_bytes(1, 24 << 20) };
    let reading = read(&Known::default()).unwrap();
    // Other tests of this process run meanwhile, and the sum is made right at the largest line.
    assert!(of_kind(&reading, Kind::Shared) >= 23 << 20, "{:?}", reading.lines);
}

#[test]
fn untouched_pages_of_a_large_block_are_seen() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut large: Vec<u8> = Vec::with_capacity(64 << 20);
    large.resize(1 << 20, 1);
    let whole = Block { size: 64 << 20, ..block(&large) };
    let known = Known { blocks: vec![whole], live_bytes: 64 << 20, ..Known::default() };
    let reading = read(&known).unwrap();
    let untouched = reading.blocks[0].untouched_bytes;
    assert!((62 << 20..=63 << 20).contains(&untouched), "{untouched}");
    assert_eq!(reading.blocks[0].held_bytes, Some(0));
}

#[test]
fn a_line_that_is_too_large_says_so() {
    let line = |bytes| Line::counted(Kind::Live, "", bytes, "");
    let mut lines = vec![line(10), line(100)];
    balance(&mut lines, 90);
    assert_eq!(lines.iter().map(|it| it.resident_bytes).sum::<u64>(), 90);
    assert_eq!((lines[0].resident_bytes, lines[0].margin_bytes), (80, 20));
    balance(&mut lines, 95);
    assert_eq!((lines[2].kind, lines[2].resident_bytes), (Kind::Unnamed, 5));
}
