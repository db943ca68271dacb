//! `https` for the command and the agent: which authorities are trusted, and an error that says why a server is not.
//!
//! rustls speaks TLS 1.2 and 1.3, with the cryptography of ring. Trusted are the authorities of the system, as OpenSSL and curl
//! find them (`SSL_CERT_FILE` and `SSL_CERT_DIR` in their place), and those of a file besides. There is no way to trust
//! everybody: a file with the one certificate does what that is asked for, and stays safe.
#![forbid(unsafe_code)]

mod authorities;
mod connector;
mod error;
mod verifier;

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, crypto::ring};
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};

use authorities::Authorities;
use connector::TlsConnector;
pub use error::TlsError;
use verifier::Verifier;

/// The variable that names a file with further authorities.
pub const CA_FILE: &str = "HIGHWATER_CA_FILE";

/// Whom to trust. Nothing is read before it is needed, and then once for all clones.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ca_file: Option<PathBuf>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// Trusts the authorities of the system, and those whose certificates are in a file: `ca_file`, otherwise the one that
    /// [`CA_FILE`] names.
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        let of_environment = || env::var_os(CA_FILE).filter(|it| !it.is_empty()).map(PathBuf::from);
        Self(Arc::new(Inner { ca_file: ca_file.or_else(of_environment), config: OnceLock::new() }))
    }

    /// Reads the certificates now, so that a file that is wrong is known before the first connection.
    ///
    /// # Errors
    /// When the file is wrong, or there is no authority at all.
    pub fn prepare(&self) -> Result<(), TlsError> {
        self.config().map(drop)
    }

    /// A client that speaks `http` and `https`. Requests fail with [`ureq::Error::Other`] and a [`TlsError`] in it when the server
    /// cannot be trusted.
    pub fn client(&self, config: Config) -> ureq::Agent {
        // ureq's own chain has a TLS connector in programs that enable one of its features, with other authorities.
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(self.clone()));
        ureq::Agent::with_parts(config, connector, DefaultResolver::default())
    }

    fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let authorities = Authorities::load(self.0.ca_file.as_deref())?;
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(authorities, &provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            // "Dangerous" is what a verifier could do: this one only adds a case to rustls's own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::clone(self.0.config.get_or_init(|| Arc::new(config))))
    }
}
