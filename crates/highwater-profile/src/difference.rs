//! Differences of profiles: what `go tool pprof -base`, Go's `heap?seconds=2` and `inferno-diff-folded`
//! write.
//!
//! Their values have signs. Go marks the rows of a base that it kept apart (`-diff_base`) by a label; so do
//! we, for both sides of a comparison are to be seen then, and not only what is between them.

use crate::profile::Profile;
use crate::sample::{Label, LabelValue, Sample, SampleTable};

/// The label of rows that are the base's, with their values below 0.
const BASE_LABEL: (&str, &str) = ("pprof::base", "true");

impl Profile {
    /// Whether this is the difference of two profiles: some value is negative, or some row is the base's.
    pub fn is_difference(&self) -> bool {
        self.samples.has_negative() || self.has_base()
    }

    /// Whether the rows of the base are apart from the rows of the new profile, so that both are known whole.
    pub fn has_base(&self) -> bool {
        let is_base = self.base_label();
        is_base.is_some_and(|is_base| self.samples.all_labels().any(|it| it.1.contains(&is_base)))
    }

    /// The label of the base's rows, if any row may have it.
    fn base_label(&self) -> Option<Label> {
        let key = self.strings.find(BASE_LABEL.0)?;
        Some(Label { key, value: LabelValue::Text(self.strings.find(BASE_LABEL.1)?) })
    }

    /// The label of the base's rows, which is added to the profile's strings.
    pub fn add_base_label(&mut self) -> Label {
        let [key, value] = [BASE_LABEL.0, BASE_LABEL.1].map(|it| self.strings.intern(it));
        Label { key, value: LabelValue::Text(value) }
    }

    /// Says of a row whether it is one of the base's.
    pub fn base_rows(&self) -> impl Fn(&Sample<'_>) -> bool + use<> {
        let label = self.base_label();
        move |sample| label.is_some_and(|it| sample.labels.contains(&it))
    }

    /// The two profiles that this is the difference of, as far as it tells: what is negative is the base,
    /// without its sign, and what is positive is new. Where the base's rows are marked, they are the base,
    /// whatever their signs.
    pub fn sides(&self) -> [Self; 2] {
        let (is_base, label) = (self.base_rows(), self.base_label());
        let side = |of_base: bool| {
            let mut samples = SampleTable::new(self.samples.columns());
            let (mut values, mut labels) = (Vec::new(), Vec::new());
            for sample in self.samples.iter() {
                values.clear();
                values.extend(sample.values.iter().map(|&it| match (of_base, is_base(&sample)) {
                    (true, true) => it.saturating_neg(),
                    (true, false) => it.min(0).saturating_neg(),
                    (false, true) => 0,
                    (false, false) => it.max(0),
                }));
                if values.iter().any(|it| *it != 0) {
                    labels.clear();
                    labels.extend(sample.labels.iter().filter(|it| Some(**it) != label));
                    samples.push(sample.stack, &values, &labels);
                }
            }
            let mut side = self.clone();
            side.samples = samples;
            // What is left of a sampled value does not say how it was sampled.
            side.period = i64::from(side.period == 1);
            side.meta = None;
            side
        };
        [side(true), side(false)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    fn profile(rows: &[(i64, bool)]) -> Profile {
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        let base = profile.add_base_label();
        for &(value, is_base) in rows {
            profile.samples.push(&[], &[value], if is_base { std::slice::from_ref(&base) } else { &[] });
        }
        profile
    }

    fn totals(profile: &Profile) -> [i64; 2] {
        profile.sides().map(|it| it.samples.total(0))
    }

    #[test]
    fn signs_make_a_difference() {
        let difference = profile(&[(-3, false), (5, false), (7, false)]);
        assert!(difference.is_difference() && !difference.has_base());
        assert_eq!(totals(&difference), [3, 12]);
        assert!(!profile(&[(3, false)]).is_difference());
        assert!(!difference.sides()[0].is_difference());
    }

    #[test]
    fn marked_rows_are_the_base() {
        let difference = profile(&[(-10, true), (12, false), (0, true)]);
        assert!(difference.is_difference() && difference.has_base());
        assert_eq!(totals(&difference), [10, 12]);
        assert!(difference.sides().iter().all(|it| !it.is_difference()));
        // A base of zeros is one, too.
        assert!(profile(&[(0, true), (12, false)]).is_difference());
    }
}
