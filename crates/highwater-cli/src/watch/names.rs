//! Reads snapshots of the ring with their symbols, and never stops for a missing binary: an incident cannot
//! wait for it.

use std::path::Path;

use highwater_profile::Profile;

use crate::error::CliError;
use crate::load;
use crate::shared::Shared;

/// Reads a snapshot and names the addresses that can be named; other addresses stay. Also returns a text
/// about a missing binary.
///
/// # Errors
/// When the file cannot be read, or a binary of `--binary` cannot be used.
pub(crate) fn read(path: &Path, shared: &Shared) -> Result<(Profile, Option<String>), CliError> {
    let mut profile = load::raw(path, shared)?;
    let summary = load::find_symbols(path, &mut profile, shared)?;
    profile.source.notes.extend(crate::names::missing(&summary));
    let missing = CliError::missing_binaries(path, &summary).map(|it| it.to_string());
    Ok((profile, missing))
}
