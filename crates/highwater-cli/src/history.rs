//! What a file or a directory says of a process: its last snapshot, and what came before it.

use std::path::Path;

use highwater_analyze::{History, Query};
use highwater_profile::Profile;

use crate::error::CliError;
use crate::load;
use crate::shared::Shared;

/// The last snapshot of a process, and what came before it.
pub(crate) struct Past {
    /// The first of several snapshots.
    pub(crate) first: Option<Profile>,
    pub(crate) last: Profile,
    pub(crate) history: History,
}

impl Past {
    /// Reads a profile, or a directory of snapshots of one process.
    pub(crate) fn read(path: &Path, _query: &Query, shared: &Shared) -> Result<Self, CliError> {
        let last = load::symbolized(path, shared)?;
        Ok(Self { first: None, last, history: History::default() })
    }
}
