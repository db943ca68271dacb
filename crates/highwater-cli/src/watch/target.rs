//! The source of snapshots on the command line: an address with the options for its server, or a directory.

use std::path::PathBuf;
use std::time::Duration;

use highwater_tls::Tls;

use super::fetch::{Endpoint, Token};
use super::source::{Directory, Source};
use super::unix;
use crate::error::CliError;
use crate::parse;

/// The environment variable for the token, so that no process list shows it.
const TOKEN: &str = "HIGHWATER_TOKEN";

/// The options for requests to a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// Timeout for a server's complete answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse::duration, help_heading = "What to read")]
    pub(crate) timeout: Duration,
    /// A bearer token for the server; better set the variable HIGHWATER_TOKEN, which no process list shows
    #[arg(long, value_name = "TOKEN", value_parser = Token::parse, help_heading = "What to read")]
    token: Option<Token>,
    /// Also trust the authorities in this file for https addresses [default: the file in HIGHWATER_CA_FILE]
    #[arg(long, value_name = "FILE", help_heading = "What to read")]
    cacert: Option<PathBuf>,
}

impl Server {
    /// The source for an address or a path.
    ///
    /// # Errors
    /// When the address cannot be requested, or the directory does not exist.
    pub(crate) fn snapshots(&self, from: &str) -> Result<Source, CliError> {
        if is_address(from) {
            return Ok(Source::Endpoint(self.endpoint(from)?));
        }
        let path = PathBuf::from(from);
        if path.is_dir() {
            return Ok(Source::Directory(Directory::new(path)));
        }
        let reason = "there is no such directory or file; an address begins with http://, https:// or unix:"
            .to_owned();
        Err(CliError::Target { target: from.to_owned(), reason })
    }

    /// The server at an address.
    ///
    /// # Errors
    /// When the address cannot be requested, or the file with authorities is wrong.
    pub(crate) fn endpoint(&self, address: &str) -> Result<Endpoint, CliError> {
        // An invalid address may hold a password anywhere, so the error does not show it.
        let endpoint =
            Endpoint::parse(address, self.token()?, Tls::new(self.cacert.clone())).map_err(|reason| {
                CliError::Target { target: "the address".to_owned(), reason: reason.to_owned() }
            })?;
        endpoint
            .prepare()
            .map_err(|it| CliError::Target { target: endpoint.to_string(), reason: it.to_string() })?;
        Ok(endpoint)
    }

    fn token(&self) -> Result<Option<Token>, CliError> {
        let Some(text) = std::env::var_os(TOKEN).filter(|it| self.token.is_none() && !it.is_empty()) else {
            return Ok(self.token.clone());
        };
        let token = Token::parse(&text.to_string_lossy());
        token.map(Some).map_err(|reason| CliError::Target { target: TOKEN.to_owned(), reason })
    }
}

/// Whether the text is an address and not a path.
pub(crate) fn is_address(text: &str) -> bool {
    text.contains("://") || unix::is_address(text)
}
