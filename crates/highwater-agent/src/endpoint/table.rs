//! The table of pages, and their paths.

use hyper::{Method, StatusCode};

use crate::reply::Refusal;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Index,
    /// The index without the slash at its end, which the page's relative links need.
    NearlyIndex,
    Health,
    Heap,
    Allocs,
    Rss,
    Profile,
    Threads,
    Tasks,
    Cmdline,
    Symbol,
    Metrics,
    Interval,
    Purge,
}

/// A row of the table.
pub(crate) struct Entry {
    pub path: &'static str,
    pub endpoint: Endpoint,
    /// The page's description on the index page.
    pub about: &'static str,
}

const fn entry(path: &'static str, endpoint: Endpoint, about: &'static str) -> Entry {
    Entry { path, endpoint, about }
}

/// The path of the index without its slash, as people often type it.
pub(crate) const NEARLY_INDEX: &str = "/debug/pprof";

/// All pages, each under one exact path: the path of a request is not decoded or normalised before the
/// look-up.
pub(crate) const ENTRIES: &[Entry] = &[
    entry("/debug/pprof/", Endpoint::Index, "this page"),
    entry(
        "/debug/pprof/heap",
        Endpoint::Heap,
        "live memory by call site; seconds=N for what is allocated meanwhile, debug=1 for text",
    ),
    entry("/debug/pprof/allocs", Endpoint::Allocs, "the same with all memory ever allocated shown first"),
    entry(
        "/debug/pprof/rss",
        Endpoint::Rss,
        "what is resident and why, beside live memory; `highwater rss` shows it",
    ),
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
    entry("/healthz", Endpoint::Health, "`ok` as long as the agent answers; needs no token"),
    entry("/interval", Endpoint::Interval, "the sampling interval; POST 64KiB, exact or off to change it"),
    entry("/purge", Endpoint::Purge, "POST to give free memory back to the system"),
];

impl Endpoint {
    /// The page of a request.
    ///
    /// # Errors
    /// When there is no such page, or it does not accept this method.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, Refusal> {
        let endpoint = Self::at(path).ok_or_else(|| missing(path))?;
        let allowed = endpoint.methods();
        if !allowed.split(", ").any(|it| method == it) {
            let reason = format!("this page takes {allowed}, and not {method}");
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason);
            return Err(Refusal { allowed: Some(allowed), ..refusal });
        }
        Ok(endpoint)
    }

    pub(crate) fn at(path: &str) -> Option<Self> {
        if path == NEARLY_INDEX {
            return Some(Self::NearlyIndex);
        }
        ENTRIES.iter().find(|entry| entry.path == path).map(|entry| entry.endpoint)
    }

    /// The methods that the page accepts, in the form of the header `Allow`.
    fn methods(self) -> &'static str {
        match self {
            Self::Purge => "POST",
            Self::Interval | Self::Symbol => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }
}

/// The message for a path without a page.
fn missing(path: &str) -> Refusal {
    const OF_GO: [&str; 5] = ["block", "goroutine", "mutex", "threadcreate", "trace"];
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let known = ENTRIES.iter().find(|it| {
        let name = it.path.trim_end_matches('/').rsplit('/').next();
        !last.is_empty() && name.is_some_and(|name| name.eq_ignore_ascii_case(last))
    });
    let reason = match known {
        Some(entry) => format!("there is no such page; did you mean {}?", entry.path),
        None if OF_GO.contains(&last) => {
            "only programs in Go have this page; here there are /debug/pprof/threads and /debug/pprof/tasks"
                .to_owned()
        }
        None => "there is no such page; /debug/pprof/ lists all".to_owned(),
    };
    Refusal::new(StatusCode::NOT_FOUND, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_exactly() {
        assert_eq!(Endpoint::at("/debug/pprof/heap"), Some(Endpoint::Heap));
        assert_eq!(Endpoint::at("/debug/pprof"), Some(Endpoint::NearlyIndex));
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
    fn a_wrong_method_gets_the_list_of_accepted_methods() {
        let allowed =
            |method, path| Endpoint::find(&method, path).err().map(|it| (it.status.as_u16(), it.allowed));
        assert_eq!(allowed(Method::GET, "/purge"), Some((405, Some("POST"))));
        assert_eq!(allowed(Method::HEAD, "/purge"), Some((405, Some("POST"))));
        assert_eq!(allowed(Method::POST, "/metrics"), Some((405, Some("GET, HEAD"))));
        assert_eq!(allowed(Method::PUT, "/interval"), Some((405, Some("GET, HEAD, POST"))));
        for entry in ENTRIES.iter().filter(|it| it.endpoint != Endpoint::Purge) {
            assert_eq!(allowed(Method::GET, entry.path), None, "{}", entry.path);
            assert_eq!(allowed(Method::HEAD, entry.path), None, "{}", entry.path);
            assert_eq!(allowed(Method::DELETE, entry.path).unwrap().0, 405, "{}", entry.path);
        }
    }

    #[test]
    fn a_missing_page_gets_a_hint_to_an_existing_one() {
        for (path, said) in [
            ("/debug/pprof/Heap/", "did you mean /debug/pprof/heap?"),
            ("/heap", "did you mean /debug/pprof/heap?"),
            ("/debug/metrics", "did you mean /metrics?"),
            ("/debug/pprof/goroutine", "/debug/pprof/threads"),
            ("/", "/debug/pprof/ lists all"),
            ("/<script>", "/debug/pprof/ lists all"),
        ] {
            let refusal = missing(path);
            assert!(refusal.status == 404 && refusal.reason.contains(said), "{path}: {}", refusal.reason);
            assert!(!refusal.reason.contains('<'));
        }
    }
}
