//! The agent's pages for a server that the application has already.

use std::fmt;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response};

use highwater_recorder::own_memory;

use crate::service::Service;

/// The agent's pages, answered by whichever server they are given to: with the feature `axum` as a router
/// ([`Pages::router`]), with the feature `hyper` as a service of hyper's, and otherwise request by request
/// ([`Pages::respond`]). [`AgentBuilder::pages`](crate::AgentBuilder::pages) makes them. Copies are cheap, and share one thread
/// that takes snapshots, which ends with the last of them.
///
/// Which requests are answered, how many captures there may be at a time, and how large and slow a body may be is as it
/// is with [`serve`](crate::serve). Connections and heads of requests are the server's, and so are their bounds.
#[derive(Clone)]
pub struct Pages(Option<Arc<Service>>);

impl Pages {
    /// For the memory that is given back when it is dropped.
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self(Some(service))
    }

    /// The answer to a request, on any runtime. A path that is none of the agent's is answered with status 404.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match &self.0 {
            Some(service) => service.respond(request).await,
            // Only while it is dropped, which nobody sees.
            None => Response::default(),
        }
    }

    /// The paths of all pages, such as `/debug/pprof/heap`, without the [prefix](crate::AgentBuilder::prefix): what to route
    /// here.
    pub fn paths() -> impl Iterator<Item = &'static str> {
        crate::endpoint::ENTRIES.iter().map(|entry| entry.path).chain([crate::endpoint::NEARLY_INDEX])
    }

    /// A router with a route for each page, to be merged into the application's or nested below a path of it. It is a service of
    /// tower's, too. Where the application has a `GET` route of the same path, such as `/healthz`, that one is kept.
    #[cfg(feature = "axum")]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        let answer = |pages: Self| {
            axum::routing::any(move |request: axum::extract::Request| async move {
                let is_head = request.method() == hyper::Method::HEAD;
                let response = pages.respond(request).await;
                if is_head {
                    response.map(crate::body::unsized_body)
                } else {
                    response.map(axum::body::Body::new)
                }
            })
        };
        let prefix = self.0.as_ref().map_or("", |service| &service.prefix);
        Self::paths().fold(axum::Router::new(), |router, path| {
            router.route(&format!("{prefix}{path}"), answer(self.clone()))
        })
    }
}

/// For `hyper::server`.
#[cfg(feature = "hyper")]
impl<B> hyper::service::Service<Request<B>> for Pages
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let pages = self.clone();
        Box::pin(async move { Ok(pages.respond(request).await) })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // What was allocated as the agent's own memory is freed as such.
        own_memory(|| drop(self.0.take()));
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}
