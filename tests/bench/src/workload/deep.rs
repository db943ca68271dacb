//! A workload below many stack frames, which a stack walk has to visit.

use std::hint::black_box;

use crate::failure::Failure;
use crate::totals::Totals;
use crate::work::Workload;

/// `inner`, with this many frames below it.
pub struct Deep<W> {
    pub inner: W,
    pub frames: usize,
}

impl<W: Workload> Workload for Deep<W> {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        below(self.frames, &mut || self.inner.run(operations))
    }

    fn own(&self) -> Option<Totals> {
        self.inner.own()
    }
}

#[inline(never)]
fn below(frames: usize, work: &mut dyn FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let result = if frames == 0 { work() } else { below(black_box(frames - 1), work) };
    // Work after the call prevents a tail call, which would leave no frame.
    black_box(frames);
    result
}
