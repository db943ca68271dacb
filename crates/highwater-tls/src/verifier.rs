//! Verifies a server's certificate: rustls's own verdict, with one additional case.
//!
//! `openssl req -x509` makes a certificate that is both an authority and a server. rustls does not accept an
//! authority's certificate for a server. curl, Go and OpenSSL accept it if exactly this certificate is
//! trusted, and so does this verifier.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::authorities::Authorities;
use crate::error::{TlsError, is_authority};

#[derive(Debug)]
pub(crate) struct Verifier {
    by_authorities: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl Verifier {
    pub(crate) fn new(authorities: Authorities, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let Authorities { roots, own } = authorities;
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let by_authorities =
            builder.build().map_err(|it| TlsError::NoAuthorities { said: format!(" ({it})") })?;
        Ok(Self { by_authorities, own })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.by_authorities.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        match verdict {
            Err(error) if is_authority(&error) && self.own.contains(&end_entity.clone().into_owned()) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authorities.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::RootCertStore;
    use rustls::crypto::ring;

    use rustls::CertificateError;

    use super::*;

    /// A self-signed certificate for `host`, valid from 2020 to 2030.
    fn own(is_authority: bool) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["host".to_owned()]).unwrap();
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    /// The verdict on a server with a certificate, by a client that trusts another one, in a given year.
    fn verdict(
        trusted: &CertificateDer<'static>,
        shown: &CertificateDer<'static>,
        name: &str,
        year: u64,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let authorities = Authorities { roots, own: vec![trusted.clone()] };
        let verifier = Verifier::new(authorities, &Arc::new(ring::default_provider())).unwrap();
        let name = ServerName::try_from(name).unwrap();
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 365 * 86_400 + 100 * 86_400));
        verifier.verify_server_cert(shown, &[], &name, &[], now).map(drop)
    }

    #[test]
    fn a_certificate_may_be_its_own_authority() {
        for is_authority in [false, true] {
            let certificate = own(is_authority);
            verdict(&certificate, &certificate, "host", 2025).unwrap();
            let refused = |name, year| verdict(&certificate, &certificate, name, year).unwrap_err();
            let wrong = |error| match error {
                Error::InvalidCertificate(error) => error,
                error => panic!("{error}"),
            };
            assert!(matches!(wrong(refused("other", 2025)), CertificateError::NotValidForNameContext { .. }));
            assert!(matches!(wrong(refused("host", 2031)), CertificateError::ExpiredContext { .. }));
            assert!(matches!(wrong(refused("host", 2019)), CertificateError::NotValidYetContext { .. }));
            // Another certificate with the same name is not trusted.
            let other = own(is_authority);
            assert!(verdict(&certificate, &other, "host", 2025).is_err());
        }
    }
}
