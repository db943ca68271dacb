//! Where snapshots come from, as it is said on the command line: an address with what a server needs, or a directory.

use std::path::PathBuf;
use std::time::Duration;

use highwater_tls::Tls;

use super::fetch::{Endpoint, Token};
use super::source::{Directory, Source};
use super::unix;
use crate::error::CliError;
use crate::parse;

/// Where a token may be, so that it is in no list of processes.
const TOKEN: &str = "HIGHWATER_TOKEN";

/// What a server is asked with.
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// How long a server may take to answer in full
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse::duration, help_heading = "What to read")]
    pub(crate) timeout: Duration,
    /// A bearer token for the server; better in the variable HIGHWATER_TOKEN, where no list of processes shows it
    #[arg(long, value_name = "TOKEN", value_parser = Token::parse, help_heading = "What to read")]
    token: Option<Token>,
    /// Trust the authorities in this file, too, when an address begins with https; without it the file that HIGHWATER_CA_FILE names
    #[arg(long, value_name = "FILE", help_heading = "What to read")]
    cacert: Option<PathBuf>,
}

impl Server {
    /// The source that is meant by an address or a path.
    ///
    /// # Errors
    /// When the address cannot be asked, or there is no such directory.
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
    /// When it cannot be asked, or the file with authorities is wrong.
    pub(crate) fn endpoint(&self, address: &str) -> Result<Endpoint, CliError> {
        // What cannot be parsed may hold a password anywhere, so it is not shown.
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

/// Whether an address is meant, and no path.
pub(crate) fn is_address(text: &str) -> bool {
    text.contains("://") || unix::is_address(text)
}
