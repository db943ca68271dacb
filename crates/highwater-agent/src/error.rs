//! What can go wrong when the agent is started.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why there is no agent.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be understood, or not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Other machines could reach the address, and nothing keeps them out.
    #[error(
        "{address} can be reached from other machines: give a token (`Agent::builder().token(…)`), listen on 127.0.0.1, \
         or say `open_to_anyone()`"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// A path that pages cannot lie below.
    #[error("`{path}` is no prefix; one is a path of letters, digits and any of `-._~`, such as /internal")]
    Prefix {
        /// The path as it was given.
        path: String,
    },
    /// The pages are for a server of the application's, and nothing keeps anybody out.
    #[error(
        "the agent does not know who can reach the application's server: give a token (`Agent::builder().token(…)`), or say \
         `open_to_anyone()`"
    )]
    Unprotected,
    /// The token is too short to keep anybody out.
    #[error("a token has at least {least} characters, printable and without spaces; this one does not")]
    Token {
        /// How many characters a token must have.
        least: usize,
    },
    /// No thread could be started.
    #[error("cannot start the agent's thread: {0}")]
    Thread(#[source] io::Error),
    /// The directory of the watch cannot be used.
    #[error("cannot watch, because {} cannot be used: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The watch cannot tell somebody of incidents.
    #[error("cannot tell {receiver} of incidents: {reason}")]
    Receiver {
        /// The scheme and the host of the address; what follows may be a secret.
        receiver: String,
        /// What to do.
        reason: String,
    },
    /// A part of `HIGHWATER_AGENT` has a name that is no setting.
    #[error("HIGHWATER_AGENT has no setting `{name}`; there are {known}")]
    UnknownSetting {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A part of `HIGHWATER_AGENT` is not understood.
    #[error(
        "HIGHWATER_AGENT is not understood at `{part}`; docs/PRODUCTION.md has a table of all settings (watch, every and the like need dir)"
    )]
    Setting {
        /// The part.
        part: String,
    },
}

/// The message, since that is what `main` prints of an error that it returns.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program prints whose `main` returns this.
    #[test]
    fn an_error_that_main_returns_reads_as_a_sentence() {
        let error = Error::Directory { path: "/gone".into(), source: io::ErrorKind::PermissionDenied.into() };
        assert_eq!(format!("{error:?}"), "cannot watch, because /gone cannot be used: permission denied");
        let error = highwater::Error::NotInstalled;
        assert_eq!(format!("{error:?}"), error.to_string());
        let error = crate::Agent::builder().listen("nonsense").start().unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.starts_with("cannot listen on nonsense: ") && !shown.contains("Os {"), "{shown}");
    }
}
