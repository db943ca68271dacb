//! Bytes and blocks in Criterion's benchmarks: the allocations of an operation, next to its time.
//!
//! [`operation`] runs a Criterion benchmark of the time and counts allocations meanwhile; its result prints
//! as a line with all three. [`Bytes`] and [`Blocks`] are measurements that replace the time, with
//! Criterion's statistics and its comparison with the previous run.
//!
//! ```no_run
//! use criterion::Criterion;
//!
//! #[global_allocator]
//! static ALLOC: highwater::Alloc = highwater::Alloc::new();
//!
//! fn main() -> Result<(), highwater::Error> {
//!     let mut criterion = Criterion::default().configure_from_args();
//!     if let Some(lines) = highwater_criterion::operation(&mut criterion, "lines", || "a\nb".lines().count())? {
//!         println!("{lines}"); // lines    1.9 ns/op   0 B/op   0 allocs/op
//!     }
//!     criterion.final_summary();
//!     Ok(())
//! }
//! ```
//!
//! Counted is what the whole process allocates while the routine runs, so that threads it starts are
//! included. The counts are exact, whatever is sampled.
#![forbid(unsafe_code)]

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{Criterion, Throughput};
use highwater::Error;
use highwater_recorder::Counts;

/// A benchmark's name and the costs of one operation.
///
/// Displayed as one line whose columns align with other operations' columns. The units are the same as in
/// Go's benchmarks, so tools for these can read the line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Operation {
    /// The benchmark's name.
    pub name: String,
    /// Time of one operation in nanoseconds: the mean over all operations.
    pub ns: f64,
    /// Bytes that one operation allocates, whether or not it frees them: the mean of the last batch, so that
    /// one-time initialisation is not included.
    pub bytes: f64,
    /// Blocks that one operation allocates, likewise from the last batch. A `realloc` counts as one.
    pub blocks: f64,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, ns, bytes, blocks } = self;
        let digits = |value: f64| usize::from(value.fract() != 0.0) * 2;
        let (bytes_digits, blocks_digits) = (digits(*bytes), digits(*blocks));
        write!(
            f,
            "{name:<32} {ns:>12.1} ns/op {bytes:>12.bytes_digits$} B/op {blocks:>9.blocks_digits$} allocs/op"
        )
    }
}

/// Benchmarks the time of `routine`, like `Criterion::bench_function` with `Bencher::iter`, and counts its
/// allocations. `None` if the benchmark was not run because the command line selects others.
///
/// # Errors
/// When the program's allocations do not come through [`Alloc`](highwater::Alloc), so that nothing could be
/// counted.
pub fn operation<R>(
    criterion: &mut Criterion,
    name: &str,
    mut routine: impl FnMut() -> R,
) -> Result<Option<Operation>, Error> {
    is_counted()?;
    let mut tally = Tally::default();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| tally.run(iterations, &mut routine));
    });
    Ok(tally.operation(name))
}

fn is_counted() -> Result<(), Error> {
    highwater_recorder::mode().map(|_| ()).ok_or(Error::NotInstalled)
}

/// Sums over batches of iterations.
#[derive(Default)]
struct Tally {
    iterations: u64,
    time: Duration,
    /// Mean bytes and blocks of an iteration in the last batch.
    last: [f64; 2],
}

impl Tally {
    fn run<R>(&mut self, iterations: u64, routine: &mut impl FnMut() -> R) -> Duration {
        let before = highwater_recorder::counts();
        let begin = Instant::now();
        for _ in 0..iterations {
            black_box(routine());
        }
        let time = begin.elapsed();
        let after = highwater_recorder::counts();
        self.iterations += iterations;
        self.time += time;
        self.last = [
            after.alloc_bytes.saturating_sub(before.alloc_bytes),
            after.alloc_blocks.saturating_sub(before.alloc_blocks),
        ]
        .map(|count| count as f64 / iterations.max(1) as f64);
        time
    }

    fn operation(self, name: &str) -> Option<Operation> {
        let [bytes, blocks] = self.last;
        let ns = self.time.as_secs_f64() * 1e9 / self.iterations as f64;
        (self.iterations > 0).then(|| Operation { name: name.to_owned(), ns, bytes, blocks })
    }
}

/// A Criterion measurement of allocated bytes, whether or not they are freed. Criterion still labels the
/// measured value `time`.
///
/// ```no_run
/// # fn main() -> Result<(), highwater::Error> {
/// let mut criterion = criterion::Criterion::default().with_measurement(highwater_criterion::Bytes::new()?);
/// criterion.bench_function("bytes", |bencher| bencher.iter(|| vec![0_u8; 100]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bytes(());

/// A Criterion measurement of the blocks that are allocated. A `realloc` counts as one.
#[derive(Debug)]
pub struct Blocks(());

/// A counter of the process.
type Count = fn(&Counts) -> u64;

macro_rules! measurement {
    ($name:ident, $count:expr, $units:expr) => {
        impl $name {
            /// Creates the measurement.
            ///
            /// # Errors
            /// When the program's allocations do not come through [`Alloc`](highwater::Alloc).
            pub fn new() -> Result<Self, Error> {
                is_counted().map(Self)
            }

            const COUNT: Count = $count;
        }

        impl Measurement for $name {
            type Intermediate = u64;
            type Value = u64;

            fn start(&self) -> u64 {
                Self::COUNT(&highwater_recorder::counts())
            }

            fn end(&self, before: u64) -> u64 {
                Self::COUNT(&highwater_recorder::counts()).saturating_sub(before)
            }

            fn add(&self, one: &u64, other: &u64) -> u64 {
                one + other
            }

            fn zero(&self) -> u64 {
                0
            }

            fn to_f64(&self, &value: &u64) -> f64 {
                not_zero(value)
            }

            fn formatter(&self) -> &dyn ValueFormatter {
                &$units
            }
        }
    };
}

measurement!(Bytes, |counts| counts.alloc_bytes, Units(&BINARY));
measurement!(Blocks, |counts| counts.alloc_blocks, Units(&PLAIN));

/// Criterion treats a measurement of 0 as an error, but an operation may well allocate nothing. This tiny
/// value is displayed as 0. Criterion's change from one such run to the next has no meaning.
fn not_zero(value: u64) -> f64 {
    if value == 0 { 1e-9 } else { value as f64 }
}

/// A unit's name, and its size in the smallest unit.
type Unit = (&'static str, f64);

const BINARY: [Unit; 5] = [
    ("B", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

const PLAIN: [Unit; 1] = [("blocks", 1.0)];

/// Formats values in the largest of these units that is not larger than the value.
struct Units(&'static [Unit]);

impl Units {
    fn unit(&self, typical: f64) -> Unit {
        let smallest = self.0[0];
        self.0.iter().rev().find(|unit| typical >= unit.1).copied().unwrap_or(smallest)
    }
}

impl ValueFormatter for Units {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        let (name, size) = self.unit(typical);
        values.iter_mut().for_each(|value| *value /= size);
        name
    }

    /// Allocations for each byte or element of the benchmark's input.
    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        let _ = typical;
        let input = match *throughput {
            Throughput::Bytes(number)
            | Throughput::BytesDecimal(number)
            | Throughput::Bits(number)
            | Throughput::Elements(number) => number,
            Throughput::ElementsAndBytes { elements, .. } => elements,
        };
        values.iter_mut().for_each(|value| *value /= input.max(1) as f64);
        match (throughput, self.0.len()) {
            (Throughput::Bytes(_) | Throughput::BytesDecimal(_), 1) => "blocks/B",
            (Throughput::Bytes(_) | Throughput::BytesDecimal(_), _) => "B/B",
            (Throughput::Bits(_), 1) => "blocks/bit",
            (Throughput::Bits(_), _) => "B/bit",
            (_, 1) => "blocks/elem",
            (_, _) => "B/elem",
        }
    }

    fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
        self.0[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(units: &Units, value: f64) -> String {
        units.format_value(value).trim().to_owned()
    }

    #[test]
    fn bytes_are_shown_in_binary_units() {
        let bytes = Units(&BINARY);
        assert_eq!(shown(&bytes, 1000.0), "1000.0 B");
        assert_eq!(shown(&bytes, 1536.0), "1.5000 KiB");
        assert_eq!(shown(&bytes, 3.0 * 1_048_576.0), "3.0000 MiB");
        assert_eq!(shown(&bytes, 2e15), "1819.0 TiB");
        assert_eq!(shown(&Units(&PLAIN), 12_345.0), "12345 blocks");
    }

    #[test]
    fn no_allocations_are_shown_as_0() {
        assert_eq!(shown(&Units(&BINARY), not_zero(0)), "0.0000 B");
        assert_eq!((not_zero(1), not_zero(3)), (1.0, 3.0));
    }

    #[test]
    fn another_allocator_is_an_error() {
        assert!(matches!(Bytes::new(), Err(Error::NotInstalled)));
        assert!(matches!(Blocks::new(), Err(Error::NotInstalled)));
        let mut criterion = Criterion::default();
        assert!(matches!(operation(&mut criterion, "nothing", || ()), Err(Error::NotInstalled)));
    }

    #[test]
    fn throughput_is_by_input() {
        let mut values = [300.0];
        let unit = Units(&BINARY).scale_throughputs(300.0, &Throughput::Elements(100), &mut values);
        assert_eq!((values, unit), ([3.0], "B/elem"));
        let unit = Units(&PLAIN).scale_throughputs(3.0, &Throughput::Bytes(0), &mut values);
        assert_eq!((values, unit), ([3.0], "blocks/B"));
    }

    #[test]
    fn a_line_has_three_columns() {
        let line = |ns, bytes, blocks| Operation { name: "parse".to_owned(), ns, bytes, blocks }.to_string();
        let one = line(1234.56, 2048.0, 3.0);
        assert_eq!(
            one.split_whitespace().collect::<Vec<_>>(),
            ["parse", "1234.6", "ns/op", "2048", "B/op", "3", "allocs/op"]
        );
        let other = line(9.0, 0.5, 0.25);
        assert!(other.contains(" 0.50 B/op") && other.contains(" 0.25 allocs/op"), "{other}");
        assert_eq!(one.len(), other.len());
    }

    #[test]
    fn the_last_batch_has_an_operations_allocations() {
        let mut tally = Tally::default();
        assert_eq!(Tally::default().operation("nothing"), None);
        tally.run(10, &mut || 1);
        tally.last = [640.0, 2.0];
        let operation = tally.operation("some").unwrap();
        assert_eq!((operation.bytes, operation.blocks), (640.0, 2.0));
        assert!(operation.ns >= 0.0);
    }
}
