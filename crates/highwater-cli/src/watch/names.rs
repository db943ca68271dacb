//! Snapshots of the ring with their names, without asking for anything: an incident is not the time for it.

use std::path::Path;

use highwater_profile::Profile;

use crate::error::CliError;
use crate::load;
use crate::shared::Shared;

/// Reads a snapshot and names what can be named; the rest keeps its addresses. Also says which binary is missing.
///
/// # Errors
/// When the file cannot be read, or a binary that was named cannot be used.
pub(crate) fn read(path: &Path, shared: &Shared) -> Result<(Profile, Option<String>), CliError> {
    let mut profile = load::raw(path, shared)?;
    let summary = load::find_symbols(path, &mut profile, shared)?;
    profile.source.notes.extend(crate::names::missing(&summary));
    let missing = CliError::missing_binaries(path, &summary).map(|it| it.to_string());
    Ok((profile, missing))
}
