//! What a request gets: content, or one line that says why not and what to do.

use highwater_runtime::own_memory;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

use crate::own;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The content that a request asked for.
#[derive(Debug)]
pub(crate) struct Reply {
    pub content_type: &'static str,
    /// The name under which a browser saves it.
    pub file: Option<&'static str>,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: TEXT, file: None, body: body.into() }
    }

    pub(crate) fn pprof(file: &'static str, body: Vec<u8>) -> Self {
        Self { content_type: "application/octet-stream", file: Some(file), body }
    }
}

/// A request that is not answered, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// There is more to do than the agent takes on at a time.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many captures are under way; ask again in a second")
    }

    /// The work ended without a result.
    pub(crate) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason.to_string())
    }
}

pub(crate) type Answer = Result<Reply, Refusal>;

/// The response that says so. The answer is in the agent's own memory.
pub(crate) fn response(answer: Answer) -> Response<Full<Bytes>> {
    let status = answer.as_ref().err().map_or(StatusCode::OK, |refusal| refusal.status);
    let reply = own_memory(|| answer.unwrap_or_else(|refusal| Reply::text(refusal.reason + "\n")));
    let mut response = Response::new(Full::new(own::bytes(reply.body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, reply.content_type);
    set(CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("x-content-type-options"), "nosniff");
    if let Some(disposition) = reply.file {
        set(CONTENT_DISPOSITION, disposition);
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE => set(RETRY_AFTER, "1"),
        StatusCode::UNAUTHORIZED => set(WWW_AUTHENTICATE, "Bearer"),
        _ => {}
    }
    response
}
