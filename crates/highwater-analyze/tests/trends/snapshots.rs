//! Small snapshots whose flows are known.

use highwater_profile::{Label, LabelValue, Line, Location, Meta, Profile, ValueType};

pub const SECOND: i64 = 1_000_000_000;
pub const START: i64 = 1_700_000_000 * SECOND;

/// What a line holds and has allocated: the line, the snapshot that saw the blocks first, blocks live, blocks allocated.
pub type Held = (i64, i64, i64, i64);

pub const BLOCK: i64 = 4096;

/// The columns that a snapshot has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those of our own recorder, with births.
    Own,
    /// Cumulative and live values, as Go has them.
    Go,
    /// Live values alone.
    Live,
}

/// A snapshot of blocks of one size, taken so many seconds after the start.
pub fn snapshot(kind: Kind, epoch: i64, seconds: i64, interval: i64, held: &[Held]) -> Profile {
    let all = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    let types = if kind == Kind::Live { &all[2..] } else { &all[..] };
    let mut profile = Profile::new(types.iter().map(|&(kind, unit)| ValueType::new(kind, unit)).collect());
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = interval;
    profile.time_ns = START + seconds * SECOND;
    if kind == Kind::Own {
        profile.meta = Some(Meta { process: Some(7), epoch: Some(epoch), ..Meta::default() });
    }
    let [bytes, birth] = ["bytes", "birth_epoch"].map(|key| profile.strings.intern(key));
    for &(line, born, live, allocated) in held {
        let function = profile.add_function(&format!("demo::line_{line}"), "", "src/demo.rs");
        let location = profile.add_location(Location::symbolized(vec![Line::new(function, line)]));
        let number = |key, value| Label { key, value: LabelValue::Number(value, bytes) };
        let labels = [number(bytes, BLOCK), number(birth, born)];
        let labels = if kind == Kind::Own { &labels[..] } else { &labels[..1] };
        let values = [allocated, allocated * BLOCK, live, live * BLOCK];
        let values = if kind == Kind::Live { &values[2..] } else { &values[..] };
        profile.samples.push(&[location], values, labels);
    }
    profile
}
