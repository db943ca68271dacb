//! A process with leaks among a lot that only looks like one, as its sampled snapshots show it.
//!
//! Of each site only the sampled blocks are followed, cohort by cohort: `n` blocks are born, each of which is sampled with
//! `p = 1 - e^(-s/R)`; each sampled block dies with the probability with which any block of its site does. That is the exact
//! law of what the real recorder keeps, without the blocks that it never sees.

use highwater_profile::{Label, LabelValue, Line, Location, LocationId, Meta, Profile, ValueType};

use crate::random::Random;

pub const SITES: usize = 2_000;
pub const LEAKS: usize = 15;
pub const SNAPSHOTS: usize = 30;
pub const STEP_SECONDS: f64 = 90.0;
pub const INTERVAL: f64 = 524_288.0;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// What a site is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Leak,
    Step,
    Sawtooth,
    WarmUp,
    Churn,
    Steady,
}

/// How a site's live bytes are meant to develop.
struct Plan {
    kind: Kind,
    /// Bytes that are there at any time.
    base: f64,
    /// What a leak gains per second; otherwise how much more there is at the most.
    extra: f64,
    /// Snapshots until a cache is nearly full, between two falls of a sawtooth, or before a step.
    time: f64,
    /// Where a sawtooth begins.
    phase: f64,
    /// A step goes back after so many snapshots.
    back: f64,
    /// Share of the base that is replaced from one snapshot to the next.
    turnover: f64,
    /// How much the load of the site wanders, as a share of its base.
    wander: f64,
}

struct Site {
    plan: Plan,
    block: f64,
    p: f64,
    load: f64,
    /// Live bytes of the base, and beyond it.
    live: [f64; 2],
    /// Sampled live blocks of the base and beyond it, by the snapshot that saw them first.
    sampled: Vec<[u64; 2]>,
    /// Sampled blocks so far.
    allocated: u64,
}

/// A process while it runs.
pub struct Process {
    random: Random,
    sites: Vec<Site>,
    epoch: i64,
    id: i64,
}

impl Process {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut sites: Vec<Site> = (0..SITES).map(|at| Site::new(at, &mut random)).collect();
        // Which site is what is not to be told from its number.
        for at in (1..sites.len()).rev() {
            let other = (random.uniform() * (at + 1) as f64) as usize;
            sites.swap(at, other);
        }
        Self { random, sites, epoch: 0, id: seed as i64 + 1 }
    }

    pub fn kinds(&self) -> Vec<Kind> {
        self.sites.iter().map(|it| it.plan.kind).collect()
    }

    /// Goes on to the next snapshot.
    pub fn advance(&mut self) {
        let time = self.epoch as f64;
        self.epoch += 1;
        for site in &mut self.sites {
            site.advance(time, &mut self.random);
        }
    }

    /// The live bytes that the snapshot shows, site by site.
    pub fn levels(&self) -> Vec<f64> {
        let blocks = |site: &Site| site.sampled.iter().flatten().sum::<u64>() as f64;
        self.sites.iter().map(|site| blocks(site) * site.block / site.p).collect()
    }

    /// The snapshot, as the recorder writes it.
    pub fn snapshot(&self) -> Profile {
        let types = [
            ("alloc_objects", "count"),
            ("alloc_space", "bytes"),
            ("inuse_objects", "count"),
            ("inuse_space", "bytes"),
        ];
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = INTERVAL as i64;
        profile.time_ns = 1_700_000_000_000_000_000 + self.epoch * (STEP_SECONDS * 1e9) as i64;
        let facts = Meta { process: Some(self.id), epoch: Some(self.epoch), ..Meta::default() };
        profile.meta = Some(facts);
        let keys = ["bytes", "birth_epoch"].map(|key| profile.strings.intern(key));
        for (at, site) in self.sites.iter().enumerate() {
            let location = location(&mut profile, at);
            let number = |key, value| Label { key, value: LabelValue::Number(value, keys[0]) };
            let size = number(keys[0], site.block as i64);
            let scaled = |blocks: u64| {
                let blocks = blocks as f64 / site.p;
                [blocks.round() as i64, (blocks * site.block).round() as i64]
            };
            if site.allocated > 0 {
                let [blocks, bytes] = scaled(site.allocated);
                profile.samples.push(&[location], &[blocks, bytes, 0, 0], &[size]);
            }
            for (cohort, epoch) in site.sampled.iter().zip(1..) {
                let [blocks, bytes] = scaled(cohort.iter().sum());
                if blocks > 0 {
                    let labels = [size, number(keys[1], epoch)];
                    profile.samples.push(&[location], &[0, 0, blocks, bytes], &labels);
                }
            }
        }
        profile
    }
}

fn location(profile: &mut Profile, site: usize) -> LocationId {
    let function = profile.add_function(&format!("service::site_{site:04}"), "", "src/service.rs");
    profile.add_location(Location::symbolized(vec![Line::new(function, site as i64 + 1)]))
}

/// The number of the site that a row is about.
pub fn site_of(line: Option<i64>) -> usize {
    line.expect("every site has a line") as usize - 1
}

impl Site {
    fn new(at: usize, random: &mut Random) -> Self {
        let plan = Plan::new(at, random);
        let block = random.log_between(32.0, 64.0 * KIB).round();
        let p = -(-block / INTERVAL).exp_m1();
        Self { plan, block, p, load: 0.0, live: [0.0; 2], sampled: Vec::new(), allocated: 0 }
    }

    fn advance(&mut self, time: f64, random: &mut Random) {
        let Plan { base, turnover, wander, .. } = self.plan;
        // The load wanders and comes back to its mean, over ten snapshots or so.
        let first = self.sampled.is_empty();
        self.load = if first { random.normal() } else { 0.9 * self.load + 0.436 * random.normal() };
        let targets = [base * (1.0 + wander * self.load).max(0.05), self.plan.beyond(time)];
        let mut born = [0u64; 2];
        for part in 0..2 {
            // Of what is beyond the base nothing is replaced: it only grows, or goes.
            let turnover = if part == 0 { turnover } else { 0.0 };
            let kept = (self.live[part] * (1.0 - turnover)).min(targets[part]);
            let survives = if self.live[part] > 0.0 { kept / self.live[part] } else { 0.0 };
            for cohort in &mut self.sampled {
                cohort[part] = random.binomial(cohort[part], survives);
            }
            let births = targets[part] - kept;
            born[part] = random.poisson(births / self.block * self.p);
            self.live[part] = targets[part];
        }
        self.sampled.push(born);
        // As much again is allocated and freed between two snapshots by what is replaced quickly.
        let unseen = if turnover > 0.5 { random.poisson(4.0 * base / self.block * self.p) } else { 0 };
        self.allocated += born[0] + born[1] + unseen;
    }
}

/// How many sites there are of each kind; all others are steady.
const NUMBERS: [(Kind, usize); 5] =
    [(Kind::Leak, LEAKS), (Kind::Step, 60), (Kind::Sawtooth, 60), (Kind::WarmUp, 150), (Kind::Churn, 400)];

fn kind_of(at: usize) -> Kind {
    let mut end = 0;
    let found = NUMBERS.iter().find(|(_, number)| {
        end += number;
        at < end
    });
    found.map_or(Kind::Steady, |it| it.0)
}

impl Plan {
    fn new(at: usize, random: &mut Random) -> Self {
        let kind = kind_of(at);
        let snapshots = SNAPSHOTS as f64;
        let plan = Self {
            kind,
            base: random.log_between(4.0 * KIB, if at < LEAKS { 32.0 } else { 8.0 } * MIB),
            extra: 0.0,
            time: 0.0,
            phase: 0.0,
            back: snapshots,
            turnover: random.log_between(0.002, 0.1),
            wander: 0.1,
        };
        match kind {
            Kind::Leak => Self { extra: random.between(3.0, 20.0) * 1000.0, ..plan },
            Kind::Step => Self {
                extra: random.log_between(8.0 * MIB, 64.0 * MIB),
                time: random.between(1.0, snapshots),
                // Every second one goes back.
                back: if random.uniform() < 0.5 { random.between(2.0, snapshots) } else { snapshots },
                ..plan
            },
            Kind::Sawtooth => Self {
                extra: random.log_between(8.0 * MIB, 64.0 * MIB),
                time: random.between(3.0, 12.0),
                phase: random.uniform(),
                ..plan
            },
            Kind::WarmUp => Self {
                extra: random.log_between(8.0 * MIB, 512.0 * MIB),
                time: random.between(1.0, 12.0),
                ..plan
            },
            Kind::Churn => Self {
                base: random.log_between(64.0 * KIB, 64.0 * MIB),
                turnover: random.between(0.6, 0.98),
                wander: 0.3,
                ..plan
            },
            Kind::Steady => plan,
        }
    }

    /// Bytes beyond the base at a snapshot.
    fn beyond(&self, time: f64) -> f64 {
        match self.kind {
            Kind::Leak => self.extra * STEP_SECONDS * time,
            Kind::Step if (self.time..self.time + self.back).contains(&time) => self.extra,
            Kind::Sawtooth => self.extra * (time / self.time + self.phase).fract(),
            Kind::WarmUp => self.extra * -(-time / (self.time / 3.0)).exp_m1(),
            Kind::Step | Kind::Churn | Kind::Steady => 0.0,
        }
    }
}
