//! The agent's pages for a server that the application already has.

use std::fmt;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response};

use highwater_recorder::own_memory;

use crate::respond::respond;
use crate::service::Service;

/// The agent's pages for an application's own server: with the feature `axum` as a router
/// ([`Pages::router`]), with the feature `hyper` as a hyper service, and otherwise request by request
/// ([`Pages::respond`]). [`AgentBuilder::pages`](crate::AgentBuilder::pages) makes them. Clones are cheap and
/// share one thread that takes snapshots; the thread ends with the last clone.
///
/// The pages, the number of captures at a time, and the bounds on bodies are the same as for
/// [`serve`](crate::serve). The server is responsible for connections and heads of requests, and for their
/// bounds.
#[derive(Clone)]
pub struct Pages(Option<Arc<Service>>);

impl Pages {
    /// Frees the pages as the agent's memory when they are dropped.
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self(Some(service))
    }

    /// The answer to a request, on any runtime. If the path is not one of the agent's, the status is 404.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match &self.0 {
            Some(service) => respond(service, request).await,
            // Only during the drop, when no request can arrive.
            None => Response::default(),
        }
    }

    /// The paths of all pages, such as `/debug/pprof/heap`, without the
    /// [prefix](crate::AgentBuilder::prefix): the paths to route to these pages.
    pub fn paths() -> impl Iterator<Item = &'static str> {
        crate::endpoint::table::ENTRIES
            .iter()
            .map(|entry| entry.path)
            .chain([crate::endpoint::table::NEARLY_INDEX])
    }

    /// A router with a route for each page, to merge into the application's router or to nest below a path.
    /// It is also a tower service. If the application has a `GET` route with the same path, such as
    /// `/healthz`, the application's route is kept.
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
        // Memory that was allocated as the agent's must be freed as the agent's.
        own_memory(|| drop(self.0.take()));
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}
