//! How much a client of the agent may take: the bounds of the server, in one place.

use std::time::Duration;

/// Connections that are open at a time. One that is silent makes room for a new one.
pub(crate) const MAX_CONNECTIONS: usize = 128;

/// From the connection to the end of the head of its request.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// From the head to the end of the body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);

/// From the answer to the moment at which the client has taken all of it.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(60);

/// The head of a request: the first line and the headers.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

pub(crate) const MAX_HEADERS: usize = 64;

/// The body of a request: `go tool pprof` asks for all names at once.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;
