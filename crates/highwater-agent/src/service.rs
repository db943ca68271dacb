//! What all connections share, and the way of a request through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response};

use crate::access::Access;
use crate::captures::Captures;
use crate::endpoint;
use crate::reply::response;

/// See [the module](self).
pub(crate) struct Service {
    pub access: Access,
    pub captures: Captures,
    /// Gives free memory back to the system; false when it cannot.
    pub purge: fn() -> bool,
    pub counts: Arc<Counts>,
}

/// What the agent did so far, for `/metrics`.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests that got what they asked for.
    pub answered: AtomicU64,
    /// Requests that did not.
    pub refused: AtomicU64,
    /// Connections that ended because they took too long, or that others needed the room of.
    pub dropped_connections: AtomicU64,
    /// How often the watch read how much memory is in use.
    pub readings: AtomicU64,
    /// Snapshots in the ring of the watch, those included that it has deleted since.
    pub snapshots: AtomicU64,
    /// Incidents that the watch recorded.
    pub incidents: AtomicU64,
    /// What the watch could not read or write.
    pub watch_failures: AtomicU64,
}

impl Service {
    pub(crate) async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let answer = match self.access.check(request.method(), request.headers()) {
            Ok(()) => endpoint::answer(self, request).await,
            Err(refusal) => Err(refusal),
        };
        let count = if answer.is_ok() { &self.counts.answered } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
        response(answer)
    }
}
