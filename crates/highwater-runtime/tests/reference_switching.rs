//! Changes between off, sampled and exact while blocks live and threads run, over random sequences of allocations: the
//! process's counts stay exact, and whatever was recorded of a block is taken back when it is freed, in whichever mode
//! that happens.

mod reference;

use std::alloc::System;
use std::cell::RefCell;

use highwater_runtime::Alloc;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::test_runner::TestRunner;

use reference::{Runner, config, switching_cases};

static ALLOC: Alloc<System> = Alloc::wrapping(System).interval(4096);

#[test]
fn nothing_is_left_over_and_every_count_is_exact_whatever_the_mode() {
    let runner = RefCell::new(Runner::new(&ALLOC));
    let result = TestRunner::new(config()).run(&switching_cases(), |case| {
        let outcome = runner.borrow_mut().run(&case);
        prop_assert!(outcome.is_counted, "the process's counts");
        for (emptied, recorded) in outcome.emptied.iter().zip(&outcome.recorded) {
            prop_assert_eq!(emptied.live, Default::default(), "after all is freed");
            prop_assert!(recorded.live.blocks <= recorded.allocated.blocks);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
