//! HTTPS for the command and the agent: which authorities are trusted, and an error that says why a server is
//! not trusted.
//!
//! rustls implements TLS 1.2 and 1.3, with the cryptography of ring. The trusted authorities come from the
//! system, at the places that OpenSSL and curl use (or in `SSL_CERT_FILE` and `SSL_CERT_DIR`), and from
//! an additional file. It is not possible to trust every server. A file with the server's own certificate
//! serves the same purpose safely.
#![forbid(unsafe_code)]

mod authorities;
mod config;
mod connector;
mod error;
mod verifier;

use std::env;
use std::path::PathBuf;

use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};

use config::TrustedConfig;
use connector::TlsConnector;
pub use error::TlsError;

/// The environment variable with the path of a file with additional authorities.
pub const CA_FILE: &str = "HIGHWATER_CA_FILE";

/// The trusted authorities. They are read when first needed, and once for all clones.
#[derive(Clone, Debug)]
pub struct Tls(TrustedConfig);

impl Tls {
    /// Trusts the authorities of the system and those in a file: `ca_file`, or else the file in [`CA_FILE`].
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        let of_environment = || env::var_os(CA_FILE).filter(|it| !it.is_empty()).map(PathBuf::from);
        Self(TrustedConfig::new(ca_file.or_else(of_environment)))
    }

    /// Reads the certificates now, so that a wrong file is reported before the first connection.
    ///
    /// # Errors
    /// When the file is wrong, or when there is no authority at all.
    pub fn prepare(&self) -> Result<(), TlsError> {
        self.0.get().map(drop)
    }

    /// A client for HTTP and HTTPS. If the server cannot be trusted, a request fails with
    /// [`ureq::Error::Other`], which contains a [`TlsError`].
    pub fn client(&self, config: Config) -> ureq::Agent {
        // ureq's default chain contains another TLS connector, with other authorities, if a crate of the
        // program enables that feature.
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(self.0.clone()));
        ureq::Agent::with_parts(config, connector, DefaultResolver::default())
    }
}
