//! heaptrack's recordings: a line for each allocation and each free, in the order in which they happened.
//!
//! What is read is the file that `heaptrack` leaves, in which addresses have been given their names. A line
//! begins with the letter of its kind; numbers are hexadecimal, and tables count from 1:
//!
//! ```text
//! v <version> <file version>   s <length> <text>            a string
//! X <command line>             i <address> <module> (<function> <file> <line>)…   an instruction, innermost call first
//! I <page size> <pages>        t <instruction> <parent>     a stack: an instruction and the stack that called it
//! A  (attached)                a <size> <stack>             a kind of block
//! c <milliseconds>             + <kind>   - <kind>          a block of that kind allocated, freed
//! R <resident pages>           S <suppression>   # <remark>
//! ```

mod line;
mod recording;
mod tables;

pub(super) use recording::{decode, detect};

/// The versions of the file format that are read. Before the first, addresses took the place of kinds.
const VERSIONS: std::ops::RangeInclusive<u64> = 1..=3;

/// Since when strings tell their length.
const SIZED_STRINGS: u64 = 3;
