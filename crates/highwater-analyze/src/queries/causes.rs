//! What each stack of a profile is put down to, for those who write a profile row by row.

use highwater_profile::{Profile, StackId};

use crate::frames::frame::{Frame, UNKNOWN};
use crate::frames::resolver::Resolver;
use crate::frames::symbols::Symbols;
use crate::queries::sites;
use crate::query::Query;

/// The frame that the values of each stack are put down to.
#[derive(Clone, Debug)]
pub struct Causes(Vec<Option<Frame>>);

impl Causes {
    /// The label of the row of [`top()`](crate::top()) that the values of a stack belong to when rows are lines.
    pub fn label(&self, stack: StackId) -> String {
        let frame = self.0.get(stack.index()).and_then(Option::as_ref);
        frame.map_or_else(|| UNKNOWN.to_owned(), Frame::label)
    }
}

/// Finds what each stack of `profile` is put down to. Of the query count the filters and what chooses the frame.
pub fn causes(profile: &Profile, query: &Query) -> Causes {
    let mut symbols = Symbols::default();
    let frames = Resolver::new(profile, query, &mut symbols).resolve_all(&mut symbols);
    let mut buffer = Vec::new();
    let mut all: Vec<Option<Option<Frame>>> = vec![None; profile.samples.stacks()];
    for sample in profile.samples.iter() {
        all[sample.stack_id.index()].get_or_insert_with(|| {
            buffer.clear();
            frames.add_all(sample.stack, &mut buffer);
            sites::cause_of(&mut buffer, query).map(|it| symbols.frame(it))
        });
    }
    Causes(all.into_iter().map(Option::flatten).collect())
}
