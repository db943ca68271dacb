//! What has hung or broken other profilers, one program for each: `programs/trap_*.rs`.
//!
//! Each program runs as it is, where it has to end in time with exact counts and a readable profile, and again with a
//! planted fault (`programs/trap/planted.rs`), where this must be noticed. A test that could not notice is no proof.

mod build;
mod dlopen;
mod endings;
mod panic_abort;
mod programs;
mod run;
