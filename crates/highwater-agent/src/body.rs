//! Bodies: reads a request's body within bounds of size and time, and makes the body of an answer to `HEAD`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use highwater_recorder::own_memory;
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Bytes};

use crate::captures::Captures;
use crate::client_bounds::{BODY_TIME, MAX_BODY_BYTES};
use crate::own::own;
use crate::reply::Refusal;

/// An empty body whose length is unknown until it is requested, for answers to `HEAD`: otherwise axum would
/// send a content length of 0.
#[cfg(feature = "axum")]
pub(crate) fn unsized_body(_empty: http_body_util::Full<Bytes>) -> axum::body::Body {
    struct Unsized;
    impl Body for Unsized {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _context: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            Poll::Ready(None)
        }
    }
    axum::body::Body::new(Unsized)
}

/// Reads the whole body. Its memory counts as the server's.
///
/// # Errors
/// When the body is too large, incomplete, or takes too long.
pub(crate) async fn read<B>(captures: &Captures, body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut taken = pin!(Limited::new(body, MAX_BODY_BYTES).collect());
    let mut time = pin!(own(|| captures.sleep(BODY_TIME)));
    let refusal = |status, reason: String| Err(Refusal::new(status, reason));
    poll_fn(|context| match taken.as_mut().poll(context) {
        Poll::Ready(Ok(body)) => Poll::Ready(Ok(body.to_bytes())),
        Poll::Ready(Err(_)) => Poll::Ready(own_memory(|| {
            let reason = format!("the body is cut off, or has more than {MAX_BODY_BYTES} bytes");
            refusal(StatusCode::PAYLOAD_TOO_LARGE, reason)
        })),
        Poll::Pending => time.as_mut().poll(context).map(|rung| {
            rung.and_then(|()| {
                own_memory(|| refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()))
            })
        }),
    })
    .await
}
