//! What all connections share, and the way of a request through it.

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

/// See [the module](self).
pub(crate) struct Service {
    pub access: Access,
    /// What comes before the path of each page; without a slash at its end.
    pub prefix: String,
    pub captures: Captures,
    /// What samples processor time.
    pub engine: Engine,
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
    /// What the watch keeps to record an incident with, in bytes.
    pub reserved_bytes: AtomicU64,
    /// Pages of text that are being made.
    pub texts: AtomicU64,
}

impl Counts {
    /// Makes a page of text, while the watch does not judge what that takes.
    pub(crate) fn while_text<R>(&self, make: impl FnOnce() -> R) -> R {
        /// Counts the page until it is made, whatever becomes of it.
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
    /// The answer to a request, on whichever runtime.
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

    /// What is asked for, by somebody who may. Anyone may ask whether the agent answers: a probe has no token, and the answer
    /// tells nothing.
    fn admit(&self, head: &Parts) -> Result<Endpoint, Refusal> {
        let path = head.uri.path().strip_prefix(self.prefix.as_str()).unwrap_or_default();
        if Endpoint::at(path) != Some(Endpoint::Health) {
            self.access.check(&head.method, &head.headers)?;
        }
        Endpoint::of(&head.method, path)
    }

    async fn answer(self: &Arc<Self>, endpoint: Endpoint, head: &Parts, body: &[u8]) -> Answer {
        own(|| {
            let (service, asked) = (Arc::clone(self), Asked::copy(endpoint, head, body));
            async move { endpoint::answer(&service, asked).await }
        })
        .await
    }
}
