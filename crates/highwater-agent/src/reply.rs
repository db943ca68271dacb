//! The reply to a request: content, or one line that says why there is none and what to do.

use highwater_recorder::own_memory;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

use crate::own;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The content that a request asked for.
#[derive(Debug)]
pub(crate) struct Reply {
    pub content_type: &'static str,
    /// The file name for `Content-Disposition`, under which a browser saves the content.
    pub file: Option<&'static str>,
    /// A redirection's target, relative to the requested page.
    pub location: Option<&'static str>,
    /// `None` if only the head was requested and the body would have been expensive.
    pub body: Option<Vec<u8>>,
}

impl Reply {
    /// The head of a page of this type.
    pub(crate) fn head(content_type: &'static str) -> Self {
        Self { content_type, file: None, location: None, body: None }
    }

    /// The head of a page of text, or of a profile with this file name.
    pub(crate) fn head_of(is_text: bool, file: &'static str) -> Self {
        if is_text { Self::head(TEXT) } else { Self::pprof(file) }
    }

    /// The head of a profile.
    pub(crate) fn pprof(file: &'static str) -> Self {
        Self { file: Some(file), ..Self::head("application/octet-stream") }
    }

    pub(crate) fn text(body: impl Into<Vec<u8>>) -> Self {
        Self::head(TEXT).with(body)
    }

    /// A redirection to another page.
    pub(crate) fn moved(location: &'static str) -> Self {
        Self { location: Some(location), ..Self::text(format!("see {location}\n")) }
    }

    /// The reply with this body.
    pub(crate) fn with(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some(body.into()), ..self }
    }
}

/// A refused request, and the reason.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub reason: String,
    /// The methods that the page accepts.
    pub allowed: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), allowed: None }
    }

    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// The agent already has as much work as it accepts.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many captures are under way; ask again in a second")
    }

    /// The work ended without a result.
    pub(crate) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason.to_string())
    }
}

pub(crate) type Answer = Result<Reply, Refusal>;

/// The response for an answer. Its memory counts as the agent's. A response to `HEAD` has no body; it has the
/// length of the body it would have, if that is known.
pub(crate) fn response(answer: Answer, is_head: bool) -> Response<Full<Bytes>> {
    let (status, allowed) = match &answer {
        Ok(reply) if reply.location.is_some() => (StatusCode::PERMANENT_REDIRECT, None),
        Ok(_) => (StatusCode::OK, None),
        Err(refusal) => (refusal.status, refusal.allowed),
    };
    let reply = own_memory(|| answer.unwrap_or_else(|refusal| Reply::text(refusal.reason + "\n")));
    let length = reply.body.as_ref().map(Vec::len);
    let body = match reply.body {
        Some(body) if is_head => {
            own_memory(|| drop(body));
            Bytes::new()
        }
        Some(body) => own::bytes(body),
        None => Bytes::new(),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(length) = length.filter(|_| is_head) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, reply.content_type);
    set(CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("x-content-type-options"), "nosniff");
    for (name, value) in [(CONTENT_DISPOSITION, reply.file), (LOCATION, reply.location), (ALLOW, allowed)] {
        if let Some(value) = value {
            set(name, value);
        }
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE => set(RETRY_AFTER, "1"),
        StatusCode::UNAUTHORIZED => set(WWW_AUTHENTICATE, "Bearer"),
        _ => {}
    }
    response
}
