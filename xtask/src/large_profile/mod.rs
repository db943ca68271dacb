//! `cargo xtask large-profile`: a pprof file as large as big services have, with the same bytes in every
//! run.
//!
//! The file is written from the format's definition, not with the project's encoder: a fault common to
//! encoder and decoder would not show. Stacks share their outer frames like in real programs; locations have
//! inlined calls, functions have mangled names, and rows have the block's size and sometimes the thread's
//! name as labels.

mod names;
mod random;
mod stacks;
mod wire;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use self::names::Strings;
use self::random::Random;
use self::stacks::Stacks;
use self::wire::Message;
use crate::failure::Failure;

/// The options of the profile.
#[derive(clap::Args)]
pub struct Options {
    /// The file to write, such as large.pb.gz.
    output: PathBuf,
    /// Number of rows.
    #[arg(long, default_value_t = Size::LARGE.samples)]
    samples: u64,
    /// Number of locations in the rows' stacks.
    #[arg(long, default_value_t = Size::LARGE.locations)]
    locations: u64,
    /// Write a later snapshot of the program: other values, and other stacks in one of ten rows.
    #[arg(long)]
    later: bool,
}

/// The moment of a program at which the snapshot is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The first.
    Early,
    /// A later one: all values differ, and in one of ten rows the stack does too.
    Later,
    /// A snapshot of a series with steps of 90 seconds, counted from 0: in each step everything is allocated
    /// again, and every eighth row keeps its allocations.
    Nth(u64),
}

impl Moment {
    fn time_ns(self) -> u64 {
        let number = if let Self::Nth(number) = self { number } else { 0 };
        1_700_000_000_000_000_000 + number * 90_000_000_000
    }

    /// The allocated and live blocks of a row, from the first moment's.
    fn values(self, [allocated, live]: [u64; 2]) -> [u64; 2] {
        let Self::Nth(number) = self else { return [allocated, live] };
        let kept = if allocated.is_multiple_of(8) { allocated * number } else { 0 };
        [allocated * (number + 1), live + kept]
    }
}

/// The size of a profile.
#[derive(Clone, Copy)]
pub struct Size {
    /// Number of rows.
    pub samples: u64,
    /// Number of locations in the rows' stacks.
    pub locations: u64,
}

impl Size {
    /// The size for which the reading goals are stated: about 90 MB without compression.
    pub const LARGE: Self = Self { samples: 1_000_000, locations: 300_000 };
}

/// Writes the profile and prints its size.
///
/// # Errors
/// When the file cannot be written.
pub fn run(options: &Options) -> Result<(), Failure> {
    let size = Size { samples: options.samples, locations: options.locations };
    let moment = if options.later { Moment::Later } else { Moment::Early };
    let unpacked = write(&options.output, size, moment)?;
    println!("wrote {}: {unpacked} bytes without compression", options.output.display());
    Ok(())
}

/// Writes a profile of this size as gzip-compressed pprof to `path`, and returns its size without
/// compression, in bytes.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, size: Size, moment: Moment) -> Result<u64, Failure> {
    let attempt = || {
        let mut gzip =
            GzBuilder::new().mtime(0).write(BufWriter::new(File::create(path)?), Compression::default());
        let mut unpacked = 0;
        profile(size, moment, &mut |part| {
            unpacked += part.len() as u64;
            gzip.write_all(part)
        })?;
        gzip.finish()?.flush()?;
        Ok(unpacked)
    };
    attempt().map_err(|source| Failure::File { path: path.to_owned(), source })
}

type Sink<'a> = dyn FnMut(&[u8]) -> std::io::Result<()> + 'a;

/// Writes the fields of a profile, in the order of Go's encoder and of Highwater's.
fn profile(size: Size, moment: Moment, out: &mut Sink<'_>) -> std::io::Result<()> {
    let mut random = Random(4);
    let mut strings = Strings::default();
    let types = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    for (kind, unit) in types {
        let (kind, unit) = (strings.intern(kind), strings.intern(unit));
        out(&Message::default().number(1, kind).number(2, unit).as_field(1))?;
    }
    samples(size, moment, &mut random, &mut strings, out)?;

    let (file, build_id) =
        (strings.intern("/usr/bin/service"), strings.intern("d1e8a6b3c5f70912d1e8a6b3c5f70912d1e8a6b3"));
    let mapping = Message::default().number(1, 1).number(2, 0x5555_5540_0000).number(3, 0x5555_7540_0000);
    let mapping = mapping.number(5, file).number(6, build_id);
    out(&mapping.number(7, 1).number(8, 1).number(9, 1).number(10, 1).as_field(3))?;
    let functions = (size.locations / 5).max(1);
    for id in 1..=size.locations {
        let mut location =
            Message::default().number(1, id).number(2, 1).number(3, 0x5555_5550_0000 + id * 83);
        // Every third location has inlined calls.
        let lines = if id % 3 == 0 { 1 + random.below(3) } else { 1 };
        for _ in 0..lines {
            let line =
                Message::default().number(1, 1 + random.below(functions)).number(2, 1 + random.below(2000));
            location = location.message(4, &line);
        }
        out(&location.as_field(4))?;
    }
    for id in 1..=functions {
        let [name, system_name, file] = names::function(id, &mut random).map(|it| strings.intern(&it));
        let function = Message::default().number(1, id).number(2, name).number(3, system_name);
        out(&function.number(4, file).number(5, 1 + random.below(1500)).as_field(5))?;
    }
    let period = Message::default().number(1, strings.intern("space")).number(2, strings.intern("bytes"));
    for text in strings.all() {
        out(&wire::text(6, text))?;
    }
    out(&wire::number(9, moment.time_ns()))?;
    out(&period.as_field(11))?;
    out(&wire::number(12, 524_288))
}

fn samples(
    size: Size,
    moment: Moment,
    random: &mut Random,
    strings: &mut Strings,
    out: &mut Sink<'_>,
) -> std::io::Result<()> {
    let (bytes, thread) = (strings.intern("bytes"), strings.intern("thread"));
    let threads: Vec<u64> = (0..16).map(|it| strings.intern(&format!("worker-{it}"))).collect();
    let mut stacks = Stacks::new(size.locations);
    let mut later = Random(5);
    let mut stack = Vec::new();
    for _ in 0..size.samples {
        stacks.next(random, &mut stack);
        let block = 16 << random.skewed(14);
        let mut values = values(random);
        // Stacks and names come from the same random numbers at every moment.
        if moment == Moment::Later {
            values = self::values(&mut later);
            if later.below(10) == 0 {
                stack.rotate_left(1);
            }
        }
        let [allocated, live] = moment.values(values);
        let mut sample = Message::default().packed(1, &stack);
        sample = sample.packed(2, &[allocated, allocated * block, live, live * block]);
        sample = sample.message(3, &Message::default().number(1, bytes).number(3, block).number(4, bytes));
        if random.below(4) == 0 {
            let name = threads[random.below(16) as usize];
            sample = sample.message(3, &Message::default().number(1, thread).number(2, name));
        }
        out(&sample.as_field(2))?;
    }
    Ok(())
}

/// Allocated blocks of a row, and how many of them are live.
fn values(random: &mut Random) -> [u64; 2] {
    let allocated = 1 + random.skewed(5000);
    [allocated, if random.below(3) == 0 { 0 } else { random.below(allocated + 1) }]
}
