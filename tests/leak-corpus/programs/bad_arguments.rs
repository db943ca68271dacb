//! Invalid arguments. A line that the compiler must refuse ends in the expected message.
//! `tests/end-to-end/tests/leak_corpus` compiles it; in all other builds this is empty.

#[cfg(bad_arguments)]
mod arguments {
    use highwater_leaktest::{assert_allocs, assert_no_alloc};

    #[highwater_leaktest::test(max_block = 3)] // error: the options are
    fn unknown() {}

    #[highwater_leaktest::test(max_blocks = "3")] // error: expected integer literal
    fn no_number() {}

    #[highwater_leaktest::test(max_bytes = 1.5)] // error: expected a size such as "4KiB" or 4096
    fn no_size() {}

    #[highwater_leaktest::test(deny(threads))] // error: can be denied; threads and tasks are
    fn not_to_deny() {}

    #[highwater_leaktest::test(allow(files = "a"))] // error: can be allowed
    fn not_to_allow() {}

    #[test]
    fn asserts() {
        assert_allocs!(3, { 1 }); // error: write `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`
        assert_allocs!(< 3, { 1 }); // error: write `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`
        assert_no_alloc!(1); // error: write `assert_no_alloc!({ … })`
    }
}

#[cfg(bad_values)]
mod values {
    #[highwater_leaktest::test(max_bytes = "4kb")] // error: write a size as a number with a unit
    fn no_unit() {}

    #[highwater_leaktest::test(grace = "2")] // error: write a time as a number with a unit
    fn no_time() {}
}
