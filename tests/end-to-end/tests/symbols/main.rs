//! Symbols of programs that the tests build, compared with other tools' answers for the same addresses.
//!
//! Programs are built like real ones (both Rust manglings, C++, split, stripped, compressed, without build
//! id). For every sampled address, functions, files and lines must be the same as in `llvm-symbolizer`, and
//! names the same as in binutils' `addr2line`.

mod allocators;
mod cache;
mod compare;
mod hostile;
mod layouts;
mod names;
mod programs;
mod refused;
mod separate;
mod subject;
