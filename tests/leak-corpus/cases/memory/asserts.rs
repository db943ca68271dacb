//! Assertions on a part of a test. An assertion that fails panics in the test, and is not in a report.

use highwater_leaktest::{assert_allocs, assert_no_alloc};

use super::block;

#[test]
fn clean_asserts_that_hold() -> Result<(), std::num::ParseIntError> {
    let number: u8 = assert_no_alloc!({ "7".parse()? });
    assert_eq!(assert_allocs!(== 1, { block(usize::from(number)) }).len(), 7);
    assert_allocs!(<= 2, { block(1) });
    Ok(())
}

#[tokio::test]
async fn clean_assert_around_an_await() {
    assert_no_alloc!({ std::future::ready(1).await });
}

#[test]
#[should_panic(expected = "2 blocks allocated where at most 1 should be")]
fn clean_assert_that_finds_two() {
    assert_allocs!(<= 1, {
        drop(block(1));
        drop(block(1));
    });
}

#[test]
#[should_panic(expected = "1 block allocated where 0 should be")]
fn clean_assert_that_finds_one() {
    assert_no_alloc!({ drop(block(1)) });
}
