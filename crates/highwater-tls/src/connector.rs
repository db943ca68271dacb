//! TLS between ureq and a connection, for addresses that begin with `https`.

use std::fmt;
use std::io::{self, Read, Write};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::config::TrustedConfig;
use crate::error::TlsError;

/// Adds TLS to a connection that another connector made.
#[derive(Debug)]
pub(crate) struct TlsConnector(pub(crate) TrustedConfig);

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        // An IPv6 address is in brackets.
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| TlsError::Name { host: host.clone() })?;
        let config = self.0.get()?;
        let mut connection = ClientConnection::new(config, name).map_err(TlsError::Setup)?;
        let transport: Box<dyn Transport> = Box::new(transport);
        let mut socket = TransportAdapter::new(transport, details.current_time.clone());
        socket.set_timeout(remaining(details));
        connection.complete_io(&mut socket).map_err(|error| explain(&host, error))?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { host, buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// The rest of the timeout for a connection: connecting has used a part of it.
fn remaining(details: &ConnectionDetails) -> NextTimeout {
    let mut timeout = details.timeout;
    let times = (timeout.after, details.now, (details.current_time)());
    if let (Duration::Exact(after), Instant::Exact(begin), Instant::Exact(now)) = times {
        timeout.after = Duration::Exact(after.saturating_sub(now.saturating_duration_since(begin)));
    }
    timeout
}

/// The cause of an error in the connection or in TLS.
fn explain(host: &str, error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(cause) => return cause,
        Err(error) => error,
    };
    match error.downcast::<rustls::Error>() {
        Ok(source) => TlsError::Refused { host: host.to_owned(), source }.into(),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Io(io::Error::new(error.kind(), "the server ended the connection in the middle"))
        }
        Err(error) => Error::Io(error),
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// A connection with TLS.
pub(crate) struct TlsTransport {
    host: String,
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).map_err(|error| explain(&self.host, error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let read = self.stream.read(input).map_err(|error| explain(&self.host, error))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
