//! Answers are made in the agent's own memory, on whichever thread, and handed to whoever sends them.
//!
//! The agent's thread does all in its own memory. Where the application's server answers for the agent, requests and
//! responses are the program's, and only what stands between them is not: so no request is dropped in here, and of a
//! response nothing but the body is made in here, which knows where it comes from.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;

use highwater_recorder::own_memory;
use hyper::body::Bytes;

/// The output of the future that `make` gives. It is made, run and dropped with its memory counted as the agent's.
pub(crate) async fn own<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    let mut running = Running(Some(own_memory(|| Box::pin(make()))));
    poll_fn(|context| {
        // It is there until this is dropped.
        let Some(future) = &mut running.0 else { return std::task::Poll::Pending };
        own_memory(|| future.as_mut().poll(context))
    })
    .await
}

/// A future whose memory is the agent's.
struct Running<F>(Option<Pin<Box<F>>>);

impl<F> Drop for Running<F> {
    fn drop(&mut self) {
        own_memory(|| drop(self.0.take()));
    }
}

/// Bytes that are the agent's, until the last one who sends them has done so.
pub(crate) fn bytes(own: Vec<u8>) -> Bytes {
    struct Own(Vec<u8>);
    impl AsRef<[u8]> for Own {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Own {
        fn drop(&mut self) {
            own_memory(|| drop(mem::take(&mut self.0)));
        }
    }
    Bytes::from_owner(Own(own))
}
