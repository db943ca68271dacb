//! Names in a profile that is made for people: what [`highwater_resolver`] knows of its addresses.

use highwater_profile::{Line, LocationId, Profile};
use highwater_resolver::Call;

/// Adds names to the frames of `locations`, for addresses in `calls`.
pub(crate) fn add(
    profile: &mut Profile,
    locations: impl IntoIterator<Item = LocationId>,
    mut calls: impl FnMut(u64) -> Vec<Call>,
) {
    for id in locations {
        for Call { function, file, line } in calls(profile.location(id).address) {
            let function = profile.add_function(&function, &function, &file);
            profile.location_mut(id).lines.push(Line::new(function, line.into()));
        }
    }
}
