//! A server for one handler, and one request to it.

use axum::Router;
use axum::handler::Handler;
use axum::routing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The answer of a server with this handler. The server has ended when this returns.
pub async fn get<H: Handler<T, ()>, T: 'static>(handler: H) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let app = Router::new().route("/report", routing::get(handler));
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    let mut client = TcpStream::connect(address).await.expect("the server listens");
    let request = b"GET /report HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.expect("the server reads");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("the server answers");
    drop(stop);
    server.await.expect("the server does not panic").expect("it ends well");
    answer
}
