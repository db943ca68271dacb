//! Connections to receivers of incidents: by HTTP, and with the feature `tls` by HTTPS.

#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

use highwater_recorder::own_memory;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;

use crate::error::Error;

/// Timeout of one attempt.
const ATTEMPT_TIME: Duration = Duration::from_secs(10);

/// The options for connections to receivers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    /// A file with additional trusted authorities.
    #[cfg(feature = "tls")]
    pub(crate) cacert: Option<PathBuf>,
}

impl Connections {
    /// An HTTP client for all these addresses. It reads its files now, because it is too late when memory
    /// runs out.
    ///
    /// # Errors
    /// When one of the addresses cannot be used.
    pub(super) fn client<'a>(&self, mut addresses: impl Iterator<Item = &'a str>) -> Result<Agent, Error> {
        let has_tls = cfg!(feature = "tls");
        let secret = addresses.try_fold(None, |secret, address| {
            let is_secret = check(address, has_tls)?;
            Ok::<_, Error>(secret.or(is_secret.then_some(address)))
        })?;
        let config = own_memory(|| {
            let config = Agent::config_builder().timeout_global(Some(ATTEMPT_TIME));
            // A receiver that redirects has not accepted the incident.
            config.max_redirects(0).build()
        });
        self.with(config, secret)
    }

    #[cfg(feature = "tls")]
    fn with(&self, config: Config, secret: Option<&str>) -> Result<Agent, Error> {
        let tls = own_memory(|| highwater_tls::Tls::new(self.cacert.clone()));
        if let Some(address) = secret {
            own_memory(|| tls.prepare()).map_err(|it| refusal(address, it.to_string()))?;
        }
        Ok(own_memory(|| tls.client(config)))
    }

    #[cfg(not(feature = "tls"))]
    fn with(&self, config: Config, _: Option<&str>) -> Result<Agent, Error> {
        Ok(own_memory(|| Agent::new_with_config(config)))
    }
}

/// Whether the receiver is refused for good, because its certificate does not belong to the expected server.
pub(super) fn is_refused(error: &ureq::Error) -> bool {
    #[cfg(feature = "tls")]
    if let ureq::Error::Other(error) = error {
        return error.downcast_ref().is_some_and(highwater_tls::TlsError::is_final);
    }
    let _ = error;
    false
}

/// Whether an address needs TLS.
///
/// # Errors
/// When the address cannot be used.
fn check(address: &str, has_tls: bool) -> Result<bool, Error> {
    let uri: Option<Uri> = address.parse().ok();
    match uri.as_ref().and_then(Uri::scheme_str) {
        _ if uri.as_ref().and_then(Uri::host).is_none_or(str::is_empty) => {}
        Some("http") => return Ok(false),
        Some("https") if has_tls => return Ok(true),
        Some("https") => {
            let reason = "https needs the feature `tls` of the crate highwater-agent, and the program was built without it";
            return Err(refusal(address, reason.to_owned()));
        }
        _ => {}
    }
    let reason = "an address begins with http:// or https:// and a host".to_owned();
    Err(refusal(address, reason))
}

/// The error about a receiver.
fn refusal(address: &str, reason: String) -> Error {
    let uri: Option<Uri> = address.parse().ok();
    let shown = uri.and_then(|it| Some(format!("{}://{}", it.scheme_str()?, it.host()?)));
    // An invalid address may contain a secret anywhere.
    Error::Receiver { receiver: shown.unwrap_or_else(|| "a receiver".to_owned()), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_receiver_is_named_without_secrets() {
        assert!(!check("http://host/hook", false).unwrap() && check("https://host/hook", true).unwrap());
        let message = |address, has_tls| check(address, has_tls).unwrap_err().to_string();
        let without = message("https://user:pass@hooks.example.org:443/services/s3cret?k=s3cret", false);
        assert!(
            without.starts_with(
                "cannot send incidents to https://hooks.example.org: https needs the feature `tls` of"
            ),
            "{without}"
        );
        for wrong in ["host/s3cret", "ftp://host/s3cret", "https:///s3cret", "s3cret s3cret", ""] {
            let message = message(wrong, true);
            assert!(
                message.contains("begins with http:// or https://") && !message.contains("s3cret"),
                "{message}"
            );
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_wrong_file_of_authorities_is_reported_at_the_start() {
        let connections = Connections { cacert: Some("/nowhere/ca.pem".into()) };
        let message =
            |address: &str| connections.client([address].into_iter()).map(drop).map_err(|it| it.to_string());
        let refused = message("https://host/hook").unwrap_err();
        assert!(
            refused.starts_with(
                "cannot send incidents to https://host: cannot read the authorities in /nowhere/ca.pem: "
            ),
            "{refused}"
        );
        message("http://host/hook").unwrap();
    }
}
