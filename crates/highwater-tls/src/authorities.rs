//! The trusted authorities: from the system, and from a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::TlsError;

/// Maximum size of a file with authorities; all public authorities together are a fiftieth of this.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The first byte of a certificate in binary form (DER): an ASN.1 sequence.
const SEQUENCE: u8 = 0x30;

/// The certificates of trusted authorities.
pub(crate) struct Authorities {
    pub(crate) roots: RootCertStore,
    /// The certificates of the file again, in their original form.
    pub(crate) own: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Reads the authorities of the system and of a file.
    ///
    /// # Errors
    /// When the file is wrong, or when there is no authority at all.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let own = file.map(read).transpose()?.unwrap_or_default();
        for (at, certificate) in own.iter().enumerate() {
            roots.add(certificate.clone()).map_err(|source| TlsError::Certificate {
                path: file.unwrap_or(Path::new("")).to_owned(),
                number: at + 1,
                source,
            })?;
        }
        let system = rustls_native_certs::load_native_certs();
        // A system's store also contains certificates that are too old for rustls; users who need one can put
        // it in the file.
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities {
                said: system.errors.first().map(|it| format!(" ({it})")).unwrap_or_default(),
            });
        }
        Ok(Self { roots, own })
    }
}

/// The certificates in a file: one in binary form, or any number as text.
fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source: io::Error| TlsError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(unreadable(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes"))));
    }
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![CertificateDer::from(bytes)]);
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::NoCertificate { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        let error = Authorities::load(Some(&path)).err().expect("an error").to_string();
        error.strip_prefix(&path.display().to_string()).unwrap_or(&error).to_owned()
    }

    #[test]
    fn a_file_without_authorities_is_refused_with_its_name() {
        assert_eq!(message(b""), NONE);
        assert_eq!(message(b"hello"), NONE);
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(message(key.as_bytes()), NONE);
        // A truncated certificate, and two texts that are not certificates.
        assert_eq!(message(b"-----BEGIN CERTIFICATE-----\nMIIB"), NONE);
        let wrong = message(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(wrong.starts_with(": certificate 1 cannot be used: "), "{wrong}");
        let wrong = message(&[SEQUENCE, 0x03, 1, 2, 3]);
        assert!(wrong.starts_with(": certificate 1 cannot be used: "), "{wrong}");
    }

    const NONE: &str =
        " holds no certificate (-----BEGIN CERTIFICATE-----); give the certificate of an authority";

    #[test]
    fn a_file_is_read_as_text_and_in_binary_form() {
        let made = rcgen::generate_simple_self_signed(["host".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca");
        for content in [made.cert.pem().repeat(2).into_bytes(), made.cert.der().to_vec()] {
            std::fs::write(&path, content).unwrap();
            let own = Authorities::load(Some(&path)).unwrap().own;
            assert!(own.iter().all(|it| it == made.cert.der()) && !own.is_empty());
        }
        let error = Authorities::load(Some(&path.join("below"))).err().unwrap().to_string();
        assert!(error.starts_with("cannot read the authorities in "), "{error}");
    }
}
