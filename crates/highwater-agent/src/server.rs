//! The server: accepts connections with one request each, and closes connections that take too long.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::client_bounds::{MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::connections::{Connections, Pace, Slot};
use crate::listener::{Listener, Stream};
use crate::respond::respond;
use crate::service::Service;

/// Time between two checks of open connections.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Pause after the system accepted no connection, for example because the program has no free file
/// descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is notified.
pub(crate) async fn serve(listener: Listener, service: Arc<Service>, stop: Arc<Notify>) {
    let mut connections = Connections::new(MAX_CONNECTIONS);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => Some(accepted),
            () = sleep(LOOK_EVERY), if !connections.is_empty() => None,
            () = stop.notified() => return,
        };
        let mut dropped = connections.end_overdue(Instant::now());
        match accepted {
            Some(Ok(stream)) => {
                let slot = connections.make_slot();
                dropped += u64::from(slot != Slot::Free);
                if slot != Slot::None {
                    let service = Arc::clone(&service);
                    connections.add(|pace| tokio::spawn(converse(stream, service, pace)).abort_handle());
                }
            }
            Some(Err(_)) => sleep(ACCEPT_PAUSE).await,
            None => {}
        }
        service.counts.dropped_connections.fetch_add(dropped, Ordering::Relaxed);
    }
}

/// Answers the one request of a connection.
async fn converse(stream: Box<dyn Stream>, service: Arc<Service>, pace: Pace) {
    let respond = |request| {
        let (service, pace) = (Arc::clone(&service), pace.clone());
        async move {
            pace.begin_work();
            let response = respond(&service, request).await;
            pace.begin_answer();
            Ok::<_, Infallible>(response)
        }
    };
    // Errors on a connection are visible to the client, which is enough.
    let _ = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service_fn(respond))
        .await;
}
