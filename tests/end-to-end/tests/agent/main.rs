//! The agent in a real service: the content of its pages, the real clients that read them, hostile clients
//! that do no harm, and the files that survive the end of the service.

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
