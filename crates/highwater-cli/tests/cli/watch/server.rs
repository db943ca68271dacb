//! A server whose answers, good or bad, a test chooses.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this body.
    Body(Vec<u8>),
    /// Only this status.
    Status(u16),
    /// These bytes, without a header.
    Raw(Vec<u8>),
    /// A body that is shorter than its announced length.
    Short(Vec<u8>),
    /// Zeros without end.
    Endless,
    /// One byte at a time, slowly.
    Drip,
    /// A redirection to this address; `None` for this same server.
    Redirect(Option<String>),
}

/// A server on a port of its own, for as long as the test runs.
pub struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers requests with these answers in turn; the last answer is repeated for ever.
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, own) = (Arc::clone(&requests), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let head = head(&stream);
                let mut log = log.lock().unwrap();
                let answer = answers[log.len().min(answers.len() - 1)].clone();
                log.push(head);
                drop(log);
                let own = own.clone();
                // The client may hang up at any time.
                thread::spawn(move || drop(reply(stream, &answer, &own)));
            }
        });
        Self { address, requests }
    }

    pub fn bodies(bodies: Vec<Vec<u8>>) -> Self {
        Self::start(bodies.into_iter().map(Answer::Body).collect())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|it| !it.is_empty()).collect::<Vec<_>>().join("\n")
}

fn reply(mut stream: TcpStream, answer: &Answer, own: &str) -> std::io::Result<()> {
    let header = |status: u16, more: &str| format!("HTTP/1.1 {status} x\r\nConnection: close\r\n{more}\r\n");
    let sized = |bytes: usize| header(200, &format!("Content-Length: {bytes}\r\n"));
    match answer {
        Answer::Body(bytes) => {
            stream.write_all(sized(bytes.len()).as_bytes())?;
            stream.write_all(bytes)
        }
        Answer::Status(status) => stream.write_all(header(*status, "Content-Length: 0\r\n").as_bytes()),
        Answer::Raw(bytes) => stream.write_all(bytes),
        Answer::Short(bytes) => {
            stream.write_all(sized(bytes.len() + 1).as_bytes())?;
            stream.write_all(bytes)
        }
        Answer::Endless => {
            stream.write_all(header(200, "").as_bytes())?;
            loop {
                stream.write_all(&[0; 1 << 16])?;
            }
        }
        Answer::Drip => {
            stream.write_all(sized(1 << 20).as_bytes())?;
            loop {
                stream.write_all(&[0])?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        Answer::Redirect(to) => {
            let to = to.clone().unwrap_or_else(|| format!("http://{own}/again"));
            stream.write_all(header(302, &format!("Location: {to}\r\nContent-Length: 0\r\n")).as_bytes())
        }
    }
}
