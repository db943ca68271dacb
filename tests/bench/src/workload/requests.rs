//! A small service over loopback: asynchronous tasks, buffers, and one parsed and one written document per
//! request.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;
use crate::totals::Totals;
use crate::work::Workload;

/// Number of open connections.
const CONNECTIONS: u64 = 8;

/// One request with its answer is one operation. Service and clients share one thread.
pub struct Requests {
    runtime: Runtime,
    clients: Vec<BufReader<TcpStream>>,
}

impl Requests {
    /// Starts the service and connects to it.
    pub fn new() -> Result<Self, Failure> {
        let start = || {
            let runtime = Builder::new_current_thread().enable_io().build()?;
            let clients = runtime.block_on(connect())?;
            Ok(Self { runtime, clients })
        };
        start().map_err(|source| Failure::Io { what: "starting a service on loopback".to_owned(), source })
    }
}

impl Workload for Requests {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        let clients = self.clients.drain(..);
        let ask_all = |(index, client)| {
            let requests = operations / CONNECTIONS + u64::from(index < operations % CONNECTIONS);
            self.runtime.spawn(ask(client, requests))
        };
        let tasks: Vec<_> = (0..CONNECTIONS).zip(clients).map(ask_all).collect();
        self.clients = self
            .runtime
            .block_on(async {
                let mut clients = Vec::with_capacity(tasks.len());
                for task in tasks {
                    clients.push(task.await??);
                }
                Ok::<_, io::Error>(clients)
            })
            .map_err(|source| Failure::Io { what: "requests over loopback".to_owned(), source })?;
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        None
    }
}

/// Listens, and connects the clients. Each connection has its own task.
async fn connect() -> io::Result<Vec<BufReader<TcpStream>>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(address).await?;
        let (server, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        // The task ends when the client closes the connection.
        drop(tokio::spawn(serve(BufReader::new(server))));
        clients.push(BufReader::new(client));
    }
    Ok(clients)
}

async fn serve(mut stream: BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let request: Value = serde_json::from_str(&line)?;
        let items = request["items"].as_array().map_or(&[][..], Vec::as_slice);
        let priced: Vec<Value> =
            items.iter().map(|item| json!({ "name": item, "price": item.as_str().map(str::len) })).collect();
        let answer = json!({ "id": request["id"], "status": "accepted", "items": priced });
        stream.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

async fn ask(mut stream: BufReader<TcpStream>, requests: u64) -> io::Result<BufReader<TcpStream>> {
    for id in 0..requests {
        let items: Vec<String> = (0..4 + id % 5).map(|item| format!("item {item} of {id}")).collect();
        let request = json!({ "id": id, "user": format!("user-{id}"), "items": items });
        stream.write_all(format!("{request}\n").as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let answer: Value = serde_json::from_str(&line)?;
        if answer["id"] != request["id"] {
            return Err(io::Error::other("an answer to another request"));
        }
    }
    Ok(stream)
}
