//! The address of an agent: an address of the network, or a Unix socket in the file system.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The prefix of a Unix socket's path in an address: `unix:/run/app.sock`.
pub(crate) const UNIX: &str = "unix:";

/// The address on which an agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An address of the network, with its port.
    Network(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The address of the network; `None` for a socket in the file system.
    pub fn network(&self) -> Option<SocketAddr> {
        match self {
            Self::Network(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The path of the socket; `None` for an address of the network.
    pub fn unix(&self) -> Option<&Path> {
        match self {
            Self::Network(_) => None,
            Self::Unix(path) => Some(path),
        }
    }
}

/// In the form that [`AgentBuilder::listen`](crate::AgentBuilder::listen) accepts: `127.0.0.1:6060`,
/// `unix:/run/app.sock`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}
