//! What the name of a function and the path of a file say: whose code it is, and how it is called in one
//! spelling.
//!
//! Everything here reads text and gives text back. No file is opened, no address is looked up, and nothing is
//! decided about a finding. What is known of names stands here once, and is used wherever names are read:
//!
//! | question | module |
//! |---|---|
//! | Which package is a source file of, which version, the toolchain's or a dependency's? | [`source`], [`package`] |
//! | What is in a program or a shared library? | [`library`] |
//! | Which crate is a function of, what is its own name? | [`function`] |
//! | What are all instances of a generic function called? | [`generic`] |
//! | Which names of both manglings and of debug information are one? | [`plain`](mod@plain), [`spelling`], [`qualified`] |
//! | Which type arguments does a name of the older mangling lack? | [`arguments`] |
//! | Of what type is a block that these functions allocated, and what keeps it? | [`types`] |
//! | Is this an allocator's function, the compiler's call to it, or Highwater's own? | [`allocators`], [`own`] |
//!
//! ```
//! use highwater_names::{function, plain::plain, source};
//!
//! let file = "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.54.1/src/task/spawn.rs";
//! let package = source::source(file).package().expect("a file of a registry");
//! assert_eq!((package.name, package.version), ("tokio", Some("1.54.1")));
//! assert_eq!(plain("<a::B<u8>>::c::{closure#0}"), "a::B::c::{{closure}}");
//! assert_eq!(function::own_name("a::B<T>::c"), "c");
//! ```
#![forbid(unsafe_code)]

pub mod allocators;
pub mod arguments;
pub mod brackets;
pub mod function;
pub mod generic;
pub mod library;
pub mod own;
pub mod package;
pub mod plain;
pub mod qualified;
pub mod source;
pub mod spelling;
pub mod types;
