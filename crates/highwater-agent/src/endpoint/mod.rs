//! What can be asked for: one file for each, and the table of their paths.

mod control;
mod heap;
mod index;
mod metrics;
mod process;
mod symbol;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};
use hyper::{Method, Request, StatusCode};
use tokio::time::timeout;

use crate::limit::{BODY_TIME, MAX_BODY_BYTES};
use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// Something that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Index,
    Heap,
    Allocs,
    Threads,
    Cmdline,
    Symbol,
    Metrics,
    Interval,
    Purge,
}

/// A line of the table.
pub(crate) struct Entry {
    pub path: &'static str,
    pub endpoint: Endpoint,
    /// What the index page says of it.
    pub about: &'static str,
}

const fn entry(path: &'static str, endpoint: Endpoint, about: &'static str) -> Entry {
    Entry { path, endpoint, about }
}

/// All of them, each under its one path: nothing is decoded, joined or shortened before it is looked up here.
pub(crate) const ENTRIES: &[Entry] = &[
    entry("/debug/pprof/", Endpoint::Index, "this page"),
    entry(
        "/debug/pprof/heap",
        Endpoint::Heap,
        "live memory by call site; seconds=N for what is allocated meanwhile, debug=1 for text",
    ),
    entry("/debug/pprof/allocs", Endpoint::Allocs, "the same with all memory ever allocated shown first"),
    entry("/debug/pprof/threads", Endpoint::Threads, "threads by name; debug=1 for text"),
    entry("/debug/pprof/cmdline", Endpoint::Cmdline, "the command line, its words separated by NUL"),
    entry("/debug/pprof/symbol", Endpoint::Symbol, "names of addresses, as `go tool pprof` asks for them"),
    entry("/metrics", Endpoint::Metrics, "totals, for Prometheus"),
    entry("/interval", Endpoint::Interval, "the sampling interval; POST 64KiB, exact or off to change it"),
    entry("/purge", Endpoint::Purge, "POST to give free memory back to the system"),
];

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        // Typed by hand it is often without the slash.
        let path = if path == "/debug/pprof" { "/debug/pprof/" } else { path };
        ENTRIES.iter().find(|entry| entry.path == path).map(|entry| entry.endpoint)
    }

    fn allows(self, method: &Method) -> bool {
        match self {
            Self::Purge => *method == Method::POST,
            Self::Interval | Self::Symbol => *method == Method::GET || *method == Method::POST,
            _ => *method == Method::GET,
        }
    }
}

/// The answer to a request of somebody who may ask.
///
/// # Errors
/// When there is none, with the reason.
pub(crate) async fn answer<B>(service: &Service, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let endpoint = Endpoint::at(head.uri.path()).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "there is no such page; /debug/pprof/ lists all")
    })?;
    if !endpoint.allows(&head.method) {
        let reason = format!("{} does not take {}", head.uri.path(), head.method);
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason));
    }
    let body = if head.method == Method::POST { read(body).await? } else { Bytes::new() };
    let query = Query(head.uri.query().unwrap_or_default());
    match endpoint {
        Endpoint::Index => Ok(index::page()),
        Endpoint::Heap => heap::answer(service, query, heap::Shown::Live).await,
        Endpoint::Allocs => heap::answer(service, query, heap::Shown::Allocated).await,
        Endpoint::Threads => process::threads(query),
        Endpoint::Cmdline => Ok(process::command_line()),
        Endpoint::Symbol => symbol::answer(service, &head.method, query, body).await,
        Endpoint::Metrics => Ok(metrics::answer(service, &head.headers)),
        Endpoint::Interval if head.method == Method::POST => control::set_interval(&body),
        Endpoint::Interval => Ok(Reply::text(control::interval() + "\n")),
        Endpoint::Purge => control::purge(service).await,
    }
}

/// All of a body, if it is not too large and comes in time.
async fn read<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match timeout(BODY_TIME, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is cut off, or has more than {MAX_BODY_BYTES} bytes"),
        )),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_it_is() {
        assert_eq!(Endpoint::at("/debug/pprof/heap"), Some(Endpoint::Heap));
        assert_eq!(Endpoint::at("/debug/pprof"), Some(Endpoint::Index));
        for trick in [
            "",
            "/",
            "*",
            "//debug/pprof/heap",
            "/debug/pprof//heap",
            "/debug/pprof/heap/",
            "/debug/pprof/../pprof/heap",
            "/debug/pprof/./heap",
            "/debug/pprof/%68eap",
            "/debug/pprof/heap%00",
            "/debug/pprof/heap;a=b",
            "/DEBUG/pprof/heap",
            "/debug/pprof/../../../etc/passwd",
            "\\debug\\pprof\\heap",
        ] {
            assert_eq!(Endpoint::at(trick), None, "{trick}");
        }
    }

    #[test]
    fn what_changes_something_is_not_asked_for_by_get() {
        assert!(!Endpoint::Purge.allows(&Method::GET));
        assert!(!Endpoint::Heap.allows(&Method::POST));
        assert!(ENTRIES.iter().all(|entry| !entry.endpoint.allows(&Method::DELETE)));
    }
}
