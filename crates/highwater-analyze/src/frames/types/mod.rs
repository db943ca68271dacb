//! The types of blocks, from the names on the stacks that allocated them: [`highwater_names::types`] has the rules.

pub(crate) mod of_frames;
pub(crate) mod stacks;
