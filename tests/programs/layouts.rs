//! Types of known layout, in a library that is built with debug information about types.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// One variant is much larger than the others.
pub enum Event {
    Tick(u32),
    Key { code: u16, shift: u8 },
    Frame([u64; 39]),
}
const _: () = assert!(size_of::<Event>() == 320);

/// All variants are alike: nothing is to be saved.
pub enum Even {
    Left([u64; 4]),
    Right([u32; 7]),
}

/// The event lies inside of what is allocated.
pub struct Entry {
    pub number: u64,
    pub event: Event,
}

#[repr(C)]
pub struct Inner {
    pub small: u16,
    pub large: u32,
}

/// 14 B that no field uses, and 2 B in `inner`.
#[repr(C)]
pub struct Padded {
    pub before: u8,
    pub large: u64,
    pub behind: u8,
    pub inner: Inner,
}
const _: () = assert!(size_of::<Padded>() == 32);

struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// `numbers` are kept over the first await, and not over the second.
pub async fn serve(seed: u64) -> u64 {
    let numbers = [seed; 40];
    Once(false).await; // await: keeps numbers
    let sum = {
        let numbers = numbers;
        numbers.iter().sum::<u64>()
    };
    sum + last(sum).await
}

async fn last(sum: u64) -> u64 {
    Once(false).await;
    sum
}

/// Uses every type, so that the compiler describes them.
#[unsafe(no_mangle)]
pub extern "C" fn layouts(seed: u64) -> u64 {
    let entry = Entry { number: seed, event: if seed > 1 { Event::Tick(1) } else { Event::Frame([seed; 39]) } };
    let event = black_box(Event::Key { code: 1, shift: 2 });
    let even = black_box(if seed > 2 { Even::Left([seed; 4]) } else { Even::Right([1; 7]) });
    let padded = Padded { before: 1, large: seed, behind: 2, inner: Inner { small: 1, large: 2 } };
    black_box((&entry, &event, &even, &padded));
    let mut future = pin!(serve(seed));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(sum) = future.as_mut().poll(&mut context) {
            return sum;
        }
    }
}
