//! Profiles from the place that an argument names: a file, standard input (`-`), or the address of a server.
//!
//! A command may need the same profile more than once. Standard input is read once, and a server is asked
//! once.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use highwater_profile::{Profile, ReadError, file};
use highwater_tls::Tls;

use crate::error::CliError;
use crate::shared::Shared;
use crate::watch::{Endpoint, is_address};

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// Profiles read from servers and from standard input, by the argument that names them.
static TAKEN: Mutex<Option<HashMap<PathBuf, Arc<Vec<u8>>>>> = Mutex::new(None);

/// The address, if the argument is the address of a server and not a file.
fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|it| is_address(it) && !path.exists())
}

/// Whether the argument stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Whether the argument is a file, whose modification time has a meaning.
pub(crate) fn is_file(path: &Path) -> bool {
    !is_stdin(path) && address(path).is_none()
}

/// The displayed name of an input: an address without its query, which may hold a secret.
pub(crate) fn shown(path: &Path) -> String {
    match address(path) {
        _ if is_stdin(path) => "standard input".to_owned(),
        Some(text) => {
            let endpoint = Endpoint::parse(text, None, Tls::new(None));
            endpoint.map_or_else(|_| "the address".to_owned(), |it| it.to_string())
        }
        None => path.display().to_string(),
    }
}

/// Reads a profile without looking up symbols.
pub(crate) fn read(path: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let limits = shared.limits();
    if is_file(path) {
        return Ok(file::read(path, &limits)?);
    }
    let taken = |bytes: &[u8]| {
        highwater_profile::read(bytes, &limits)
            .map_err(|source| CliError::Input { name: shown(path), source: source.into() })
    };
    let all = || TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = all().as_ref().and_then(|it| it.get(path)).map(Arc::clone);
    if let Some(bytes) = known {
        return taken(&bytes);
    }
    let bytes = Arc::new(match address(path) {
        Some(text) => fetch(text, shared)?,
        None => stdin(shared)?,
    });
    all().get_or_insert_default().insert(path.to_owned(), Arc::clone(&bytes));
    taken(&bytes)
}

/// Fetches a profile from a server, within the bounds of `highwater watch`.
fn fetch(text: &str, shared: &Shared) -> Result<Vec<u8>, CliError> {
    let endpoint = shared.server.endpoint(text)?;
    let limit = shared.limits().unpacked_bytes();
    endpoint
        .fetch(shared.server.timeout, limit)
        .map_err(|it| CliError::Target { target: endpoint.to_string(), reason: it.to_string() })
}

fn stdin(shared: &Shared) -> Result<Vec<u8>, CliError> {
    let wrong = |reason| CliError::Target { target: "standard input".to_owned(), reason };
    let input = io::stdin();
    if input.is_terminal() {
        return Err(wrong(
            "this is a terminal; give a file, or the output of a program (… | highwater top -)".to_owned(),
        ));
    }
    let limit_bytes = shared.limits().max_memory_bytes;
    let mut bytes = Vec::new();
    let read = input.lock().take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > limit_bytes {
        let source = ReadError::OutOfMemory { limit_bytes }.into();
        return Err(CliError::Input { name: shown(Path::new(STDIN)), source });
    }
    Ok(bytes)
}
