//! Locations of formats that say of each frame an address, a function and a place, as text.

use std::collections::HashMap;

use super::frame_text::FrameText;
use crate::location::{Line, Location, LocationId, Mapping, MappingId};
use crate::profile::Profile;

/// The locations of a profile in the making, by what a file says of them.
#[derive(Default)]
pub(super) struct Places {
    locations: HashMap<Location, LocationId>,
    mappings: HashMap<String, MappingId>,
}

impl Places {
    /// The location of a frame, which is added if it is new. Its address is taken to be within the call.
    pub fn location(&mut self, profile: &mut Profile, frame: &FrameText<'_>) -> LocationId {
        let function = (!frame.function.is_empty())
            .then(|| profile.add_function(frame.function, frame.function, frame.file));
        let mapping = (!frame.binary.is_empty()).then(|| match self.mappings.get(frame.binary) {
            Some(&id) => id,
            None => {
                let file = profile.strings.intern(frame.binary);
                let id = profile.add_mapping(Mapping { file, has_functions: true, ..Mapping::default() });
                self.mappings.insert(frame.binary.to_owned(), id);
                id
            }
        });
        let lines = function.into_iter().map(|it| Line::new(it, frame.line)).collect();
        let location = Location { mapping, address: frame.address, lines, is_folded: false };
        if let Some(&known) = self.locations.get(&location) {
            return known;
        }
        let id = profile.add_location(location.clone());
        self.locations.insert(location, id);
        id
    }

    /// Memory that the tables take, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        let bytes = self.locations.capacity() * size_of::<(Location, LocationId)>()
            + self.locations.len() * size_of::<Line>()
            + self.mappings.capacity() * size_of::<(String, MappingId)>();
        bytes as u64
    }
}
