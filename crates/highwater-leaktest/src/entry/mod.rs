//! Where the harness begins and ends: around the process, each of its tests, and parts of tests.

pub(crate) mod around;
mod checking;
pub(crate) mod counting;
mod doc_test;
pub(crate) mod guard;
mod hang;
mod process;
mod remaining;
pub(crate) mod settle;
#[allow(unsafe_code, reason = "what runs before `main` is found by the name of its section")]
mod start;
pub(crate) mod whole;
