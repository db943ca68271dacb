//! The corpus as a program whose tests are checked as a whole, by this one line.

use highwater_leaktest as _;

#[path = "../cases/mod.rs"]
mod cases;
