//! A server that answers as a test says, well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this body.
    Body(Vec<u8>),
    /// With this status, and no more.
    Status(u16),
    /// With these bytes, and no header.
    Raw(Vec<u8>),
    /// With a body that promises more than there is.
    Short(Vec<u8>),
    /// With zeros without an end.
    Endless,
    /// With a byte now and then.
    Drip,
    /// By sending the client somewhere else; `None` for here.
    Redirect(Option<String>),
}

/// A server on a port of its own, for as long as the test runs.
pub struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers one request after the other like this; the last answer is given for ever.
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

    /// What was asked so far: the heads of all requests.
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
