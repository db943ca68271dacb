//! What a request asks for.

use hyper::Method;
use hyper::header::ACCEPT;
use hyper::http::request::Parts;

use super::table::Endpoint;

/// The parts of an authorised request that matter for the answer. Its text counts as the agent's memory.
pub(crate) struct Asked {
    pub(super) endpoint: Endpoint,
    pub(super) is_post: bool,
    /// Whether only the head of the answer is requested.
    pub(super) is_head: bool,
    pub(super) query: String,
    /// Whether the client understands OpenMetrics.
    pub(super) accepts_open_metrics: bool,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn copy(endpoint: Endpoint, head: &Parts, body: &[u8]) -> Self {
        let accepted = head.headers.get_all(ACCEPT);
        Self {
            endpoint,
            is_post: head.method == Method::POST,
            is_head: head.method == Method::HEAD,
            query: head.uri.query().unwrap_or_default().to_owned(),
            accepts_open_metrics: accepted
                .iter()
                .any(|it| it.to_str().is_ok_and(|it| it.contains("application/openmetrics-text"))),
            body: body.to_vec(),
        }
    }
}
