//! Several profiles as one: the sum of what several processes, or several runs, held.
//!
//! What is the same in two profiles is decided frame by frame. Addresses never decide, as they differ from
//! process to process. Within one build a frame is known by the build id and the offset in the file. Where
//! the profiles have several builds of a program or library, its frames are known by function, source file
//! and line, so they need names first. A frame that is known by none of these stays a frame of its own
//! profile: two that might be one are no error, one that should be two would be.

mod error;
mod frames;
mod head;
mod strings;

use std::collections::HashMap;

pub use self::error::MergeError;
pub use self::frames::files_of_several_builds;

use self::frames::Frames;
use self::strings::Strings;
use crate::location::LocationId;
use crate::profile::Profile;
use crate::sample::{Label, LabelValue, LabelsId, StackId};
use crate::string_table::StringId;

/// Adds up `profiles`: the kinds of values that all of them have.
///
/// Rows with equal stacks and equal labels become one; labels that mean something within one process only are
/// left out. A profile alone stays as it is. Where sampling intervals differ, the result's is the longest,
/// and rows that were drawn by another one say so in their label `interval`; it is unknown where one of them
/// is.
///
/// # Errors
/// When the profiles have no kind of values in common, or a sum is too large.
pub fn merge(profiles: &[Profile]) -> Result<Profile, MergeError> {
    if let [only] = profiles {
        return Ok(only.clone());
    }
    let mut merged = head::merged(profiles)?;
    let mut frames = Frames::new(profiles);
    let mut rows = Rows::default();
    for (at, profile) in profiles.iter().enumerate() {
        let columns = head::columns(&merged, profile);
        let mut strings = Strings::new(profile);
        let locations = frames.add(at, profile, &mut strings, &mut merged);
        let interval = head::interval(&merged, profile);
        rows.add(profile, &columns, &locations, interval, &mut strings, &mut merged)
            .map_err(|kind| MergeError::Overflow { at, kind })?;
    }
    rows.finish(&mut merged);
    Ok(merged)
}

/// The rows of the merged profile while they are added up.
#[derive(Default)]
struct Rows {
    /// Stack and labels of each row, in tables of the merged profile.
    keys: Vec<(u32, u32)>,
    stacks: crate::list_table::ListTable<LocationId>,
    labels: crate::list_table::ListTable<Label>,
    positions: HashMap<(u32, u32), usize>,
    values: Vec<i64>,
    /// What the label `variance` of each row says, as far as any does.
    variances: Vec<i64>,
}

impl Rows {
    /// Adds the rows of a profile. `interval` is what its rows are labelled with.
    ///
    /// # Errors
    /// The name of the sample type whose sum is too large.
    fn add(
        &mut self,
        profile: &Profile,
        columns: &[usize],
        locations: &[LocationId],
        interval: Option<i64>,
        strings: &mut Strings<'_>,
        merged: &mut Profile,
    ) -> Result<(), String> {
        let mut stacks: HashMap<StackId, u32> = HashMap::new();
        let mut labels: HashMap<LabelsId, u32> = HashMap::new();
        let variance = profile.strings.find(head::VARIANCE);
        for sample in profile.samples.iter() {
            let stack = *stacks.entry(sample.stack_id).or_insert_with(|| {
                let stack: Vec<LocationId> = sample.stack.iter().map(|id| locations[id.index()]).collect();
                self.stacks.intern(&stack)
            });
            let labels = *labels.entry(sample.labels_id).or_insert_with(|| {
                self.labels.intern(&merged_labels(sample.labels, interval, strings, merged))
            });
            let row = *self.positions.entry((stack, labels)).or_insert_with(|| {
                self.keys.push((stack, labels));
                self.variances.push(0);
                self.values.resize(self.values.len() + columns.len(), 0);
                self.keys.len() - 1
            });
            if let Some(variance) = variance.and_then(|key| sample.number(key)) {
                self.variances[row] = self.variances[row].saturating_add(variance.max(0));
            }
            let sums = &mut self.values[row * columns.len()..(row + 1) * columns.len()];
            for (at, (sum, &column)) in sums.iter_mut().zip(columns).enumerate() {
                let total = sum.checked_add(sample.values[column]);
                *sum = total.ok_or_else(|| merged.sample_types()[at].kind.clone())?;
            }
        }
        Ok(())
    }

    fn finish(self, merged: &mut Profile) {
        let columns = merged.sample_types().len();
        for (row, (stack, labels)) in self.keys.into_iter().enumerate() {
            let (stack, labels) = (self.stacks.get(stack as usize), self.labels.get(labels as usize));
            let values = &self.values[row * columns..(row + 1) * columns];
            match self.variances[row] {
                0 => merged.samples.push(stack, values, labels),
                sum => {
                    let key = merged.strings.intern(head::VARIANCE);
                    let variance = Label { key, value: LabelValue::Number(sum, StringId::EMPTY) };
                    merged.samples.push(stack, values, &[labels, &[variance]].concat());
                }
            }
        }
    }
}

/// The labels that make a row the same as another: with its interval if the row does not say it already,
/// without its variance.
fn merged_labels(
    labels: &[Label],
    interval: Option<i64>,
    strings: &mut Strings<'_>,
    merged: &mut Profile,
) -> Vec<Label> {
    let is_kept = |label: &&Label| {
        let key = strings.profile.string(label.key);
        key != head::VARIANCE && !head::OF_PROCESS.contains(&key)
    };
    let kept: Vec<Label> = labels.iter().filter(is_kept).copied().collect();
    let mut all: Vec<Label> = kept
        .iter()
        .map(|label| Label {
            key: strings.get(merged, label.key),
            value: match label.value {
                LabelValue::Text(text) => LabelValue::Text(strings.get(merged, text)),
                LabelValue::Number(number, unit) => LabelValue::Number(number, strings.get(merged, unit)),
            },
        })
        .collect();
    if let Some(interval) = interval {
        let key = merged.strings.intern(head::INTERVAL);
        if !all.iter().any(|label| label.key == key) {
            all.push(Label { key, value: LabelValue::Number(interval, merged.strings.intern("bytes")) });
        }
    }
    all
}
