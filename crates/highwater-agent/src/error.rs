//! The errors of starting an agent.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why an agent cannot start.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not valid, or the system cannot listen on it.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// Other machines could reach the address, and nothing protects it.
    #[error(
        "{address} can be reached from other machines: give a token (`Agent::builder().token(…)`), listen on 127.0.0.1, \
         or call `open_to_anyone()`"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The prefix is not a valid path for pages.
    #[error(
        "`{path}` is not a valid prefix; use a path of letters, digits and any of `-._~`, such as /internal"
    )]
    Prefix {
        /// The path as it was given.
        path: String,
    },
    /// The pages are for an application's server, and nothing protects them.
    #[error(
        "the agent does not know who can reach the application's server: give a token (`Agent::builder().token(…)`), or call \
         `open_to_anyone()`"
    )]
    Unprotected,
    /// The token is too short to be secure.
    #[error("a token must have at least {least} printable characters, without spaces")]
    Token {
        /// Minimum number of characters.
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
        /// The system's error.
        source: io::Error,
    },
    /// The watch cannot send incidents to a receiver.
    #[error("cannot send incidents to {receiver}: {reason}")]
    Receiver {
        /// The scheme and the host of the address; the rest may be a secret.
        receiver: String,
        /// What to do.
        reason: String,
    },
    /// A part of `HIGHWATER_AGENT` has an unknown name.
    #[error("HIGHWATER_AGENT has no setting `{name}`; the settings are {known}")]
    UnknownSetting {
        /// The name.
        name: String,
        /// The valid names.
        known: String,
    },
    /// A part of `HIGHWATER_AGENT` is not valid.
    #[error(
        "HIGHWATER_AGENT is not understood at `{part}`; docs/PRODUCTION.md has a table of all settings (watch, every and the like need dir)"
    )]
    Setting {
        /// The part.
        part: String,
    },
}

/// The same as `Display`, because `main` prints a returned error with `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that a program prints if its `main` returns this error.
    #[test]
    fn an_error_returned_from_main_prints_a_sentence() {
        let error = Error::Directory { path: "/gone".into(), source: io::ErrorKind::PermissionDenied.into() };
        assert_eq!(format!("{error:?}"), "cannot watch, because /gone cannot be used: permission denied");
        let error = highwater::Error::NotInstalled;
        assert_eq!(format!("{error:?}"), error.to_string());
        let error = crate::Agent::builder().listen("nonsense").start().unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.starts_with("cannot listen on nonsense: ") && !shown.contains("Os {"), "{shown}");
    }
}
