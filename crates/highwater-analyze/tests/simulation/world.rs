//! Profiles of simulated programs: call sites, each in a function of its own.

use highwater_analyze::{Diff, DiffOptions, DiffRow, GroupBy, Query, diff};
use highwater_profile::{Label, LabelValue, Line, Location, LocationId, Meta, Profile, ValueType};

/// An empty profile with `sites` call sites, which further ones are copies of.
pub struct World {
    empty: Profile,
    sites: Vec<LocationId>,
}

/// A snapshot while it is filled.
pub struct Shot<'a> {
    pub profile: Profile,
    world: &'a World,
}

impl World {
    pub fn new(sites: usize, interval: i64) -> Self {
        let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let mut empty = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        empty.period_type = Some(ValueType::new("space", "bytes"));
        empty.period = interval;
        let site = |at: usize| {
            let function = empty.add_function(&format!("site{at}"), "", "src/main.rs");
            empty.add_location(Location::symbolized(vec![Line::new(function, 1)]))
        };
        let sites = (0..sites).map(site).collect();
        Self { empty, sites }
    }

    /// A snapshot without blocks: with a number one of a process of which there are others, without of some process.
    pub fn shot(&self, epoch: Option<i64>) -> Shot<'_> {
        let mut profile = self.empty.clone();
        profile.meta = epoch.map(|epoch| Meta { process: Some(7), epoch: Some(epoch), ..Meta::default() });
        Shot { profile, world: self }
    }
}

impl Shot<'_> {
    /// Adds blocks of one size at a site, of which the sampler has found `found`, scaled up as the recorder does.
    pub fn add(&mut self, site: usize, found: u64, size: u64, birth_epoch: Option<i64>) -> &mut Self {
        if found == 0 {
            return self;
        }
        let weight = 1.0 / -(-(size as f64) / self.profile.period as f64).exp_m1();
        let blocks = (found as f64 * weight).round() as i64;
        let bytes = (found as f64 * size as f64 * weight).round() as i64;
        let strings = &mut self.profile.strings;
        let unit = strings.intern("bytes");
        let mut labels = vec![Label { key: unit, value: LabelValue::Number(size as i64, unit) }];
        if let Some(epoch) = birth_epoch {
            let key = strings.intern("birth_epoch");
            labels.push(Label { key, value: LabelValue::Number(epoch, strings.intern("")) });
        }
        self.profile.samples.push(&[self.world.sites[site]], &[blocks, bytes], &labels);
        self
    }
}

/// Every row of the comparison, in its order; whatever their intervals.
pub fn compare(base: &Shot<'_>, new: &Shot<'_>) -> Diff {
    let query =
        Query { by: GroupBy::Function, min_fraction: 0.0, limit: None, sample: None, ..Query::default() };
    let options = DiffOptions { force: true, ..DiffOptions::default() };
    diff(&base.profile, &new.profile, &query, &options).unwrap()
}

/// The site that a row is about.
pub fn site(row: &DiffRow) -> usize {
    row.key.label.strip_prefix("site").unwrap().parse().unwrap()
}
