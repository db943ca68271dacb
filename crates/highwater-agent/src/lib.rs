//! Heap profiles and metrics of a running service, over HTTP.
//!
//! ```no_run
//! #[global_allocator]
//! static ALLOC: highwater::Alloc = highwater::Alloc::new();
//!
//! fn main() -> Result<(), highwater_agent::Error> {
//!     highwater_agent::serve("127.0.0.1:6060")?;
//!     // … the service …
//!     Ok(())
//! }
//! ```
//!
//! Then `go tool pprof http://127.0.0.1:6060/debug/pprof/heap` shows which functions hold memory, and
//! Prometheus scrapes `/metrics`. The page `/debug/pprof/` lists all pages.
//!
//! The agent needs nothing from the program: it has two threads and a small runtime of its own, and
//! everything it allocates counts as Highwater's overhead, not as the program's memory. It answers only this
//! machine, unless there is a token ([`AgentBuilder::token`]) or [`AgentBuilder::open_to_anyone`] is set. The
//! numbers of connections, bytes and snapshots are bounded, however many clients there are and however slow
//! they are.
//!
//! [`highwater::who`] identifies the process in profiles, incidents and metrics; [`who`] converts this to the
//! forms of receivers.
//!
//! An application that already has a server can serve the agent's pages itself ([`Pages`]).
//!
//! The path of a request, file by file: [`listener`] and [`server`] (connections in and out) or [`pages`]
//! (the application's server) → [`service`] → [`access`] (authorisation) → [`endpoint`] (the page) →
//! [`captures`] (the thread that takes snapshots) → [`reply`].
#![forbid(unsafe_code)]

mod access;
mod address;
mod agent;
mod body;
mod captures;
mod connections;
mod endpoint;
mod environment;
mod error;
mod hard_limit;
mod limit;
mod limits;
mod listener;
mod names;
mod of_process;
mod own;
mod pages;
mod query;
mod reply;
mod server;
mod service;
#[cfg(unix)]
mod socket_file;
mod soft_limit;
mod watch;
mod who;

pub use address::Address;
pub use agent::{Agent, AgentBuilder};
pub use error::Error;
pub use hard_limit::{HardLimit, hard_limit};
pub use limits::{Limits, limits};
pub use pages::Pages;
pub use soft_limit::{SoftLimit, soft_limit};
pub use watch::{Growth, Watch};

/// Starts an agent that listens on `address`, with the default settings of [`Agent::builder`].
///
/// # Errors
/// The errors of [`AgentBuilder::start`].
pub fn serve(address: impl Into<String>) -> Result<Agent, Error> {
    Agent::builder().listen(address).start()
}
