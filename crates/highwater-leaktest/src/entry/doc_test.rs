//! A documentation test: rustdoc runs each of them as the main thread of a process, without libtest. So its
//! scope is opened before `main`, and the verdict is given when the process exits.

use std::env;
use std::sync::OnceLock;

use crate::judge;
use crate::message;
use crate::options::Allowed;
use crate::outcomes;
use crate::program;
use crate::report::{self, Way};
use crate::scope::{self, TestScope};
use crate::settings::rules::Which;
use crate::settings::settings;

static SCOPE: OnceLock<TestScope> = OnceLock::new();

/// Whether rustdoc has made this program of one documentation test, or has started it to run one of several.
fn is_doc_test() -> bool {
    program::name() == "rust_out" || env::var_os("RUSTDOC_DOCTEST_RUN_NB_TEST").is_some()
}

/// Begins the check, on the main thread, if this is such a test.
pub(crate) fn begin() {
    if settings().which == Which::All && is_doc_test() {
        SCOPE.get_or_init(TestScope::new).enter_for_good();
    }
}

/// The verdict.
pub(crate) fn end() {
    let Some(scope) = SCOPE.get() else { return };
    scope::leave();
    let nothing: [&str; 0] = [];
    let verdict = judge::judge("the documentation test", scope, None, Allowed::of_nothing(&nothing));
    outcomes::note_test(&verdict);
    if !verdict.leaks.is_empty() {
        message::say(&report::text(&verdict.leaks, Way::Guard));
    }
}
