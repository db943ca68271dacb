//! Tests of async code, unchecked.

#[path = "../cases/asynchronous.rs"]
mod asynchronous;
