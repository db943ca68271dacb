//! Tests of async code, each of them checked.

use highwater_leaktest as _;

#[path = "../cases/asynchronous.rs"]
mod asynchronous;
