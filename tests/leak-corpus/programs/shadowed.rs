//! The corpus as a program whose `#[test]` is the harness's.

#[macro_use]
extern crate highwater_leaktest;

#[path = "../cases/mod.rs"]
mod cases;
