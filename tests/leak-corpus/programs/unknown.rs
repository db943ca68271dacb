//! A program with tasks of a runtime that the harness does not know. The harness says so, and blames no test.

use highwater_leaktest as _;

#[path = "../vendor/tokio/src/spawn.rs"]
mod tokio;

#[test]
fn leaves_what_may_be_a_task() {
    tokio::spawn(async {});
}
