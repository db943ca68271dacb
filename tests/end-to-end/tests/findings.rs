//! The findings of `highwater advise` and `highwater leaks` in a real program: they must be on the lines with
//! a marker comment.

use std::path::{Path, PathBuf};

use highwater_tests::codeindex::{self, Series, assert_marked};
use serde_json::Value;

/// The last snapshot of a series.
fn last(series: &Series) -> PathBuf {
    series.files().pop().expect("a snapshot")
}

fn ask(command: &str, path: &Path) -> (Value, Option<i32>) {
    codeindex::ask(&[command], &[path])
}

/// The findings with this value in a field.
fn findings<'a>(answer: &'a Value, field: &str, wanted: &str) -> Vec<&'a Value> {
    let all = answer["findings"].as_array().expect("findings");
    all.iter().filter(|it| it[field] == wanted).collect()
}

/// Checks that every claimed saving is significant: its lower bound is above 0.
fn assert_certain(answer: &Value) {
    for finding in answer["findings"].as_array().unwrap() {
        for field in ["saves_bytes", "saves_blocks"] {
            let total = &finding[field]["total"];
            if let (Some(value), Some(error)) = (total["value"].as_f64(), total["standard_error"].as_f64()) {
                assert!(value - 1.96 * error > 0.0, "{finding}");
            }
        }
    }
}

#[test]
fn a_regular_expression_per_call_is_hoisted() {
    let series = Series::with_fault("churn");
    for path in [series.path(), &last(&series)] {
        let (answer, _) = ask("advise", path);
        let found = findings(&answer, "measure", "hoist");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_marked(found[0], "the churn");
        assert!(found[0]["constructor"].as_str().unwrap().ends_with("Regex::new"), "{}", found[0]);
        assert!(found[0]["saves_blocks"]["per_second"]["value"].as_f64().unwrap() > 0.0);
        assert_certain(&answer);
    }
    assert_eq!(ask("leaks", series.path()).1, Some(0), "churn is no leak");
}

#[test]
fn a_cache_without_bound_is_a_leak_and_is_to_be_bounded() {
    let series = Series::with_fault("leak");
    let last = last(&series);
    for (path, cause) in [(series.path(), "grows_without_end"), (&last, "never_freed")] {
        let (answer, code) = ask("leaks", path);
        assert_eq!((code, answer["findings"].as_array().unwrap().len()), (Some(1), 1), "{answer}");
        assert_marked(findings(&answer, "cause", cause)[0], "the leak");
        let (answer, code) = ask("advise", path);
        let found = findings(&answer, "measure", "bound");
        assert_eq!((code, found.len()), (Some(0), 1), "{found:?}");
        assert_marked(found[0], "the leak");
        assert_certain(&answer);
    }
}

#[test]
fn a_buffer_that_is_read_to_its_end_wants_a_capacity() {
    let series = Series::with_fault("spike");
    let (answer, _) = ask("advise", &last(&series));
    let found = findings(&answer, "measure", "reserve");
    assert_marked(found[0], "the spike");
    let capacity = found[0]["capacity_bytes"].as_i64().unwrap();
    // The archive unpacks to slightly more than 256 MiB.
    assert!((256 << 20..=512 << 20).contains(&capacity), "{capacity}");
    assert_certain(&answer);
    assert_eq!(ask("leaks", series.path()).1, Some(0), "a spike is no leak");
}
