//! Fetches snapshots by HTTP and HTTPS: one request, bounded in time, bytes and redirections.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use highwater_tls::{Tls, TlsError};
use ureq::http::Uri;
use ureq::http::uri::{PathAndQuery, Scheme};
use ureq::{Agent, Error};

use super::unix;

/// The path of the heap profile in Go's `net/http/pprof` and its imitations.
const HEAP: &str = "/debug/pprof/heap";

/// A server behind a proxy may redirect a few times. More redirections are a loop.
const MAX_REDIRECTS: u32 = 5;

/// Maximum bytes to read of an error's body.
const MOST_OF_AN_ERROR: u64 = 4096;

/// The header that carries the token; its value is never shown.
const AUTHORIZATION: &str = "Authorization";

/// A secret. It appears in no output, not even in `Debug`.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// A token from the command line or the environment.
    ///
    /// # Errors
    /// When the token cannot be sent in a header.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a token is one word of visible characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The address of a heap profile. `Display` leaves out its query, which may hold a secret.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    uri: Uri,
    /// The Unix socket of the server. The host in `uri` then has no meaning.
    socket: Option<PathBuf>,
    token: Option<Token>,
    tls: Tls,
}

impl Endpoint {
    /// An address as typed. Without a path, it means the heap profile of a Go service.
    ///
    /// # Errors
    /// When the address cannot be requested; the text says what to do instead.
    pub(crate) fn parse(text: &str, token: Option<Token>, tls: Tls) -> Result<Self, &'static str> {
        if let Some(parts) = unix::parse(text) {
            let (socket, page) = parts?;
            if !cfg!(unix) {
                return Err("this system has no Unix sockets");
            }
            // The socket's path is the real address. The agent accepts this host as the same machine.
            let endpoint = Self::parse(&format!("http://127.0.0.1{page}"), token, tls)?;
            return Ok(Self { socket: Some(socket), ..endpoint });
        }
        const NO_ADDRESS: &str = "this is not an address; write http://host:6060";
        let uri: Uri = text.parse().map_err(|_| NO_ADDRESS)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(NO_ADDRESS);
        }
        if uri.authority().is_none_or(|it| it.host().is_empty()) {
            return Err(NO_ADDRESS);
        }
        if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err("an address with a password would show it; give a token in HIGHWATER_TOKEN instead");
        }
        let mut parts = uri.into_parts();
        if parts.path_and_query.as_ref().is_none_or(|it| it.as_str() == "/") {
            parts.path_and_query = Some(PathAndQuery::from_static(HEAP));
        }
        let uri = Uri::from_parts(parts).map_err(|_| NO_ADDRESS)?;
        Ok(Self { uri, socket: None, token, tls })
    }

    /// Reads the trusted authorities, if the address needs them.
    ///
    /// # Errors
    /// When the file with authorities is wrong, or contains no authority.
    pub(crate) fn prepare(&self) -> Result<(), TlsError> {
        if self.is_secret() { self.tls.prepare() } else { Ok(()) }
    }

    fn is_secret(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// The body of the server's answer, if it is complete within `timeout` and has at most `limit_bytes`.
    ///
    /// # Errors
    /// A [`FetchError`] that says what happened instead.
    pub(crate) fn fetch(&self, timeout: Duration, limit_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(MAX_REDIRECTS)
            // A redirection must not lead from HTTPS to plain HTTP.
            .https_only(self.is_secret())
            .http_status_as_error(false)
            // These addresses are usually close, and a proxy must not see the token.
            .proxy(None)
            .user_agent(concat!("highwater/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = match &self.socket {
            #[cfg(unix)]
            Some(path) => {
                use ureq::unversioned::resolver::DefaultResolver;
                Agent::with_parts(config, unix::AtSocket(path.clone()), DefaultResolver::default())
            }
            _ => self.tls.client(config),
        };
        let mut request = agent.get(self.uri.clone());
        if let Some(Token(token)) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let explain = |error| FetchError::from_ureq(error, timeout);
        let mut response = request.call().map_err(explain)?;
        let status = response.status();
        let mut bytes = Vec::new();
        if !status.is_success() {
            // The reason is at the beginning. If it does not arrive, the status is enough.
            let _ = response.body_mut().as_reader().take(MOST_OF_AN_ERROR).read_to_end(&mut bytes);
            return Err(FetchError::Status {
                code: status.as_u16(),
                said: said(&bytes),
                has_token: self.token.is_some(),
            });
        }
        let mut body = response.body_mut().as_reader().take(limit_bytes.saturating_add(1));
        match body.read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > limit_bytes => Err(FetchError::TooLarge { limit_bytes }),
            Ok(_) => Ok(bytes),
            Err(error) => Err(explain(Error::from(error))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.uri.query().is_some() { "?…" } else { "" };
        if let Some(socket) = &self.socket {
            return write!(f, "unix:{}:{}{query}", socket.display(), self.uri.path());
        }
        let authority = self.uri.authority().map_or("", |it| it.as_str());
        let scheme = self.uri.scheme_str().unwrap_or("http");
        write!(f, "{scheme}://{authority}{}{query}", self.uri.path())
    }
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the server answered {code}{said}{}", advice(*code, *has_token))]
    Status { code: u16, said: String, has_token: bool },
    #[error("the answer was not complete after {} s (--timeout)", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("the answer has more than {limit_bytes} bytes (--max-unpacked)")]
    TooLarge { limit_bytes: u64 },
    #[error("the server redirects too often; give the final address")]
    Redirects,
    #[error("the server redirects to an address without TLS; give that address (http://…) if it is right")]
    InTheOpen,
    #[error("{0}")]
    Tls(TlsError),
    #[error("there is no host with this name")]
    NoHost,
    #[error("the server's answer is not valid HTTP: {0}")]
    Protocol(String),
    #[error("{0}")]
    Io(io::Error),
}

impl FetchError {
    fn from_ureq(error: Error, timeout: Duration) -> Self {
        match error {
            Error::Timeout(_) => Self::Timeout(timeout),
            Error::TooManyRedirects => Self::Redirects,
            Error::RequireHttpsOnly(_) => Self::InTheOpen,
            Error::Other(error) => match error.downcast() {
                Ok(error) => Self::Tls(*error),
                Err(error) => Self::Protocol(error.to_string()),
            },
            Error::HostNotFound => Self::NoHost,
            // The system's error is nested inside, and the nesting may be circular.
            Error::Io(error) => match error.downcast::<Error>() {
                Ok(Error::Io(error)) => Self::Io(error),
                Ok(inner) => Self::from_ureq(inner, timeout),
                Err(error) => Self::Io(error),
            },
            other => Self::Protocol(other.to_string()),
        }
    }
}

/// A server's text about an error, for the middle of a sentence.
fn said(body: &[u8]) -> String {
    if body.trim_ascii().is_empty() {
        String::new()
    } else {
        format!(" with {}", highwater_profile::describe(body))
    }
}

fn advice(code: u16, has_token: bool) -> &'static str {
    match (code, has_token) {
        (401 | 403, false) => "; give a token in HIGHWATER_TOKEN",
        (401 | 403, true) => "; it does not accept the token",
        (404, _) => "; give the whole address of the heap profile",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, &'static str> {
        Endpoint::parse(text, None, Tls::new(None)).map(|it| it.to_string())
    }

    #[test]
    fn an_address_without_a_path_is_a_go_service() {
        assert_eq!(shown("http://host:6060").unwrap(), "http://host:6060/debug/pprof/heap");
        assert_eq!(shown("http://host:6060/").unwrap(), "http://host:6060/debug/pprof/heap");
        assert_eq!(shown("http://host/heap").unwrap(), "http://host/heap");
        assert_eq!(shown("https://host").unwrap(), "https://host/debug/pprof/heap");
        assert_eq!(shown("http://[::1]:6060").unwrap(), "http://[::1]:6060/debug/pprof/heap");
    }

    #[test]
    fn a_socket_is_an_address_too() {
        assert_eq!(shown("unix:/run/a.sock").unwrap(), "unix:/run/a.sock:/debug/pprof/heap");
        assert_eq!(shown("http+unix://%2Frun%2Fa.sock/x?key=secret").unwrap(), "unix:/run/a.sock:/x?…");
        assert!(shown("unix:").unwrap_err().contains("unix:/run/app.sock"));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown("http://host/heap?key=secret").unwrap(), "http://host/heap?…");
        assert!(shown("http://user:secret@host/heap").unwrap_err().contains("HIGHWATER_TOKEN"));
        let token = Token::parse("secret").unwrap();
        let endpoint = Endpoint::parse("http://host", Some(token), Tls::new(None)).unwrap();
        let text = format!("{endpoint} {endpoint:?}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn unusable_addresses_are_refused() {
        for wrong in ["http://", "https://", "http:///heap", "ftp://host", "host:6060", "http://a b"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", " ", "two words", "line\nfeed", "ü"] {
            assert!(Token::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
