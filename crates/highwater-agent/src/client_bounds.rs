//! How much a client of the agent may take: the bounds of the server, in one place.

use std::time::Duration;

/// Maximum open connections. A silent one is closed for a new one.
pub(crate) const MAX_CONNECTIONS: usize = 128;

/// Maximum time from the connection to the end of the request's head.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// Maximum time from the head to the end of the body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);

/// Maximum time for the client to read the whole answer.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Maximum size of a request's head: the first line and the headers.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

pub(crate) const MAX_HEADERS: usize = 64;

/// Maximum size of a request's body: `go tool pprof` asks for all names in one request.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;
