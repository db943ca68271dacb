//! Reads DHAT files.
//!
//! The table of frames stands behind the rows that refer to it. So the text is gone over three times, for
//! what it says of itself, for the frames and for the rows, and no row is in memory but in the profile.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::schema::{ACCESSES, ALLOCATED, COMMAND, Column, LIFETIME, MAXIMUM, MOMENTS, TIME_UNITS, VERSION};
use crate::format::list::Format;
use crate::format::others::beginning::{head, holds};
use crate::format::others::frame_text::FrameText;
use crate::format::others::json::{self, Count, Refusal};
use crate::limits::Limits;
use crate::location::{Line, Location, LocationId, Mapping, MappingId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::source::{Missing, Source};

/// All of a file but its tables.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    /// Rows have moments and maxima.
    bklt: bool,
    /// Rows have accesses.
    bkacc: bool,
    /// What is summed in place of bytes.
    #[serde(borrow)]
    bsu: Option<Cow<'a, str>>,
    /// What is counted in place of blocks.
    #[serde(borrow)]
    bksu: Option<Cow<'a, str>>,
    /// Unit of times.
    #[serde(borrow)]
    tu: Cow<'a, str>,
    #[serde(borrow)]
    cmd: Cow<'a, str>,
    pid: Option<u64>,
    /// The end.
    te: Option<Count>,
    /// The peak.
    tg: Option<Count>,
    #[serde(rename = "pps")]
    _rows: IgnoredAny,
    #[serde(rename = "ftbl")]
    _frames: IgnoredAny,
    #[serde(borrow)]
    highwater: Option<Own<'a>>,
}

/// What our own files say more.
#[derive(Deserialize)]
struct Own<'a> {
    /// Kind of what `tbk` holds.
    #[serde(borrow)]
    tbk: Cow<'a, str>,
    /// Kind of what `tb` holds.
    #[serde(borrow)]
    tb: Cow<'a, str>,
    /// Unit of `tb`.
    #[serde(borrow)]
    unit: Cow<'a, str>,
    /// Whether the peak was recorded; otherwise the end stands in its place.
    peak: bool,
    /// Whether maxima were recorded; otherwise the largest known moment stands in their place.
    max: bool,
}

/// A row.
#[derive(Deserialize)]
struct Row {
    tb: Count,
    tbk: Count,
    tl: Option<Count>,
    mb: Option<Count>,
    mbk: Option<Count>,
    gb: Option<Count>,
    gbk: Option<Count>,
    eb: Option<Count>,
    ebk: Option<Count>,
    rb: Option<Count>,
    wb: Option<Count>,
    /// Positions in the table of frames, leaf first.
    fs: Vec<u32>,
}

impl Row {
    fn field(&self, name: &str) -> Option<i64> {
        let count = match name {
            "tb" => Some(self.tb),
            "tbk" => Some(self.tbk),
            "tl" => self.tl,
            "mb" => self.mb,
            "mbk" => self.mbk,
            "gb" => self.gb,
            "gbk" => self.gbk,
            "eb" => self.eb,
            "ebk" => self.ebk,
            "rb" => self.rb,
            "wb" => self.wb,
            _ => None,
        };
        count.map(|it| it.0)
    }
}

/// Reads the text of a DHAT file.
///
/// # Errors
/// When it is no such file, or takes more memory than allowed.
pub(in crate::format::others) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let head: Head<'_> = json::parse(Format::Dhat, bytes)?;
    if head.version != VERSION {
        return Err(ReadError::Line {
            format: Format::Dhat.title(),
            line: 1,
            reason: format!(
                "`dhatFileVersion` is {}, and version {VERSION} is the one that is read",
                head.version
            ),
        });
    }
    let (types, fields) = columns(&head);
    let mut profile = Profile::new(types);
    profile.default_sample_type = profile.sample_type("inuse_space").or(profile.sample_type("alloc_space"));
    describe(&head, &mut profile);

    let mut frames = Frames::new(head.mode.starts_with("rust"));
    let used = |profile: &Profile, frames: &Frames| {
        limits.check(bytes.len() as u64 + profile.heap_bytes() + frames.heap_bytes())
    };
    json::each(Format::Dhat, bytes, &["ftbl"], |text: Cow<'_, str>| {
        frames.add(&mut profile, &text);
        Ok(used(&profile, &frames)?)
    })?;
    let (mut stack, mut values) = (Vec::new(), Vec::new());
    json::each(Format::Dhat, bytes, &["pps"], |row: Row| {
        values.clear();
        for field in &fields {
            let value = row.field(field);
            values.push(value.ok_or_else(|| Refusal::Reason(format!("this row of `pps` has no `{field}`")))?);
        }
        frames.stack(&mut profile, &row.fs, &mut stack)?;
        profile.samples.push(&stack, &values, &[]);
        Ok(used(&profile, &frames)?)
    })?;
    if profile.functions().iter().all(|it| profile.string(it.file).is_empty()) {
        profile.source.lacks(Missing::Lines);
    }
    Ok(profile)
}

/// The columns of a file, and the field of a row that each one is read from.
fn columns(head: &Head<'_>) -> (Vec<ValueType>, Vec<&'static str>) {
    let totals = |blocks: &str, bytes: &str, unit: &str| {
        [(ValueType::new(blocks, "count"), "tbk"), (ValueType::new(bytes, unit), "tb")]
    };
    let of = |column: &Column| (column.value_type(), column.field);
    let mut columns = match (&head.highwater, &*head.mode) {
        (Some(own), _) => totals(&own.tbk, &own.tb, &own.unit).to_vec(),
        (None, "ad-hoc" | "rust-ad-hoc") => {
            let unit = head.bsu.as_deref().unwrap_or("units");
            totals(head.bksu.as_deref().unwrap_or("events"), unit, unit).to_vec()
        }
        (None, "copy") => totals("copy_objects", "copy_space", "bytes").to_vec(),
        (None, _) => ALLOCATED.iter().map(of).collect(),
    };
    let (peak, max) = head.highwater.as_ref().map_or((true, true), |own| (own.peak, own.max));
    if head.bklt {
        let moments = MOMENTS.iter().filter(|it| peak || !it.kind.starts_with("peak"));
        columns.extend(moments.chain(MAXIMUM.iter().filter(|_| max)).map(of));
        if head.highwater.is_none() {
            columns.push((ValueType::new(LIFETIME, time_unit(&head.tu)), "tl"));
        }
    }
    if head.bkacc {
        columns.extend(ACCESSES.iter().map(of));
    }
    columns.into_iter().unzip()
}

/// pprof's word for a unit of time, where it has one.
fn time_unit(unit: &str) -> &str {
    TIME_UNITS.iter().find(|(dhat, _)| *dhat == unit).map_or(unit, |(_, pprof)| pprof)
}

/// What a file says of the process and of itself.
fn describe(head: &Head<'_>, profile: &mut Profile) {
    let producer = match &*head.mode {
        _ if head.highwater.is_some() => "highwater",
        mode if mode.starts_with("rust") => "dhat-rs",
        _ => "valgrind dhat",
    };
    profile.source = Source { producer: Some(producer.to_owned()), ..Source::of(Format::Dhat) };
    let mut lacks = |what| profile.source.lacks(what);
    for what in [Missing::BlockSizes, Missing::Mappings, Missing::BuildIds, Missing::Time] {
        lacks(what);
    }
    if !head.bklt {
        lacks(Missing::LiveTotals);
    }
    if !head.bklt || head.highwater.as_ref().is_some_and(|own| !own.peak) {
        lacks(Missing::PeakTotals);
    }
    if head.highwater.is_none() && head.bsu.is_none() {
        // DHAT records every block.
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
    } else {
        lacks(Missing::SamplingInterval);
    }
    let end = head.te.map_or(0, |it| it.0);
    if time_unit(&head.tu) == "microseconds" {
        profile.duration_ns = end.saturating_mul(1000);
    } else if end > 0 {
        profile.comments.push(format!("ended after {end} {}", head.tu));
    }
    if let Some(Count(peak)) = head.tg {
        profile.comments.push(format!("peak after {peak} {}", head.tu));
    }
    if profile.duration_ns == 0 {
        profile.source.lacks(Missing::Duration);
    }
    profile.comments.push(format!("{COMMAND}{}", head.cmd));
    if let Some(pid) = head.pid {
        profile.comments.push(format!("process {pid}"));
    }
}

/// One entry of the table of frames.
struct Frame {
    address: u64,
    line: Option<Line>,
    mapping: Option<MappingId>,
}

/// The table of frames, and the locations made of them.
struct Frames {
    table: Vec<Frame>,
    /// The crate `dhat` writes the address behind a call, valgrind one within it, which is the model's.
    behind_call: bool,
    mappings: HashMap<String, MappingId>,
    locations: HashMap<Box<[u32]>, LocationId>,
    /// Frames in all keys of `locations` together.
    grouped: usize,
}

impl Frames {
    fn new(behind_call: bool) -> Self {
        Self {
            table: Vec::new(),
            behind_call,
            mappings: HashMap::new(),
            locations: HashMap::new(),
            grouped: 0,
        }
    }

    fn heap_bytes(&self) -> u64 {
        let bytes = self.table.capacity() * size_of::<Frame>()
            + self.locations.capacity() * size_of::<(Box<[u32]>, LocationId)>()
            + self.grouped * size_of::<u32>()
            + self.mappings.capacity() * size_of::<(String, MappingId)>();
        bytes as u64
    }

    fn add(&mut self, profile: &mut Profile, text: &str) {
        let frame = FrameText::parse(text);
        let line = (!frame.function.is_empty())
            .then(|| Line::new(profile.add_function(frame.function, frame.function, frame.file), frame.line));
        let mapping = (!frame.binary.is_empty()).then(|| match self.mappings.get(frame.binary) {
            Some(&id) => id,
            None => {
                let file = profile.strings.intern(frame.binary);
                let id = profile.add_mapping(Mapping { file, has_functions: true, ..Mapping::default() });
                self.mappings.insert(frame.binary.to_owned(), id);
                id
            }
        });
        let address = frame.address.saturating_sub(u64::from(self.behind_call));
        self.table.push(Frame { address, line, mapping });
    }

    /// The locations of a row's frames. Calls inlined into each other share an address, and are one location.
    fn stack(
        &mut self,
        profile: &mut Profile,
        frames: &[u32],
        stack: &mut Vec<LocationId>,
    ) -> Result<(), Refusal> {
        stack.clear();
        if frames.len() > Limits::MAX_STACK_FRAMES {
            return Err(Refusal::Reason(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES)));
        }
        if let Some(frame) = frames.iter().find(|&&it| it as usize >= self.table.len()) {
            return Err(Refusal::Reason(format!(
                "`fs` of this row has frame {frame}, and `ftbl` has {} frames",
                self.table.len()
            )));
        }
        let mut rest = frames;
        while !rest.is_empty() {
            let (group, behind) = rest.split_at(self.inlined(rest));
            rest = behind;
            let id = match self.locations.get(group) {
                Some(&id) => id,
                None => {
                    let id = profile.add_location(self.location(group));
                    self.locations.insert(group.into(), id);
                    self.grouped += group.len();
                    id
                }
            };
            stack.push(id);
        }
        Ok(())
    }

    /// How many of the first frames are one location. A frame that comes again is a recursion's next call.
    fn inlined(&self, frames: &[u32]) -> usize {
        /// More calls than any compiler inlines into one another, so that looking for repetitions stays
        /// cheap.
        const MOST: usize = 256;
        let first = &self.table[frames[0] as usize];
        if first.address == 0 || first.line.is_none() {
            return 1;
        }
        let joins = |position: usize| {
            let frame = &self.table[frames[position] as usize];
            frame.address == first.address
                && frame.line.is_some()
                && !frames[..position].contains(&frames[position])
        };
        (1..frames.len().min(MOST)).find(|&it| !joins(it)).unwrap_or(frames.len().min(MOST))
    }

    fn location(&self, group: &[u32]) -> Location {
        let frames = group.iter().map(|&it| &self.table[it as usize]);
        Location {
            mapping: frames.clone().find_map(|it| it.mapping),
            address: self.table[group[0] as usize].address,
            lines: frames.filter_map(|it| it.line).collect(),
            is_folded: false,
        }
    }
}

/// Whether a file is one of these, by a key that stands near its beginning.
pub(in crate::format::others) fn detect(json: &[u8]) -> bool {
    holds(head(json), b"\"dhatFileVersion\"")
}
