//! Symbols of programs that the tests build, compared with what other tools say of the same addresses.
//!
//! Programs are built as they are in the wild (both Rust manglings, C++, split, stripped, packed, without build id), and
//! for every sampled address the functions, files and lines must be those of `llvm-symbolizer`, and the names those that
//! binutils' `addr2line` shows.

mod allocators;
mod cache;
mod compare;
mod hostile;
mod names;
mod programs;
mod refused;
mod separate;
mod subject;
