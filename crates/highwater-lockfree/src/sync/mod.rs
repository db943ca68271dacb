//! What the lock-free parts are made of: the processor's atomics, or under `--cfg loom` a model checker's
//! atomics.
//!
//! Tests on real threads see the few interleavings, and the one memory order, that the machine happens to
//! show. Loom runs a small model through all of them. `cargo xtask test` does it; the models are in
//! `models.rs`.
//!
//! Loom's atomics cannot be made in constants. So what would be constant is written with the macros
//! `constant!`, `filled!` and `global!`, which either half defines for itself; no other file knows which half
//! it is built with.

#[cfg(loom)]
#[macro_use]
mod model;
#[cfg(loom)]
pub(crate) use model::*;

#[cfg(not(loom))]
#[macro_use]
mod real;
#[cfg(not(loom))]
pub(crate) use real::*;
