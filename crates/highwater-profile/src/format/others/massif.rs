//! massif's output (valgrind): the bytes of each allocating stack, at the peak and at the end.
//!
//! ```text
//! desc: --massif-out-file=massif.out
//! cmd: ./demo
//! time_unit: i
//! #-----------
//! snapshot=2
//! #-----------
//! time=247805
//! mem_heap_B=38376
//! mem_heap_extra_B=25584
//! mem_stacks_B=0
//! heap_tree=peak
//! n2: 38376 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
//!  n0: 37000 0x109187: grab (demo.c:15)
//!  n0: 1376 in 5 places, all below massif's threshold (1.00%)
//! ```
//!
//! A tree goes from the allocating function to its callers, and a line has what all below it hold. Of the
//! snapshots the peak is read; if the last one has a tree, too, it is what was live at the end.

use super::frame_text::FrameText;
use super::places::Places;
use super::text::{TextLine, cut_off, lines};
use crate::format::list::Format;
use crate::format::others::beginning::head;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::source::{Missing, Source};

/// Positions of the columns.
const PEAK: usize = 0;
const LIVE: usize = 1;

/// What stands for callers that massif has added up because each of them holds little.
const BELOW: &str = "[below massif's threshold]";

/// A snapshot: where its lines are, and what it holds.
#[derive(Clone, Copy, Debug, Default)]
struct Snapshot {
    /// Number of the line on which its tree begins; 0 without one.
    tree: u64,
    heap_bytes: i64,
    extra_bytes: i64,
    stack_bytes: i64,
    is_peak: bool,
}

/// Decodes massif's output.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let (snapshots, comments) = survey(bytes)?;
    let has_tree = |it: &&Snapshot| it.tree != 0;
    let largest = || snapshots.iter().filter(has_tree).max_by_key(|it| it.heap_bytes);
    let peak = snapshots.iter().filter(has_tree).find(|it| it.is_peak).or_else(largest);
    let peak = peak.ok_or_else(|| cut_off(Format::Massif, bytes, "a snapshot with its tree"))?;
    let last = snapshots.last().filter(has_tree).filter(|it| it.tree != peak.tree);

    let mut kinds = vec![ValueType::new("peak_space", "bytes")];
    kinds.extend(last.map(|_| ValueType::new("inuse_space", "bytes")));
    let mut profile = Profile::new(kinds);
    profile.default_sample_type = Some(PEAK);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 1;
    profile.comments = comments;
    profile.comments.push(format!(
        "beside the {} bytes of the peak: {} of the allocator's own, {} of stacks",
        peak.heap_bytes, peak.extra_bytes, peak.stack_bytes
    ));
    profile.source = Source { producer: Some("massif".to_owned()), ..Source::of(Format::Massif) };
    for missing in [Missing::Blocks, Missing::AllocatedTotals, Missing::LiveTotals] {
        if missing != Missing::LiveTotals || last.is_none() {
            profile.source.lacks(missing);
        }
    }
    let mut reader = Trees { profile, places: Places::default(), limits, bytes };
    reader.tree(peak.tree, PEAK)?;
    if let Some(last) = last {
        reader.tree(last.tree, LIVE)?;
    }
    Ok(reader.profile)
}

/// All snapshots, and what the file says of itself.
fn survey(bytes: &[u8]) -> Result<(Vec<Snapshot>, Vec<String>), ReadError> {
    let (mut snapshots, mut comments) = (Vec::new(), Vec::new());
    for line in lines(Format::Massif, bytes) {
        let text = line.text()?;
        let Some((key, value)) = text.split_once('=').filter(|it| it.0.bytes().all(is_key)) else {
            if let Some(command) = text.strip_prefix("cmd: ") {
                comments.push(format!("command: {command}"));
            }
            continue;
        };
        if key == "snapshot" {
            snapshots.push(Snapshot::default());
        }
        let Some(snapshot) = snapshots.last_mut() else { continue };
        let number = || line.count(key, value.trim());
        match key {
            "mem_heap_B" => snapshot.heap_bytes = number()?,
            "mem_heap_extra_B" => snapshot.extra_bytes = number()?,
            "mem_stacks_B" => snapshot.stack_bytes = number()?,
            "heap_tree" if value.trim() != "empty" => {
                snapshot.is_peak = value.trim() == "peak";
                snapshot.tree = line.number + 1;
            }
            _ => {}
        }
    }
    Ok((snapshots, comments))
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// A line of a tree.
struct Node<'a> {
    depth: usize,
    children: i64,
    bytes: i64,
    text: &'a str,
}

impl<'a> Node<'a> {
    /// ` n2: 38376 0x109187: grab (demo.c:15)`, indented by its depth.
    fn parse(line: &TextLine<'a>) -> Result<Self, ReadError> {
        let text = line.text()?;
        let rest = text.trim_start_matches(' ');
        let depth = text.len() - rest.len();
        let expected = || line.wrong("a line of a tree, `n1: 24 …`, was expected");
        let (children, rest) =
            rest.strip_prefix('n').and_then(|it| it.split_once(": ")).ok_or_else(expected)?;
        let (bytes, text) = rest.split_once(' ').unwrap_or((rest, ""));
        line.check_depth(depth)?;
        Ok(Self {
            depth,
            children: line.count("the number of callers", children)?,
            bytes: line.count("the number of bytes", bytes)?,
            text,
        })
    }
}

/// A node whose callers are being read.
struct Open {
    location: Option<LocationId>,
    /// Callers that are still to come.
    children: i64,
    /// Bytes that no caller so far has.
    left: i64,
}

struct Trees<'a> {
    profile: Profile,
    places: Places,
    limits: &'a Limits,
    bytes: &'a [u8],
}

impl Trees<'_> {
    /// Reads the tree that begins on a line into a column.
    fn tree(&mut self, from: u64, column: usize) -> Result<(), ReadError> {
        let all = self.bytes;
        let mut path: Vec<Open> = Vec::new();
        for line in lines(Format::Massif, all).skip_while(|it| it.number < from) {
            let node = Node::parse(&line)?;
            if node.depth != path.len() {
                return Err(line.wrong("the line is indented by another depth than its place in the tree"));
            }
            if let Some(parent) = path.last_mut() {
                parent.children -= 1;
                parent.left -= node.bytes;
                if parent.left < 0 {
                    return Err(line.wrong("callers hold more than what they call"));
                }
            }
            let location = (node.depth > 0).then(|| self.location(node.text));
            path.push(Open { location, children: node.children, left: node.bytes });
            while path.last().is_some_and(|it| it.children <= 0) {
                self.close(&mut path, column);
            }
            if path.is_empty() {
                return Ok(());
            }
            let used = all.len() as u64 + self.profile.heap_bytes() + self.places.heap_bytes();
            self.limits.check(used)?;
        }
        Err(cut_off(Format::Massif, all, "the end of a tree"))
    }

    fn location(&mut self, text: &str) -> LocationId {
        let is_rest = text.starts_with("in ") && text.contains("below massif's threshold");
        let frame = if is_rest {
            FrameText { function: BELOW, ..FrameText::default() }
        } else {
            FrameText::parse(text)
        };
        self.places.location(&mut self.profile, &frame)
    }

    /// Adds what the last node has of its own.
    fn close(&mut self, path: &mut Vec<Open>, column: usize) {
        let stack: Vec<LocationId> = path.iter().filter_map(|it| it.location).collect();
        let Some(node) = path.pop() else { return };
        if node.left > 0 {
            let mut values = vec![0; self.profile.sample_types().len()];
            values[column] = node.left;
            self.profile.samples.push(&stack, &values, &[]);
        }
    }
}

/// Whether a file is one of these: it begins with how massif was called, what it watched and what its times
/// are.
pub(super) fn detect(text: &[u8]) -> bool {
    let head = head(text);
    let has_line = |start: &[u8]| head.split(|&byte| byte == b'\n').any(|it| it.starts_with(start));
    text.starts_with(b"desc:") && has_line(b"cmd:") && has_line(b"time_unit:")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
desc: --massif-out-file=massif.out
cmd: ./demo
time_unit: i
#-----------
snapshot=0
#-----------
time=1
mem_heap_B=100
mem_heap_extra_B=8
mem_stacks_B=0
heap_tree=peak
n3: 100 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n1: 60 0x10: grab (demo.c:15)
  n0: 50 0x20: main (demo.c:40)
 n0: 30 0x30: ??? (in /lib/x.so)
 n0: 10 in 5 places, all below massif's threshold (1.00%)
#-----------
snapshot=1
#-----------
time=2
mem_heap_B=7
mem_heap_extra_B=8
mem_stacks_B=0
heap_tree=detailed
n1: 7 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n0: 7 0x10: grab (demo.c:15)
";

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn the_peak_and_the_end_are_read() {
        let profile = read(OUTPUT).unwrap();
        assert_eq!([0, 1].map(|column| profile.samples.total(column)), [100, 7]);
        let rows: Vec<(usize, i64)> =
            profile.samples.iter().map(|it| (it.stack.len(), it.values[0])).collect();
        assert_eq!(rows, [(2, 50), (1, 10), (1, 30), (1, 10), (1, 0)]);
        assert_eq!(profile.string(profile.functions()[0].name), "grab");
        assert_eq!(profile.comments[0], "command: ./demo");
        // Without a tree at the end that is not known.
        let without = OUTPUT.split("#-----------\nsnapshot=1").next().unwrap();
        let profile = read(without).unwrap();
        assert_eq!((profile.sample_types().len(), profile.samples.total(0)), (1, 100));
        assert!(profile.source.missing.contains(&Missing::LiveTotals));
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |from: &str, to: &str| read(&OUTPUT.replace(from, to)).unwrap_err().to_string();
        assert!(message("n0: 50", "n0: 61").contains("line 14: callers hold more than what they call"));
        assert!(message("  n0: 50", "n0: 50").contains("line 14: the line is indented by another depth"));
        assert!(message("n1: 60 ", "m1: 60 ").contains("line 13: a line of a tree"));
        assert!(message("mem_heap_B=100", "mem_heap_B=x").contains("line 8: mem_heap_B is `x`"));
        let cut = read(&OUTPUT[..OUTPUT.len() - 30]).unwrap_err().to_string();
        assert!(cut.contains("it may be cut off") || cut.contains("was expected"), "{cut}");
        assert!(read("desc: x\ncmd: y\n").unwrap_err().to_string().contains("a snapshot with its tree"));
    }
}
