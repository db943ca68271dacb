//! The agent's pages inside an existing server, with axum or with hyper alone.
//!
//! ```text
//! cargo run --release -p highwater-agent --features axum,hyper --example routers -- axum 127.0.0.1:8080
//! go tool pprof -top http://highwater:correct-horse-battery@127.0.0.1:8080/debug/pprof/heap
//! ```
//!
//! `nested` instead of `axum` serves the pages below `/internal`; for hyper,
//! `HIGHWATER_AGENT=prefix:/internal` does. The service ends when its standard input is closed.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Read;
use std::sync::Mutex;
use std::thread;

use axum::Router;
use axum::routing::get;
use highwater_agent::{Agent, Pages};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

/// A real service would read it from its configuration.
const TOKEN: &str = "correct-horse-battery";

/// Vectors that are never freed.
static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

#[inline(never)]
fn keep() -> usize {
    let Ok(mut kept) = KEPT.lock() else { return 0 };
    kept.push(vec![1; 3_000]);
    kept.len()
}

async fn with_axum(listener: TcpListener, pages: Pages, is_nested: bool) {
    let own = Router::new()
        .route("/keep", get(|| async { format!("{}\n", keep()) }))
        .route("/healthz", get(|| async { "the service is well\n" }));
    let pages = pages.router();
    let routes = if is_nested { own.nest("/internal", pages) } else { own.merge(pages) };
    // Serves until the process ends.
    let _ = axum::serve(listener, routes).await;
}

async fn with_hyper(listener: TcpListener, pages: Pages) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        keep();
        let answer = hyper::server::conn::http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), pages.clone());
        // Errors on a connection are visible to the client, which is enough here.
        tokio::spawn(async { drop(answer.await) });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let by = arguments.next().unwrap_or_else(|| "axum".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let pages = Agent::builder().token(TOKEN).from_environment()?.pages()?;
    // The pages need no timer of the runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_io().build()?;
    let listener = runtime.block_on(TcpListener::bind(address))?;
    println!("{0} {0}", listener.local_addr()?);
    thread::spawn(move || match by.as_str() {
        "hyper" => runtime.block_on(with_hyper(listener, pages)),
        by => runtime.block_on(with_axum(listener, pages, by == "nested")),
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
