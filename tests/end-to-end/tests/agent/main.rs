//! The agent in a real service: what its pages hold, that the real clients read them, and that hostile ones do no harm; and
//! that what it writes down survives the end of the service.

mod clients;
mod containers;
mod deploy;
mod hostile;
mod http;
mod identity;
mod live;
mod oom;
mod pages;
mod processor;
mod routers;
mod service;
mod sinks;
mod spawned;
mod tls;
mod trouble;
mod unix;
mod watch;
mod watched;
