//! Makes profiles by hand.

use std::collections::HashMap;

use highwater_analyze::Query;
use highwater_profile::{
    Label, LabelValue, Line, Location, LocationId, Mapping, MappingId, Meta, Profile, ValueType,
};
use regex::Regex;

pub const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library";
pub const EXAMPLE: &str = "crates/highwater/examples/codeindex";

/// A profile of live blocks while it is made. A frame is written `function@file:line`, a file that begins with
/// `~` lies in the standard library.
pub struct Build {
    pub profile: Profile,
    program: MappingId,
    frames: HashMap<String, LocationId>,
    /// Added to every address, as the loader does.
    slide: u64,
}

impl Build {
    /// An empty profile with this sampling interval.
    pub fn new(interval: i64) -> Self {
        Self::sliding(interval, 0x5500_0000_0000)
    }

    /// As [`Build::new`], with all columns of the recorder: the snapshot with this number, taken after so many seconds.
    pub fn snapshot(interval: i64, epoch: i64, seconds: i64) -> Self {
        const STEMS: [&str; 5] = ["alloc", "inuse", "peak", "temp", "freed"];
        let columns = STEMS.map(|it| [(format!("{it}_objects"), "count"), (format!("{it}_space"), "bytes")]);
        let growth =
            [("realloc_objects", "count"), ("realloc_space", "bytes"), ("realloc_doublings", "count")];
        let growth = growth.map(|(kind, unit)| (kind.to_owned(), unit));
        let types = columns.into_iter().flatten().chain(growth);
        let types = types.map(|(kind, unit)| ValueType::new(kind, unit)).collect();
        let mut build = Self::with(types, interval, 0x5500_0000_0000);
        build.profile.default_sample_type = Some(3);
        build.profile.duration_ns = seconds * 1_000_000_000;
        build.profile.time_ns += build.profile.duration_ns;
        build.profile.meta = Some(Meta {
            format: Some(1),
            process: Some(7),
            epoch: Some(epoch),
            dropped_blocks: Some(0),
            ..Meta::default()
        });
        build
    }

    /// Adds a row of a snapshot with these values and numeric labels, by name; the stack is written leaf first.
    pub fn row(&mut self, stack: &[&str], values: &[(&str, i64)], labels: &[(&str, i64)]) -> &mut Self {
        let stack: Vec<LocationId> = stack.iter().map(|frame| self.location(&[frame])).collect();
        let mut row = vec![0; self.profile.sample_types().len()];
        for (kind, value) in values {
            row[self.profile.sample_type(kind).unwrap()] = *value;
        }
        let label = |(key, value): &(&str, i64)| {
            let key = self.profile.strings.intern(key);
            Label { key, value: LabelValue::Number(*value, key) }
        };
        let labels: Vec<Label> = labels.iter().map(label).collect();
        self.profile.samples.push(&stack, &row, &labels);
        self
    }

    /// As [`Build::new`], of a process in which the program lies elsewhere.
    pub fn sliding(interval: i64, slide: u64) -> Self {
        let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        Self::with(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec(), interval, slide)
    }

    fn with(types: Vec<ValueType>, interval: i64, slide: u64) -> Self {
        let mut profile = Profile::new(types);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = interval;
        profile.time_ns = 1_700_000_000_000_000_000;
        profile.meta = Some(Meta { rss_bytes: Some(1 << 20), ..Meta::default() });
        let (file, build_id) =
            (profile.strings.intern("/srv/app/codeindex"), profile.strings.intern("00ff17"));
        let program = profile.add_mapping(Mapping {
            start: slide + 0x1000,
            limit: slide + 0x10_0000,
            file_offset: 0x1000,
            file,
            build_id,
            ..Mapping::default()
        });
        Self { profile, program, frames: HashMap::new(), slide }
    }

    /// A location of these inlined frames, innermost first.
    pub fn location(&mut self, frames: &[&str]) -> LocationId {
        if let Some(&id) = self.frames.get(&frames.join("|")) {
            return id;
        }
        let lines = frames.iter().map(|frame| {
            let (function, position) = frame.split_once('@').unwrap_or((frame, ":0"));
            let (file, line) = position.rsplit_once(':').unwrap();
            let file = file.replace('~', &format!("{STD}/"));
            let function = self.profile.add_function(function, "", &file);
            Line::new(function, line.parse().unwrap())
        });
        let lines = lines.collect();
        let address = self.slide + 0x2000 + self.frames.len() as u64;
        let id = self.profile.add_location(Location { lines, ..Location::at(Some(self.program), address) });
        self.frames.insert(frames.join("|"), id);
        id
    }

    /// A location without symbols at this offset in the program's file.
    pub fn address(&mut self, offset: u64) -> LocationId {
        self.profile.add_location(Location::at(Some(self.program), self.slide + offset))
    }

    /// Adds live blocks of one size that were allocated by this stack, leaf first.
    pub fn live(&mut self, stack: &[&str], blocks: i64, size: i64) -> &mut Self {
        let stack: Vec<LocationId> = stack.iter().map(|frame| self.location(&[frame])).collect();
        self.live_at(&stack, blocks, size)
    }

    /// As [`Build::live`], with the stack as locations.
    pub fn live_at(&mut self, stack: &[LocationId], blocks: i64, size: i64) -> &mut Self {
        self.push(stack, blocks, size, &[])
    }

    fn push(&mut self, stack: &[LocationId], blocks: i64, size: i64, labels: &[Label]) -> &mut Self {
        let key = self.profile.strings.intern("bytes");
        let label = Label { key, value: LabelValue::Number(size, key) };
        self.profile.samples.push(stack, &[blocks, blocks * size], &[&[label], labels].concat());
        self
    }

    /// Adds blocks of one size that `sampled` samples stand for.
    pub fn sampled(&mut self, stack: &[&str], sampled: i64, size: i64) -> &mut Self {
        self.live(stack, self.blocks(sampled, size), size)
    }

    /// As [`Build::sampled`], of blocks that the snapshot with the number `born` was the first to see.
    pub fn born(&mut self, stack: &[&str], sampled: i64, size: i64, born: i64) -> &mut Self {
        let stack: Vec<LocationId> = stack.iter().map(|frame| self.location(&[frame])).collect();
        let (key, unit) = (self.profile.strings.intern("birth_epoch"), self.profile.strings.intern(""));
        let blocks = self.blocks(sampled, size);
        self.push(&stack, blocks, size, &[Label { key, value: LabelValue::Number(born, unit) }])
    }

    /// The blocks that so many samples stand for.
    fn blocks(&self, sampled: i64, size: i64) -> i64 {
        let weight = 1.0 / -(-(size as f64) / self.profile.period as f64).exp_m1();
        (sampled as f64 * weight).round() as i64
    }
}

/// A query without limits.
pub fn everything() -> Query {
    Query { min_fraction: 0.0, limit: None, ..Query::default() }
}

pub fn regexes(expression: &str) -> Vec<Regex> {
    vec![Regex::new(expression).unwrap()]
}

/// What stands between a program and its allocator, leaf first.
pub const ALLOCATOR: [&str; 6] = [
    "highwater_recorder::capture::walk@crates/highwater-recorder/src/capture.rs:30",
    "<highwater::Alloc<A> as core::alloc::global::GlobalAlloc>::alloc@crates/highwater/src/alloc.rs:60",
    "__rustc::__rust_alloc",
    "alloc::alloc::alloc@~alloc/src/alloc.rs:94",
    "<alloc::alloc::Global as core::alloc::Allocator>::allocate@~alloc/src/alloc.rs:250",
    "alloc::raw_vec::RawVecInner<A>::finish_grow@~alloc/src/raw_vec/mod.rs:760",
];

/// What starts a program, leaf first.
pub const START: [&str; 4] = [
    "core::ops::function::FnOnce::call_once@~core/src/ops/function.rs:250",
    "std::rt::lang_start_internal@~std/src/rt.rs:170",
    "main",
    "__libc_start_main",
];

/// A stack from the recorder to the start of the program, with these frames in the middle.
pub fn whole_stack<'a>(own: &[&'a str]) -> Vec<&'a str> {
    [&ALLOCATOR, own, &START].concat()
}
