//! The strings of one profile in the merged one.

use crate::profile::Profile;
use crate::string_table::StringId;

/// The handles that a profile's strings have in the merged one, found when first asked for.
pub(super) struct Strings<'a> {
    pub(super) profile: &'a Profile,
    handles: Vec<Option<StringId>>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(profile: &'a Profile) -> Self {
        Self { profile, handles: vec![None; profile.strings.len()] }
    }

    pub(super) fn get(&mut self, merged: &mut Profile, id: StringId) -> StringId {
        *self.handles[id.index()].get_or_insert_with(|| merged.strings.intern(self.profile.string(id)))
    }
}
