//! The costs of operations: time, bytes and blocks side by side, with Criterion.
//!
//! ```text
//! cargo run --release --package highwater-criterion --example operations
//! ```
//!
//! Your own benchmark looks the same, with `harness = false` in `benches/`, and with `Criterion::default()`
//! followed by `configure_from_args()`.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::time::Duration;

use criterion::Criterion;
use highwater_criterion::{Blocks, Bytes, Operation, operation};

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// The numbers in a text.
const NUMBERS: u32 = 1000;

/// Makes a string for each number.
fn joined_strings() -> String {
    let parts: Vec<String> = (0..NUMBERS).map(|number| number.to_string()).collect();
    parts.join(" ")
}

/// Writes into one string that grows.
fn written() -> String {
    let mut text = String::new();
    for number in 0..NUMBERS {
        let _ = write!(text, "{number} ");
    }
    text
}

/// Writes into one string with enough capacity.
fn written_with_room() -> String {
    let mut text = String::with_capacity(4096);
    for number in 0..NUMBERS {
        let _ = write!(text, "{number} ");
    }
    text
}

/// Allocates nothing.
fn digits() -> u32 {
    (0..NUMBERS).map(|number| number.checked_ilog10().unwrap_or(0) + 1).sum()
}

/// Short runs, because this is only a demonstration.
fn configured() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

fn main() -> Result<(), highwater::Error> {
    let mut criterion = configured();
    let operations: Vec<Option<Operation>> = vec![
        operation(&mut criterion, "joined_strings", joined_strings)?,
        operation(&mut criterion, "written", written)?,
        operation(&mut criterion, "written_with_room", written_with_room)?,
        operation(&mut criterion, "digits", digits)?,
    ];

    // Bytes and blocks instead of the time, for Criterion's statistics and its comparison with the previous
    // run.
    let mut bytes = configured().with_measurement(Bytes::new()?);
    bytes.bench_function("bytes of joined_strings", |bencher| bencher.iter(joined_strings));
    bytes.bench_function("bytes of digits", |bencher| bencher.iter(digits));
    let mut blocks = configured().with_measurement(Blocks::new()?);
    blocks.bench_function("blocks of joined_strings", |bencher| bencher.iter(joined_strings));

    println!();
    operations.into_iter().flatten().for_each(|operation| println!("{operation}"));
    Ok(())
}
