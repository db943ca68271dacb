//! Two profiles that can be compared: their sites, and which of their samples are the same.

use highwater_profile::Profile;

use crate::error::{AnalyzeError, refuse_difference};
use crate::queries::comparison::{Comparison, Overlap};
use crate::queries::diff::options::DiffOptions;
use crate::queries::header::Header;
use crate::queries::sites::{Equal, Part, Places, Site, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::sum::Sum;

/// Position of the base among two profiles, and that of the new one.
pub(crate) const BASE: usize = 0;
pub(crate) const NEW: usize = 1;

/// Two profiles that can be compared, and their sites.
pub(crate) struct Pair<'a> {
    pub sites: Sites<2>,
    pub comparison: Comparison,
    pub profiles: [&'a Profile; 2],
    /// Position of the values in each.
    pub columns: [usize; 2],
    /// Of each profile the site of each stack.
    pub places: [Places; 2],
}

/// The parts of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cohorts {
    pub new: Sum,
    pub dead: Sum,
    pub survived: Sum,
}

impl Cohorts {
    pub fn change(&self) -> Sum {
        self.new.minus(self.dead)
    }
}

impl<'a> Pair<'a> {
    /// # Errors
    /// When one of them has no values of the kind asked for, and when they must not be compared.
    pub fn collect(
        profiles: [&'a Profile; 2],
        query: &Query,
        options: &DiffOptions,
    ) -> Result<Self, AnalyzeError> {
        let kind = query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profiles[NEW]));
        for profile in profiles {
            refuse_difference(profile, "a comparison is of profiles that hold something")?;
        }
        let columns = [kind.column(profiles[BASE])?, kind.column(profiles[NEW])?];
        let [base, new] = profiles.map(|it| Header::new(it, &kind));
        let comparison = Comparison::of(profiles, [&base, &new], &kind, options.force)?;
        let mut sites = Sites::new([base, new]);
        let places = [BASE, NEW].map(|slot| {
            let part = Part { slot, column: columns[slot], seen_by: None };
            sites.add(profiles[slot], &[part], query, Equal::Merged)
        });
        Ok(Self { sites, comparison, profiles, columns, places })
    }

    /// Position of the later snapshot.
    pub fn later(&self) -> usize {
        if self.comparison.reversed { BASE } else { NEW }
    }

    /// What became of the blocks with these sums, of which `seen_twice` are live in both snapshots.
    pub fn cohorts(&self, sums: [Sum; 2], seen_twice: Sum) -> Cohorts {
        let survived = match self.comparison.overlap {
            Overlap::Independent => Sum::ZERO,
            Overlap::Survivors => seen_twice,
            Overlap::Nested => sums[1 - self.later()],
        };
        let mut rest = sums.map(|it| it.without(survived));
        if self.comparison.overlap == Overlap::Nested {
            // All of the earlier snapshot is in the later one, seen or not.
            rest[1 - self.later()] = Sum::ZERO;
        }
        Cohorts { new: rest[NEW], dead: rest[BASE], survived }
    }

    /// By how much a site has changed, whatever its error.
    pub fn change(&self, site: &Site<2>) -> Sum {
        site.sums[NEW].minus(site.sums[BASE])
    }
}
