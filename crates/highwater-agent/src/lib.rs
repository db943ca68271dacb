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
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `flame` (on by default) | a flame graph in each incident, drawn by inferno, whose licence (CDDL-1.0) differs from the others |
//! | `axum` | [`Pages`] as a router of axum's |
//! | `hyper` | [`Pages`] as a service of hyper's |
//! | `otlp` | incidents as OpenTelemetry profiles |
//! | `pprof-engine` | processor time as the crate pprof samples it |
//! | `thread-sites` | where each thread was started |
//! | `tls` | incidents sent to `https` addresses; needs a C compiler |
//!
//! The way of a request, file by file: [`listener`] and [`server`] (connections in and out) or [`mounted`]
//! (another server) → [`respond`] → [`access`] (who may ask) → [`endpoint`] (what is asked for) →
//! [`captures`] (the thread that takes snapshots) → [`reply`].
#![forbid(unsafe_code)]

mod access;
mod address;
mod agent;
mod body;
mod calling_limit;
mod captures;
mod client_bounds;
mod connections;
mod counts;
mod endpoint;
mod environment;
mod error;
mod failing_limit;
mod listener;
mod mounted;
mod names;
mod of_process;
mod own;
mod query;
mod reply;
mod respond;
mod server;
mod service;
#[cfg(unix)]
mod socket_file;
mod system_limits;
mod watch;
mod who;

pub use address::Address;
pub use agent::{Agent, AgentBuilder};
pub use calling_limit::{SoftLimit, soft_limit};
pub use error::Error;
pub use failing_limit::{HardLimit, hard_limit};
pub use mounted::Pages;
pub use system_limits::{Limits, limits};
pub use watch::{Growth, Watch};

/// Starts an agent that listens on `address`, with the default settings of [`Agent::builder`].
///
/// # Errors
/// The errors of [`AgentBuilder::start`].
pub fn serve(address: impl Into<String>) -> Result<Agent, Error> {
    Agent::builder().listen(address).start()
}
