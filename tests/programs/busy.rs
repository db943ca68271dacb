//! A program that does nothing but work, of which three functions do 6, 3 and 1 parts of 10. An agent tells where its
//! processor time goes; which engine takes the samples, `HIGHWATER_AGENT` says. It ends when its standard input does.
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::thread;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// Steps of a part. A round of all ten is much shorter than the time between two samples.
const STEPS: u64 = 500;

/// Three functions of the same work for each step, told apart by a number, so that they do not become one.
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
