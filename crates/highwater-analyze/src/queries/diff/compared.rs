//! Two profiles compared row by row, before anything is shown: a profile may have a million rows, and nearly all of them
//! are never named.

use highwater_profile::Profile;

use super::pair::Pair;
use super::tally::{self, Tally};
use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::group::{GroupBy, RowKey};
use crate::queries::diff::options::DiffOptions;
use crate::queries::rows::{self, Rows};
use crate::query::Query;

/// Every row of a comparison with its sums and its test.
pub(crate) struct Compared<'a> {
    pub pair: Pair<'a>,
    pub tallies: Vec<Tally>,
    /// All rows as one, whose test stands alone.
    pub total: Tally,
    /// Number of rows that were tested.
    pub tested: usize,
    rows: Rows,
}

impl<'a> Compared<'a> {
    /// # Errors
    /// As [`Pair::collect`].
    pub fn of(
        profiles: [&'a Profile; 2],
        query: &Query,
        options: &DiffOptions,
    ) -> Result<Self, AnalyzeError> {
        let pair = Pair::collect(profiles, query, options)?;
        let mut rows = Rows::new(query.by);
        let (mut tallies, total) = tally::tally(&pair, &mut rows, options.fdr);
        let tested = tally::judge(&mut tallies, options.fdr);
        Ok(Self { pair, tallies, total, tested, rows })
    }

    /// What a row is about.
    pub fn key(&self, row: &Tally) -> RowKey {
        let sites = &self.pair.sites;
        match self.rows.by() {
            GroupBy::Site => rows::key(GroupBy::Site, &sites.symbols, sites.cause(&sites.all[row.row])),
            _ => self.rows.key(sites, row.row).clone(),
        }
    }

    /// The stack that contributes most to a row's change, leaf first.
    pub fn stack(&self, row: &Tally) -> Vec<Frame> {
        let sites = &self.pair.sites;
        sites.stack(&sites.all[row.heaviest])
    }
}
