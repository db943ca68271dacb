//! Makes answers in the agent's own memory, on any thread, and hands them to the server that sends them.
//!
//! The agent's threads do everything in the agent's own memory. If an application's server serves the pages,
//! requests and responses belong to the program, and only the work in between belongs to the agent. So no
//! request is dropped in here. Of a response, only the body is made in here, and the body knows its owner.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;

use highwater_recorder::own_memory;
use hyper::body::Bytes;

/// The output of the future that `make` returns. The future is made, polled and dropped with its memory
/// counted as the agent's.
pub(crate) async fn own<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    let mut running = Running(Some(own_memory(|| Box::pin(make()))));
    poll_fn(|context| {
        // The future exists until this is dropped.
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

/// Bytes that count as the agent's memory until their last user drops them.
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
