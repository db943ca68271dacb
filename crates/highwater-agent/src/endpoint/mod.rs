//! What can be asked for: one file for each, and the table of their paths.

mod control;
mod cpu;
mod heap;
mod index;
mod metrics;
mod process;
mod symbol;
mod tasks;
mod threads;

pub(crate) use threads::prepare;

use hyper::header::ACCEPT;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// Something that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Index,
    Heap,
    Allocs,
    Profile,
    Threads,
    Tasks,
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
    entry(
        "/debug/pprof/profile",
        Endpoint::Profile,
        "where processor time goes; seconds=N for how long to look, 30 without it",
    ),
    entry(
        "/debug/pprof/threads",
        Endpoint::Threads,
        "threads by where they were started, or by name; debug=1 for text",
    ),
    entry(
        "/debug/pprof/tasks",
        Endpoint::Tasks,
        "live async tasks by where they were spawned; debug=1 for text with the errors",
    ),
    entry("/debug/pprof/cmdline", Endpoint::Cmdline, "the command line, its words separated by NUL"),
    entry("/debug/pprof/symbol", Endpoint::Symbol, "names of addresses, as `go tool pprof` asks for them"),
    entry("/metrics", Endpoint::Metrics, "totals, for Prometheus"),
    entry("/interval", Endpoint::Interval, "the sampling interval; POST 64KiB, exact or off to change it"),
    entry("/purge", Endpoint::Purge, "POST to give free memory back to the system"),
];

impl Endpoint {
    /// What a request asks for.
    ///
    /// # Errors
    /// When there is no such thing, or not by this method.
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        let endpoint = Self::at(path).ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "there is no such page; /debug/pprof/ lists all")
        })?;
        if !endpoint.allows(method) {
            let reason = format!("{path} does not take {method}");
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason));
        }
        Ok(endpoint)
    }

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

/// A request of somebody who may ask, as far as it matters to the answer. The text is the agent's own.
pub(crate) struct Asked {
    endpoint: Endpoint,
    is_post: bool,
    query: String,
    /// Whether the client understands OpenMetrics.
    accepts_open_metrics: bool,
    body: Vec<u8>,
}

impl Asked {
    pub(crate) fn copy(endpoint: Endpoint, head: &Parts, body: &[u8]) -> Self {
        let accepted = head.headers.get_all(ACCEPT);
        Self {
            endpoint,
            is_post: head.method == Method::POST,
            query: head.uri.query().unwrap_or_default().to_owned(),
            accepts_open_metrics: accepted
                .iter()
                .any(|it| it.to_str().is_ok_and(|it| it.contains("application/openmetrics-text"))),
            body: body.to_vec(),
        }
    }
}

/// The answer.
///
/// # Errors
/// When there is none, with the reason.
pub(crate) async fn answer(service: &Service, asked: Asked) -> Answer {
    let query = Query(&asked.query);
    match asked.endpoint {
        Endpoint::Index => Ok(index::page()),
        Endpoint::Heap => heap::answer(service, query, heap::Shown::Live).await,
        Endpoint::Allocs => heap::answer(service, query, heap::Shown::Allocated).await,
        Endpoint::Profile => cpu::answer(service, query).await,
        Endpoint::Threads => threads::answer(service, query).await,
        Endpoint::Tasks => tasks::answer(service, query).await,
        Endpoint::Cmdline => Ok(process::command_line()),
        Endpoint::Symbol => {
            let asked = if asked.is_post { asked.body } else { asked.query.into_bytes() };
            symbol::answer(service, asked).await
        }
        Endpoint::Metrics => Ok(metrics::answer(service, asked.accepts_open_metrics)),
        Endpoint::Interval if asked.is_post => control::set_interval(&asked.body),
        Endpoint::Interval => Ok(Reply::text(control::interval() + "\n")),
        Endpoint::Purge => control::purge(service).await,
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
