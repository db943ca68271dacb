//! The steps of answering a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use highwater_recorder::own_memory;
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use crate::body;
use crate::endpoint;
use crate::endpoint::asked::Asked;
use crate::endpoint::table::Endpoint;
use crate::own::own;
use crate::reply::{Answer, Refusal, response};
use crate::service::Service;

/// The answer to a request, on any runtime.
pub(crate) async fn respond<B>(service: &Arc<Service>, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    let answer = match own_memory(|| admit(service, &head)) {
        Ok(endpoint) if head.method == Method::POST => match body::read(&service.captures, body).await {
            Ok(body) => answer(service, endpoint, &head, &body).await,
            Err(refusal) => Err(refusal),
        },
        Ok(endpoint) => answer(service, endpoint, &head, &[]).await,
        Err(refusal) => Err(refusal),
    };
    let count = if answer.is_ok() { &service.counts.answered } else { &service.counts.refused };
    count.fetch_add(1, Ordering::Relaxed);
    response(answer, is_head)
}

/// The page of a request, if the client is authorised. Every client may ask whether the agent answers: a
/// probe has no token, and the answer reveals nothing.
fn admit(service: &Service, head: &Parts) -> Result<Endpoint, Refusal> {
    let path = head.uri.path().strip_prefix(service.prefix.as_str()).unwrap_or_default();
    if Endpoint::at(path) != Some(Endpoint::Health) {
        service.access.check(&head.method, &head.headers)?;
    }
    Endpoint::find(&head.method, path)
}

async fn answer(service: &Arc<Service>, endpoint: Endpoint, head: &Parts, body: &[u8]) -> Answer {
    own(|| {
        let (service, asked) = (Arc::clone(service), Asked::copy(endpoint, head, body));
        async move { endpoint::answer(&service, asked).await }
    })
    .await
}
