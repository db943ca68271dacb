//! Accepts connections: a listener of the network, or of a Unix socket.

use std::io;
use std::net::{TcpListener as StdTcpListener, ToSocketAddrs};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::access::is_loopback;
use crate::address::{Address, UNIX};
use crate::error::Error;

/// A listener whose connections wait in the system until [`Self::accept`] takes them. It belongs to one
/// runtime.
#[derive(Debug)]
pub(crate) enum Listener {
    Network(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    /// Listens at `address`, in the current runtime. `is_guarded` says that a token or `open_to_anyone`
    /// allows an address that other machines can reach.
    ///
    /// # Errors
    /// When the address is not valid or cannot be used, or when other machines can reach it and `is_guarded`
    /// is false.
    pub(crate) fn bind(address: &str, is_guarded: bool) -> Result<(Self, Address), Error> {
        let failed = |source| Error::Listen { address: address.to_owned(), source };
        match address.strip_prefix(UNIX) {
            Some(path) => Self::bind_unix(path).map_err(failed),
            None => {
                let addresses: Vec<_> = address.to_socket_addrs().map_err(failed)?.collect();
                let exposed = addresses.iter().find(|it| !is_loopback(it.ip()));
                if let Some(&address) = exposed.filter(|_| !is_guarded) {
                    return Err(Error::Exposed { address });
                }
                let listen = || {
                    let listener = StdTcpListener::bind(addresses.as_slice())?;
                    listener.set_nonblocking(true)?;
                    let address = Address::Network(listener.local_addr()?);
                    Ok((Self::Network(TcpListener::from_std(listener)?), address))
                };
                listen().map_err(failed)
            }
        }
    }

    #[cfg(unix)]
    fn bind_unix(path: &str) -> io::Result<(Self, Address)> {
        let (listener, path) = crate::socket_file::bind(path)?;
        Ok((Self::Unix(listener), Address::Unix(path)))
    }

    #[cfg(not(unix))]
    fn bind_unix(_path: &str) -> io::Result<(Self, Address)> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
    }

    /// The next connection.
    ///
    /// # Errors
    /// When the system accepts no connection, for example because the program has no free file descriptor.
    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Network(listener) => Ok(Box::new(listener.accept().await?.0)),
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}
