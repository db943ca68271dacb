//! What leak checkers report: blocks that are live at the end, and in which way they are lost.

use super::frame_text::FrameText;
use super::places::Places;
use super::text::TextLine;
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::source::{Missing, Source};

/// A profile in the making: live blocks and bytes, and the same for each way in which they can be lost.
pub(super) struct Report {
    profile: Profile,
    places: Places,
    ways: usize,
    /// Blocks and bytes that were reported with a stack, by the way they are lost.
    found: Vec<[i64; 2]>,
}

impl Report {
    /// A report without rows. `ways` are names such as `definitely_lost`.
    pub fn new(format: Format, producer: &str, ways: &[&str]) -> Self {
        let kinds = std::iter::once("inuse").chain(ways.iter().copied());
        let types = kinds.flat_map(|kind| {
            [
                ValueType::new(format!("{kind}_objects"), "count"),
                ValueType::new(format!("{kind}_space"), "bytes"),
            ]
        });
        let mut profile = Profile::new(types.collect());
        profile.default_sample_type = Some(1);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
        profile.source = Source { producer: Some(producer.to_owned()), ..Source::of(format) };
        profile.source.lacks(Missing::AllocatedTotals);
        profile.source.lacks(Missing::PeakTotals);
        Self { profile, places: Places::default(), ways: ways.len(), found: vec![[0; 2]; ways.len()] }
    }

    /// The location of a frame.
    pub fn location(&mut self, frame: &FrameText<'_>) -> LocationId {
        self.places.location(&mut self.profile, frame)
    }

    /// Adds blocks of one stack that are lost in the `way`th way.
    pub fn push(&mut self, way: usize, blocks: i64, bytes: i64, stack: &[LocationId]) {
        let mut values = vec![0; 2 + 2 * self.ways];
        (values[0], values[1]) = (blocks, bytes);
        (values[2 + 2 * way], values[3 + 2 * way]) = (blocks, bytes);
        self.profile.samples.push(stack, &values, &[]);
        let found = &mut self.found[way];
        *found = [found[0].saturating_add(blocks), found[1].saturating_add(bytes)];
    }

    /// Adds what the summary has beyond what was reported with a stack, in a row without frames.
    pub fn complete(&mut self, way: usize, blocks: i64, bytes: i64) {
        let [found_blocks, found_bytes] = self.found[way];
        if bytes > found_bytes {
            self.push(way, blocks.saturating_sub(found_blocks).max(0), bytes - found_bytes, &[]);
        }
    }

    /// Blocks and bytes that were reported, in all ways.
    pub fn reported(&self) -> [i64; 2] {
        self.found
            .iter()
            .fold([0; 2], |sum: [i64; 2], it| [sum[0].saturating_add(it[0]), sum[1].saturating_add(it[1])])
    }

    /// Adds live blocks whose stack is unknown, and how they are lost as well.
    pub fn push_unlisted(&mut self, blocks: i64, bytes: i64) {
        let mut values = vec![0; 2 + 2 * self.ways];
        (values[0], values[1]) = (blocks, bytes);
        self.profile.samples.push(&[], &values, &[]);
    }

    /// Says whether reading may go on.
    ///
    /// # Errors
    /// When it takes more memory than allowed.
    pub fn check(&self, limits: &Limits, bytes: &[u8]) -> Result<(), ReadError> {
        limits.check(bytes.len() as u64 + self.profile.heap_bytes() + self.places.heap_bytes())
    }

    /// A remark for people.
    pub fn remark(&mut self, text: String) {
        self.profile.comments.push(text);
    }

    pub fn finish(self) -> Profile {
        self.profile
    }
}

/// A number with separators: `12,345`.
///
/// # Errors
/// When it is anything else.
pub(super) fn grouped(line: &TextLine<'_>, what: &str, text: &str) -> Result<i64, ReadError> {
    line.count(what, &text.replace(',', ""))
}

/// A leak checker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Checker {
    LeakSanitizer,
    Memcheck,
}

/// The checker whose lines stand first in a text. Leak checkers write among what the program itself does.
pub(super) fn checker(text: &[u8]) -> Option<Checker> {
    const MOST: usize = 1 << 20;
    text[..text.len().min(MOST)].split(|&byte| byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let ends = |end: &[u8]| line.starts_with(b"==") && line.ends_with(end);
        let is_leak = |start: &[u8]| line.starts_with(start) && line.ends_with(b"allocated from:");
        if ends(b"ERROR: LeakSanitizer: detected memory leaks") || is_leak(b"Direct leak of ") {
            Some(Checker::LeakSanitizer)
        } else if ends(b"Memcheck, a memory error detector")
            || ends(b"HEAP SUMMARY:")
            || ends(b"LEAK SUMMARY:")
        {
            Some(Checker::Memcheck)
        } else {
            None
        }
    })
}
