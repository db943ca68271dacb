//! `cargo xtask large-profile`: a pprof file as large as those of big services, the same bytes in every run.
//!
//! Written here from the format's definition, not with the code that reads it: a fault that both shared would not show.
//! Stacks share their outer frames as those of real programs do; locations have inlined calls, functions have mangled
//! names, and rows have the block's size and, some of them, the thread's name as labels.

mod names;
mod stacks;
mod wire;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use self::names::Strings;
use self::stacks::Stacks;
use self::wire::Message;
use crate::failure::Failure;

/// What can be chosen about the profile.
#[derive(clap::Args)]
pub struct Options {
    /// The file to write, such as large.pb.gz.
    output: PathBuf,
    /// Number of rows.
    #[arg(long, default_value_t = Size::LARGE.samples)]
    samples: u64,
    /// Number of locations that the rows' stacks are made of.
    #[arg(long, default_value_t = Size::LARGE.locations)]
    locations: u64,
    /// Write what the program holds later: other values, and other stacks in one of ten rows.
    #[arg(long)]
    later: bool,
}

/// Which snapshot of one program is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The first.
    Early,
    /// One whose values are others, and whose stacks are others in one of ten rows.
    Later,
    /// One of a series, 90 seconds from each other, counted from 0: everything is allocated again in each, and what every
    /// eighth row allocates stays.
    Nth(u64),
}

impl Moment {
    fn time_ns(self) -> u64 {
        let number = if let Self::Nth(number) = self { number } else { 0 };
        1_700_000_000_000_000_000 + number * 90_000_000_000
    }

    /// The blocks that a row has allocated, and those that are live, where these are those of the first moment.
    fn values(self, [allocated, live]: [u64; 2]) -> [u64; 2] {
        let Self::Nth(number) = self else { return [allocated, live] };
        let kept = if allocated.is_multiple_of(8) { allocated * number } else { 0 };
        [allocated * (number + 1), live + kept]
    }
}

/// How large a profile is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Number of rows.
    pub samples: u64,
    /// Number of locations that the rows' stacks are made of.
    pub locations: u64,
}

impl Size {
    /// The size that the goals for reading are stated for: about 90 MB without compression.
    pub const LARGE: Self = Self { samples: 1_000_000, locations: 300_000 };
}

/// Writes the profile and says how large it is.
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

/// Writes a profile of this size as gzip-compressed pprof to `path`, and returns its size without compression, in bytes.
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

/// A generator of pseudo-random numbers (SplitMix64): few lines, and the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number below `end`, small ones far more often: as often as not it is among the first eighth.
    fn skewed(&mut self, end: u64) -> u64 {
        let uniform = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (uniform.powi(3) * end as f64) as u64
    }
}

type Sink<'a> = dyn FnMut(&[u8]) -> std::io::Result<()> + 'a;

/// Writes the fields of a profile one after the other, in the order in which Go's and our own encoder write them.
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
        // Every third place has inlined calls.
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
        // What the program is made of comes from the same numbers, drawn in the same order, at every moment.
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

/// Blocks that a row has allocated, and those of them that are live.
fn values(random: &mut Random) -> [u64; 2] {
    let allocated = 1 + random.skewed(5000);
    [allocated, if random.below(3) == 0 { 0 } else { random.below(allocated + 1) }]
}
