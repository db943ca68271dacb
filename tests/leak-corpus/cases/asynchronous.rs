//! Five hundred small tests of async code, to measure what a process for each of them pays for being checked.

macro_rules! in_modules {
    ([$($outer:ident)*] $inner:tt $tests:tt) => { $( mod $outer { in_modules!($inner $tests); } )* };
    ([$($inner:ident)*] $tests:tt) => { $( mod $inner { in_modules!(@ $tests); } )* };
    (@ [$($test:ident)*]) => { $(
        #[tokio::test]
        async fn $test() {
            assert_eq!(tokio::spawn(async { 7 }).await.unwrap(), 7);
        }
    )* };
}

in_modules!([a b c d e] [a b c d e f g h i j] [a b c d e f g h i j]);
