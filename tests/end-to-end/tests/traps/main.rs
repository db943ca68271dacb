//! Situations that have hung or broken other profilers, with one program for each: `programs/trap_*.rs`.
//!
//! Each program runs without a fault, and must then end in time with exact counts and a readable profile. It
//! also runs with a planted fault (`programs/trap/planted.rs`), which the test must notice: otherwise the
//! test would prove nothing.

mod build;
mod dlopen;
mod endings;
mod native;
mod panic_abort;
mod programs;
mod run;
