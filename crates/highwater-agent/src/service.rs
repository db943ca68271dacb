//! The state that all connections share, and the steps of answering a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_recorder::own_memory;
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use crate::access::Access;
use crate::body;
use crate::captures::Captures;
use crate::endpoint::{self, Asked, Endpoint, Engine};
use crate::own::own;
use crate::reply::{Answer, Refusal, response};

/// The shared state; see [the module](self).
pub(crate) struct Service {
    pub access: Access,
    /// The prefix of each page's path, without a slash at its end.
    pub prefix: String,
    pub captures: Captures,
    /// The sampler of processor time.
    pub engine: Engine,
    /// Gives free memory back to the system; returns false if it cannot.
    pub purge: fn() -> bool,
    pub counts: Arc<Counts>,
}

/// The agent's counters for `/metrics`.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests that were answered.
    pub answered: AtomicU64,
    /// Requests that were refused.
    pub refused: AtomicU64,
    /// Connections that were closed because they took too long, or because new ones needed their place.
    pub dropped_connections: AtomicU64,
    /// Readings of memory use by the watch.
    pub readings: AtomicU64,
    /// Snapshots in the ring of the watch, including those it has deleted since.
    pub snapshots: AtomicU64,
    /// Incidents that the watch recorded.
    pub incidents: AtomicU64,
    /// Failed reads and writes of the watch.
    pub watch_failures: AtomicU64,
    /// Bytes that the watch reserves for recording an incident.
    pub reserved_bytes: AtomicU64,
    /// Pages of text in the making.
    pub texts: AtomicU64,
}

impl Counts {
    /// Makes a page of text. Meanwhile, the watch does not judge the memory that this takes.
    pub(crate) fn while_text<R>(&self, make: impl FnOnce() -> R) -> R {
        /// Counts the page until it is complete, or until making it fails.
        struct Making<'a>(&'a AtomicU64);
        impl Drop for Making<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.texts.fetch_add(1, Ordering::Relaxed);
        let _making = Making(&self.texts);
        make()
    }
}

impl Service {
    /// The answer to a request, on any runtime.
    pub(crate) async fn respond<B>(self: &Arc<Self>, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let answer = match own_memory(|| self.admit(&head)) {
            Ok(endpoint) if head.method == Method::POST => match body::read(&self.captures, body).await {
                Ok(body) => self.answer(endpoint, &head, &body).await,
                Err(refusal) => Err(refusal),
            },
            Ok(endpoint) => self.answer(endpoint, &head, &[]).await,
            Err(refusal) => Err(refusal),
        };
        let count = if answer.is_ok() { &self.counts.answered } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
        response(answer, is_head)
    }

    /// The page of a request, if the client is authorised. Every client may ask whether the agent answers: a
    /// probe has no token, and the answer reveals nothing.
    fn admit(&self, head: &Parts) -> Result<Endpoint, Refusal> {
        let path = head.uri.path().strip_prefix(self.prefix.as_str()).unwrap_or_default();
        if Endpoint::at(path) != Some(Endpoint::Health) {
            self.access.check(&head.method, &head.headers)?;
        }
        Endpoint::find(&head.method, path)
    }

    async fn answer(self: &Arc<Self>, endpoint: Endpoint, head: &Parts, body: &[u8]) -> Answer {
        own(|| {
            let (service, asked) = (Arc::clone(self), Asked::copy(endpoint, head, body));
            async move { endpoint::answer(&service, asked).await }
        })
        .await
    }
}
