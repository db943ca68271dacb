//! Tests that end in other ways than by returning, that return a value, or whose leftovers are allowed.

use std::process::ExitCode;
use std::thread;

use super::{linger, named, stay};

#[test]
fn leak_in_a_result_test() -> Result<(), String> {
    named("in-result").spawn(stay).map_err(|it| it.to_string())?; // leak: in-result
    Ok(())
}

#[test]
fn leak_in_a_result_test_that_fails() -> Result<(), String> {
    named("in-error").spawn(stay).map_err(|it| it.to_string())?; // leak: in-error
    Err("on purpose".to_owned())
}

#[test]
fn leak_in_an_exit_code_test() -> ExitCode {
    named("in-exit-code").spawn(stay).unwrap(); // leak: in-exit-code
    ExitCode::SUCCESS
}

#[test]
fn leak_in_a_test_that_fails() {
    named("in-failure").spawn(stay).unwrap(); // leak: in-failure
    panic!("on purpose");
}

#[test]
#[should_panic]
fn leak_in_a_test_that_should_panic() {
    named("in-panic").spawn(stay).unwrap(); // leak: in-panic
    panic!("on purpose");
}

#[test]
#[should_panic(expected = "on purpose")]
fn leak_in_a_test_that_should_panic_so() {
    named("in-expected").spawn(stay).unwrap(); // leak: in-expected
    panic!("on purpose");
}

#[test]
#[should_panic]
fn leak_in_a_test_that_should_panic_and_fails_to() {
    named("no-panic").spawn(stay).unwrap(); // leak: no-panic
}

/// Makes a test from its name and more attributes, like crates that generate tests.
macro_rules! generated {
    ($(#[$attribute:meta])* $name:ident, $body:block) => {
        #[test]
        $(#[$attribute])*
        fn $name() $body
    };
    ($name:ident with $attribute:meta, $body:block) => {
        #[test]
        #[$attribute]
        fn $name() $body
    };
}

generated!(leak_in_a_generated_test, {
    named("in-macro").spawn(stay).unwrap(); // leak: in-macro
});

generated!(clean_generated_test, { thread::spawn(linger).join().unwrap() });

generated!(clean_left_out with ignore, { drop(named("never").spawn(stay).unwrap()) });

#[test]
#[should_panic]
fn clean_test_that_should_panic() {
    thread::spawn(|| ()).join().unwrap();
    panic!("on purpose");
}

#[test]
#[should_panic(expected = "on purpose")]
fn clean_test_that_should_panic_with_a_thread_within_the_grace() {
    named("lingers").spawn(linger).unwrap();
    panic!("on purpose");
}

#[test]
fn clean_result_test() -> Result<(), std::io::Error> {
    thread::Builder::new().spawn(|| ())?.join().unwrap();
    Ok(())
}

#[test]
fn clean_result_test_that_fails() -> Result<(), String> {
    thread::spawn(|| ()).join().unwrap();
    Err("on purpose".to_owned())
}

#[test]
fn clean_test_that_fails() {
    thread::spawn(|| ()).join().unwrap();
    panic!("on purpose");
}

#[test]
fn clean_allowed_by_name() {
    named("allowed-1").spawn(stay).unwrap();
}

fn start_by_rule() {
    named("by-rule").spawn(stay).unwrap();
}

#[test]
fn clean_allowed_by_where_it_is_started() {
    start_by_rule();
}

#[test]
fn leak_with_a_name_that_is_nearly_allowed() {
    named("allowe").spawn(stay).unwrap(); // leak: allowe
}
