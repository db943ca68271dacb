//! The configuration of TLS with the trusted authorities.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, crypto::ring};

use crate::authorities::Authorities;
use crate::error::TlsError;
use crate::verifier::Verifier;

/// A configuration that reads its authorities when it is first needed, and once for all clones.
#[derive(Clone, Debug)]
pub(crate) struct TrustedConfig(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ca_file: Option<PathBuf>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl TrustedConfig {
    /// Trusts the authorities of the system and those in `ca_file`.
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { ca_file, config: OnceLock::new() }))
    }

    /// The configuration.
    ///
    /// # Errors
    /// When the file is wrong, or when there is no authority at all.
    pub(crate) fn get(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let authorities = Authorities::load(self.0.ca_file.as_deref())?;
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(authorities, &provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            // The method's name warns of what a verifier could do; this one only adds a case to rustls's own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::clone(self.0.config.get_or_init(|| Arc::new(config))))
    }
}
