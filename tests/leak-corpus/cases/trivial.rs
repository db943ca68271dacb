//! Five hundred tests that do nothing, to measure the cost of checking each.

macro_rules! in_modules {
    ([$($outer:ident)*] $inner:tt $tests:tt) => { $( mod $outer { in_modules!($inner $tests); } )* };
    ([$($inner:ident)*] [$($test:ident)*]) => { $( mod $inner { in_modules!(@ [a b c d e f g h i j]); } )* };
    (@ [$($test:ident)*]) => { $( #[test] fn $test() {} )* };
}

in_modules!([a b c d e] [a b c d e f g h i j] []);
