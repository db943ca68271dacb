//! The leak corpus: tests that leave threads alive on purpose, and tests that only look as if they did.
//!
//! `cases/` holds the tests, `programs/` the test programs that have them checked in one way each. A test
//! called `leak_…` is to be found, one called `clean_…` is not; one with `fails` in its name fails by itself.
//! The line that starts a thread which is left ends in `// leak: NAME`, the name of the thread, with `× N`
//! behind it where N of them are left. The line of a task ends in `// leak: task NAME`, with a part of the
//! name of its future's type, the line of a descriptor in `// leak: fd NAME`, with the beginning of what it
//! leads to, and the line of a child process in `// leak: child COMMAND`. The corpus is no part of the
//! workspace's tests; `tests/end-to-end/tests/leak_corpus` runs it and compares.
#![forbid(unsafe_code)]
