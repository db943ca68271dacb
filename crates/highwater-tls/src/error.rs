//! Why there is no trusted connection; each text says what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

/// Why there is no TLS connection to a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file with authorities cannot be read.
    #[error("cannot read the authorities in {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file contains no certificate.
    #[error("{} holds no certificate (-----BEGIN CERTIFICATE-----); give the certificate of an authority", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in the file is damaged.
    #[error("{}: certificate {number} cannot be used: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Number of the certificate in the file, from 1.
        number: usize,
        /// What is wrong with the certificate.
        source: Error,
    },
    /// The system has no authorities, and no file was given.
    #[error(
        "no trusted authority for servers is known{said}: install ca-certificates, or give a certificate (--cacert FILE, \
         HIGHWATER_CA_FILE)"
    )]
    NoAuthorities {
        /// The system's error, in parentheses.
        said: String,
    },
    /// No certificate can exist for a host with this name.
    #[error("`{host}` cannot be a name in a certificate, which https needs")]
    Name {
        /// The host.
        host: String,
    },
    /// The server is not trusted, or does not support a TLS version that rustls supports.
    #[error("{}", refusal(host, source))]
    Refused {
        /// The host of the request.
        host: String,
        /// The error of rustls.
        source: Error,
    },
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[source] Error),
}

impl TlsError {
    /// Whether a retry cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { source, .. } => matches!(source, Error::InvalidCertificate(_)),
            _ => true,
        }
    }
}

/// Whether the only objection to a certificate is that it belongs to an authority. rustls checks its validity
/// period before that.
pub(crate) fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The reason for refusing a server.
fn refusal(host: &str, error: &Error) -> String {
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        Error::InvalidMessage(_) => {
            return format!("{host} does not speak TLS at this port; is it an http:// address?");
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return format!("{host} asks for a certificate of the client, and none can be given");
        }
        Error::PeerIncompatible(_) => {
            return format!("{host} offers no TLS that is safe (1.2 or 1.3 is needed): {error}");
        }
        error => return format!("no TLS with {host}: {error}"),
    };
    match certificate {
        _ if is_authority(error) => format!(
            "the certificate of {host} is an authority's own, and not known here; if it is the right one, give it {OWN}"
        ),
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host} is signed by an authority that is not trusted here; give the certificate of that authority {OWN}"
        ),
        CertificateError::BadSignature => format!(
            "the certificate of {host} is signed by another authority than the one of that name that is known here; give the \
             certificate of that authority {OWN}"
        ),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("the certificate of {host} expired {} ago", span(*not_after, *time))
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the certificate of {host} is valid only in {}; is the clock of this machine right?",
            span(*time, *not_before)
        ),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            format!("the certificate of {host} names no host (it has no subjectAltName)")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().map(|it| name(it)).collect();
            format!("the certificate is for {} and not for {host}", names.join(", "))
        }
        CertificateError::Other(other) => format!("the certificate of {host} cannot be used: {other}"),
        other => format!("the certificate of {host} cannot be used: {other}"),
    }
}

/// How users can give a certificate.
const OWN: &str = "with --cacert FILE or in HIGHWATER_CA_FILE";

/// The name inside `DnsName("host")` or `IpAddress(1.2.3.4)`, rustls's form of a certificate's names.
fn name(presented: &str) -> &str {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"')
}

/// The approximate time between two moments.
fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = Duration::from_secs(to.as_secs().saturating_sub(from.as_secs())).as_secs();
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        _ => (seconds, "seconds"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_are_readable() {
        assert_eq!(name("DnsName(\"*.example.org\")"), "*.example.org");
        assert_eq!(name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(name("other"), "other");
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(span(at(0), at(86_400 * 3)), "3 days");
        assert_eq!(span(at(0), at(3_600 * 40)), "40 hours");
        assert_eq!(span(at(0), at(119)), "119 seconds");
        assert_eq!(span(at(9), at(0)), "0 seconds");
    }
}
