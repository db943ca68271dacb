//! The agent's example service, run for a test, and a client that sends exactly the given bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program, and addresses that let the system choose ports.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_agent_service");
pub const ADDRESSES: [&str; 2] = ["127.0.0.1:0", "127.0.0.1:0"];

/// A running service. It is killed when this is dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    pub agent: SocketAddr,
}

impl Service {
    /// Starts the service with every allocation recorded.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Like [`Self::start`], with additional environment variables.
    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(ADDRESSES).env("HIGHWATER", "exact").envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts the service whose own server serves the agent's pages: `axum`, `nested` or `hyper`.
    pub fn with_pages(by: &str) -> Self {
        Self::with_pages_at(by, "")
    }

    /// Like [`Self::with_pages`], with a value for `HIGHWATER_AGENT`.
    pub fn with_pages_at(by: &str, settings: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent_routers"));
        command.args([by, "127.0.0.1:0"]).env("HIGHWATER", "exact").env("HIGHWATER_AGENT", settings);
        Self::spawn(command)
    }

    /// Starts the service with a command that finally runs it.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut addresses = line.split_whitespace().map(|it| it.parse().unwrap());
        let (address, agent) = (addresses.next().unwrap(), addresses.next().unwrap());
        Self { child, address, agent }
    }

    /// Makes the service keep this many more MiB. False if it has ended.
    pub fn hoard(&self, mib: usize) -> bool {
        self.is_told(&format!("hoard/{mib}"))
    }

    fn is_told(&self, what: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        let request = format!("GET /{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).is_ok() && receive(&mut stream).status == 200
    }

    /// Kills the process with SIGKILL, like the kernel does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Visits the service, so that it remembers 3,000 bytes each time.
    pub fn visit(&self, times: usize) {
        for _ in 0..times {
            assert_eq!(ask(self.address, "GET /visit/anna HTTP/1.1").status, 200);
        }
    }

    /// Visits the service once. False if it has ended.
    pub fn can_be_visited(&self) -> bool {
        self.is_told("visit/anna")
    }

    /// The agent's response for a page.
    pub fn get(&self, path: &str) -> Response {
        ask(self.agent, &format!("GET {path} HTTP/1.1"))
    }

    /// The value of a metric in `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    /// Number of open file descriptors of the service.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Private writable memory of the service in bytes: what `RLIMIT_DATA` limits.
    pub fn data_bytes(&self) -> u64 {
        self.status_bytes("VmData")
    }

    /// A number of bytes in the kernel's status file of the service.
    pub fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let kib = status.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':')?.strip_suffix("kB"));
        kib.unwrap().trim().parse::<u64>().unwrap() * 1024
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// 0 if the connection ended without an answer.
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Sends a request with this first line and a typical client's headers.
pub fn ask(address: SocketAddr, line: &str) -> Response {
    ask_with(address, line, "", b"")
}

/// Like [`ask`], with additional headers, each with its line end, and a body.
pub fn ask_with(address: SocketAddr, line: &str, headers: &str, body: &[u8]) -> Response {
    let length = body.len();
    let mut request = format!(
        "{line}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
    .into_bytes();
    request.extend(body);
    exchange(address, &request)
}

/// Sends these bytes and reads the response until the connection ends.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = connect(address);
    // The server may close the connection before it has read everything; its answer must still be read.
    let _ = stream.write_all(request);
    receive(&mut stream)
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    // Far longer than any answer takes, so that a test ends even if nothing comes.
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream
}

/// Reads until the connection ends.
pub fn receive(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    // A reset connection has no more data.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").map_or(bytes.len(), |it| it + 4);
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    Response { status, head, body }
}
