//! Servers at Unix sockets: the forms of their addresses, and connections to them.

use std::path::PathBuf;

/// The scheme of an address with a path: `unix:/run/app.sock`; a colon separates the page,
/// `unix:/run/app.sock:/metrics`.
const PLAIN: &str = "unix:";

/// The scheme of an address whose host is the percent-encoded path: `http+unix://%2Frun%2Fapp.sock/metrics`.
const ENCODED: &str = "http+unix://";

const NO_SOCKET: &str = "this is not an address of a Unix socket; write unix:/run/app.sock or unix:/run/app.sock:/debug/pprof/allocs";

/// Whether the text is the address of a Unix socket.
pub(super) fn is_address(text: &str) -> bool {
    text.starts_with(PLAIN) || text.starts_with(ENCODED)
}

/// The path of the socket, and the page, which is empty if the address has none. `None` for other kinds of
/// addresses.
///
/// # Errors
/// When the text is not a valid address; the error shows a valid one.
pub(super) fn parse(text: &str) -> Option<Result<(PathBuf, String), &'static str>> {
    let parts = if let Some(rest) = text.strip_prefix(ENCODED) {
        let (host, page) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        decoded(host).map(|socket| (socket, page))
    } else {
        let rest = text.strip_prefix(PLAIN)?;
        // This is the form `unix:///run/app.sock`, with an empty host.
        let rest = rest.strip_prefix("//").filter(|it| it.starts_with('/')).unwrap_or(rest);
        let (socket, page) = match rest.find(":/") {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        Some((socket.to_owned(), page))
    };
    let is_socket = |(socket, _): &(String, &str)| !socket.is_empty() && !socket.contains('\0');
    let parts = parts.filter(is_socket).map(|(socket, page)| (PathBuf::from(socket), page.to_owned()));
    Some(parts.ok_or(NO_SOCKET))
}

/// Percent-decodes text; `None` if a percent sign is not followed by two hexadecimal digits.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(unix)]
pub(super) use connection::AtSocket;

#[cfg(unix)]
mod connection {
    use std::io::{self, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use ureq::Error;
    use ureq::unversioned::transport::{
        Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
    };

    /// Connects to a socket, whatever the host in the request is.
    #[derive(Debug)]
    pub(in super::super) struct AtSocket(pub PathBuf);

    impl Connector for AtSocket {
        type Out = Connection;

        fn connect(
            &self,
            details: &ConnectionDetails<'_>,
            _chained: Option<()>,
        ) -> Result<Option<Connection>, Error> {
            let stream = connect(self.0.clone(), details.timeout)?;
            let config = details.config;
            let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
            Ok(Some(Connection { stream, buffers }))
        }
    }

    /// Connects with a timeout. The system has none: a server that listens but does not accept could block
    /// for ever.
    fn connect(path: PathBuf, timeout: NextTimeout) -> Result<UnixStream, Error> {
        let Some(time) = timeout.not_zero() else { return Ok(UnixStream::connect(path)?) };
        let (connected, outcome) = mpsc::channel();
        // The thread ends with the process at the latest.
        thread::spawn(move || drop(connected.send(UnixStream::connect(path))));
        Ok(outcome.recv_timeout(*time).map_err(|_| Error::Timeout(timeout.reason))??)
    }

    #[derive(Debug)]
    pub(in super::super) struct Connection {
        stream: UnixStream,
        buffers: LazyBuffers,
    }

    /// The system's error, or a timeout if the time is over.
    fn explain(error: io::Error, timeout: NextTimeout) -> Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
            _ => Error::Io(error),
        }
    }

    /// The rest of `timeout`, counted from `begin`; `None` without a timeout.
    fn left(timeout: NextTimeout, begin: Instant) -> Result<Option<std::time::Duration>, Error> {
        let Some(whole) = timeout.not_zero() else { return Ok(None) };
        let left = whole.saturating_sub(begin.elapsed());
        if left.is_zero() { Err(Error::Timeout(timeout.reason)) } else { Ok(Some(left)) }
    }

    impl Transport for Connection {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
            self.stream.set_write_timeout(left(timeout, Instant::now())?)?;
            let output = self.buffers.output();
            self.stream.write_all(output.get(..amount).unwrap_or(output)).map_err(|it| explain(it, timeout))
        }

        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
            let begin = Instant::now();
            let taken = loop {
                self.stream.set_read_timeout(left(timeout, begin)?)?;
                match self.stream.read(self.buffers.input_append_buf()) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    taken => break taken.map_err(|it| explain(it, timeout))?,
                }
            };
            self.buffers.input_appended(taken);
            Ok(taken > 0)
        }

        fn is_open(&mut self) -> bool {
            // Each connection is used for one request.
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, String)> {
        let (socket, page) = parse(text)?.ok()?;
        Some((socket.to_str().unwrap().to_owned(), page))
    }

    #[test]
    fn socket_and_page_are_separated() {
        for (text, socket, page) in [
            ("unix:/run/app.sock", "/run/app.sock", ""),
            ("unix:///run/app.sock", "/run/app.sock", ""),
            ("unix:app.sock", "app.sock", ""),
            (
                "unix:/run/app.sock:/debug/pprof/allocs?seconds=2",
                "/run/app.sock",
                "/debug/pprof/allocs?seconds=2",
            ),
            ("unix:/run/a:b.sock", "/run/a:b.sock", ""),
            ("http+unix://%2Frun%2Fa%20b.sock", "/run/a b.sock", ""),
            ("http+unix://%2Frun%2Fapp.sock/debug/pprof/heap", "/run/app.sock", "/debug/pprof/heap"),
        ] {
            assert_eq!(parts(text), Some((socket.to_owned(), page.to_owned())), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "unix:",
            "unix::/page",
            "http+unix://",
            "http+unix://%2",
            "http+unix://%zz",
            "http+unix:///heap",
            "http+unix://%00",
        ] {
            assert_eq!(parse(text), Some(Err(NO_SOCKET)), "{text}");
        }
        assert_eq!(parse("http://host"), None);
        assert!(!is_address("unixes.pb.gz") && !is_address("./unix/heap.pb.gz"));
    }
}
