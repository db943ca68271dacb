//! The recorder behind C's malloc family, as a library that `highwater run` preloads into a program as it is.
//!
//! The library has the names of the C library's functions, so that a program that is started with it calls
//! these first ([`family`]). They pass on to the next functions with these names ([`real`]), of the C
//! library or of a shared library with another allocator, and record by [`highwater_recorder::Family`].
//! When the program ends ([`ending`]), gives its process to another program ([`exec`]) or is asked to end
//! ([`signals`]), the profile is written ([`output`]). One environment variable says what is to be done
//! ([`settings`]). The program does not see it ([`start`]). A program that waits to be recorded listens
//! ([`control`]).
//!
//! **This crate has no memory in common with the program.** Its own allocator is another one, so that the
//! profile can be written wherever the program stands, in the middle of `malloc` too. It knows no command and
//! no terminal.
//!
//! In a unit test the functions have other names: the test keeps its own allocator.
#![cfg_attr(test, allow(dead_code, reason = "nobody calls the functions in a unit test"))]

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod control;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod ending;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod environment;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod exec;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod family;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod output;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod process;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod real;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod settings;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod signals;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod start;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#[global_allocator]
static OWN: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
