//! A program that only computes, in three functions that do 6, 3 and 1 tenths of the work. An agent profiles
//! its processor time; `HIGHWATER_AGENT` selects the sampler. The program ends when its standard input is
//! closed.
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::thread;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Steps of a tenth. A round of all ten is much shorter than the time between two samples.
const STEPS: u64 = 500;

/// Three functions with the same work per step. A number distinguishes them, so that the compiler does not
/// merge them.
macro_rules! work {
    ($name:ident, $parts:literal) => {
        #[inline(never)]
        fn $name(mut number: u64) -> u64 {
            let mut left = black_box($parts * STEPS);
            while left > 0 {
                number = number.rotate_left(5) ^ left ^ $parts;
                left -= 1;
            }
            black_box(number)
        }
    };
}

work!(six_parts, 6);
work!(three_parts, 3);
work!(one_part, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let agent = highwater_agent::Agent::builder().listen("127.0.0.1:0").from_environment()?.start()?;
    println!("{0} {0}", agent.address());
    thread::spawn(|| {
        let mut number = 1;
        loop {
            number = one_part(three_parts(six_parts(number)));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
