//! The assertions on what a piece of code allocates, as macros.

/// Asserts how many blocks of memory a block of code allocates, on this thread and on those that it starts:
/// `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`. What the process, the thread or the test
/// runner keeps for itself is not counted. Has the block's value.
///
/// ```
/// let text = highwater_leaktest::assert_allocs!(<= 1, { "a".repeat(10) });
/// # assert_eq!(text.len(), 10);
/// ```
///
/// # Panics
/// When it is another number, with the places that allocated; and where a global allocator of the program's
/// own keeps allocations from being recorded.
#[macro_export]
macro_rules! assert_allocs {
    (<= $most:expr, $code:block $(,)?) => {
        $crate::__assert_allocs!(AtMost, $most, $code)
    };
    (== $number:expr, $code:block $(,)?) => {
        $crate::__assert_allocs!(Exactly, $number, $code)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`")
    };
}

/// Asserts that a block of code allocates nothing; see [`assert_allocs!`](crate::assert_allocs).
///
/// ```
/// let sum = highwater_leaktest::assert_no_alloc!({ 1 + 1 });
/// # assert_eq!(sum, 2);
/// ```
#[macro_export]
macro_rules! assert_no_alloc {
    ($code:block $(,)?) => {
        $crate::__assert_allocs!(Exactly, 0, $code)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `assert_no_alloc!({ … })`")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __assert_allocs {
    ($bound:ident, $number:expr, $code:block) => {{
        let bound = $crate::private::Bound::$bound($number);
        let counting = $crate::private::Counting::new();
        let value = $code;
        counting.end(bound);
        value
    }};
}
