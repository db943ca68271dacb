//! A copy of the recorded data, and its conversion to a profile.

mod residency;
mod since;

use std::mem;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use highwater_profile::file::write_atomically;
use highwater_profile::{Label, LabelValue, Meta, Profile, StringId, ValueType, pprof};
use highwater_recorder::{SiteTotals, own_memory};

use crate::error::Error;
use crate::modules::Modules;
use crate::signed::signed;
use crate::stats::{Stats, stats};
use crate::who::{Who, who};
use residency::Residency;

/// The sample types of a Highwater profile, in the order of its values. `temp`: blocks that were freed before
/// their thread allocated another one, or within a millisecond. `realloc`: reallocations, the bytes they
/// copied, and how many of them at least doubled the size. `freed`: freed blocks by the label `lifetime`.
const SAMPLE_TYPES: [(&str, &str); 13] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
    ("peak_objects", "count"),
    ("peak_space", "bytes"),
    ("temp_objects", "count"),
    ("temp_space", "bytes"),
    ("realloc_objects", "count"),
    ("realloc_space", "bytes"),
    ("realloc_doublings", "count"),
    ("freed_objects", "count"),
    ("freed_space", "bytes"),
];

/// The sample type that readers show by default.
const DEFAULT_SAMPLE_TYPE: &str = "inuse_space";

/// The frames between a program's call and the stack walk, as pprof's `drop_frames`: readers remove a frame
/// whose whole name matches, and every frame that it called.
const RECORDER_FRAMES: &str = concat!(
    r"<?highwater_(recorder|unwind|lockfree)::.*",
    r"|(__rustc::)?__(rust|rg|rdl)_(alloc|alloc_zeroed|realloc)",
    r"|alloc::alloc::(alloc|alloc_zeroed|realloc|exchange_malloc|Global::.*)",
    r"|<alloc::alloc::Global as .*>::.*",
);

/// The exception, as pprof's `keep_frames`: a function of the recorder that calls code of the program.
const CALLING_FRAMES: &str = "highwater_recorder::thread::measure::measure.*";

/// The records of the process at one moment.
///
/// Taking a snapshot stops no other thread: allocations during that time may or may not be included. Its
/// memory counts as overhead and is not in the profile.
#[derive(Debug)]
pub struct Snapshot {
    content: Content,
}

#[derive(Debug, Default)]
struct Content {
    sites: Vec<SiteTotals>,
    modules: Modules,
    interval_bytes: i64,
    time_ns: i64,
    duration_ns: i64,
    meta: Meta,
    who: Who,
    residency: Option<Residency>,
}

impl Snapshot {
    /// Copies the present records.
    ///
    /// # Errors
    /// When no allocation has gone through [`Alloc`](crate::Alloc), or the platform is not supported.
    pub fn capture() -> Result<Self, Error> {
        if !highwater_recorder::is_supported() {
            return Err(Error::Unsupported);
        }
        if highwater_recorder::has_shared_std() {
            return Err(Error::SharedStandardLibrary);
        }
        if highwater_recorder::mode().is_none() {
            return Err(Error::NotInstalled);
        }
        highwater_recorder::learn_own_frames();
        let stats = stats();
        Ok(Self { content: own_memory(|| Content::capture(&stats)) })
    }

    /// Copies the present records, and reads beside them what is resident and why: a ledger that adds up to
    /// the resident set, and for each site the empty space that its live blocks keep on their pages.
    /// `highwater rss` shows it.
    ///
    /// This asks the kernel for its lists of mappings and pages, and with glibc it copies the process for a
    /// moment, as a fork does: the copy takes about 10 ms for each resident GiB, in which threads that need
    /// new memory wait. No handler of the program runs in the copy. Without free memory for it, the copy is
    /// left out. Never call this in a signal handler.
    ///
    /// # Errors
    /// As for [`Self::capture`], and when the kernel does not give its lists.
    pub fn capture_with_residency() -> Result<Self, Error> {
        let mut snapshot = Self::capture()?;
        let stats = stats();
        let residency =
            own_memory(|| Residency::read(&stats)).map_err(|source| Error::Residency { source })?;
        residency.add_facts(&mut snapshot.content.meta);
        snapshot.content.residency = Some(residency);
        Ok(snapshot)
    }

    /// Writes the snapshot as a gzipped pprof profile: first to a temporary file next to `path`, which then
    /// replaces `path`, so that readers never see a partial profile.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        own_memory(|| {
            let profile = self.content.profile();
            write_atomically(path.as_ref(), |out| pprof::write(&profile, out))
        })
        .map_err(Error::File)
    }

    /// The snapshot as a profile in memory. The profile belongs to the caller, and counts as the program's
    /// memory.
    pub fn to_profile(&self) -> Profile {
        self.content.profile()
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Memory that was allocated as Highwater's own must be freed as such.
        own_memory(|| drop(mem::take(&mut self.content)));
    }
}

impl Content {
    fn capture(stats: &Stats) -> Self {
        let epoch = highwater_recorder::begin_snapshot();
        let counts = highwater_recorder::counts();
        let mut sites = Vec::new();
        highwater_recorder::visit_sites(|site| sites.push(site));
        let modules = Modules::capture();
        let time_ns = now_ns();
        let duration_ns = i64::try_from(highwater_recorder::running().as_nanos()).unwrap_or(i64::MAX);
        let walks = highwater_unwind::unwind_methods();
        let meta = Meta {
            format: Some(Meta::FORMAT),
            process: Some(process(time_ns, duration_ns)),
            epoch: Some(signed(epoch)),
            exact: Some(i64::from(highwater_recorder::is_complete())),
            alloc_blocks: Some(signed(stats.alloc_blocks)),
            alloc_bytes: Some(signed(stats.alloc_bytes)),
            freed_blocks: Some(signed(stats.freed_blocks)),
            freed_bytes: Some(signed(stats.freed_bytes)),
            peak_bytes: Some(signed(stats.peak_bytes)),
            overhead_bytes: Some(signed(stats.overhead_bytes)),
            rss_bytes: stats.rss_bytes.map(signed),
            cgroup_used_bytes: stats.cgroup_used_bytes.map(signed),
            cgroup_limit_bytes: stats.cgroup_limit_bytes.map(signed),
            samples: Some(signed(sites.iter().map(|site| site.samples).sum())),
            dropped_samples: Some(signed(counts.dropped_samples)),
            dropped_blocks: Some(signed(counts.dropped_blocks)),
            dropped_bytes: Some(signed(counts.dropped_bytes)),
            truncated_stacks: Some(signed(counts.truncated_stacks)),
            system_walks: Some(signed(counts.system_walks)),
            frame_pointer_mappings: Some(signed(walks.frame_pointer_mappings)),
            table_mappings: Some(signed(walks.table_mappings)),
            frame_pointer_calls: Some(signed(walks.frame_pointer_calls)),
            table_calls: Some(signed(walks.table_calls)),
            // What a reading of the resident set says comes with it.
            ..Meta::default()
        };
        Self {
            sites,
            modules,
            interval_bytes: signed(highwater_recorder::last_interval_bytes()),
            time_ns,
            duration_ns,
            meta,
            who: who(),
            residency: None,
        }
    }

    fn profile(&self) -> Profile {
        let types = match &self.residency {
            Some(_) => Residency::sample_types(&SAMPLE_TYPES),
            None => SAMPLE_TYPES.iter().map(|&(kind, unit)| ValueType::new(kind, unit)).collect(),
        };
        let mut profile = Profile::new(types);
        profile.default_sample_type = SAMPLE_TYPES.iter().position(|it| it.0 == DEFAULT_SAMPLE_TYPE);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = self.interval_bytes;
        profile.drop_frames = RECORDER_FRAMES.to_owned();
        profile.keep_frames = CALLING_FRAMES.to_owned();
        profile.time_ns = self.time_ns;
        profile.duration_ns = self.duration_ns;
        profile.meta = Some(self.meta);
        self.who.add_to(&mut profile);
        let mut locations = self.modules.add_to(&mut profile);
        let keys = Keys::new(&mut profile);
        let mut stack = Vec::new();
        for site in &self.sites {
            stack.clear();
            if locations.are_those_of(site) {
                stack.extend(site.stack.iter().map(|&address| locations.at(&mut profile, address)));
            } else {
                stack.extend(site.stack.iter().map(|&address| locations.at_of_gone(&mut profile, address)));
            }
            let values = values(site).map(signed);
            let mut labels = keys.labels(&mut profile, site, self.interval_bytes);
            match &self.residency {
                None => profile.samples.push(&stack, &values, &labels),
                Some(residency) => {
                    labels.extend(residency.labels(&mut profile, site));
                    profile.samples.push(&stack, &[&values[..], &residency.values(site)].concat(), &labels);
                }
            }
        }
        if let Some(residency) = &self.residency {
            residency.add_to(&mut profile);
        }
        // Stacks that differ only in the allocator's frames are equal without these.
        profile.samples.add_up_equal(keys.variance);
        profile
    }
}

/// The values of a row, in the order of [`SAMPLE_TYPES`].
fn values(site: &SiteTotals) -> [u64; SAMPLE_TYPES.len()] {
    let SiteTotals { allocated, live, at_peak, temporary, grown, doublings, ended, .. } = site;
    [
        allocated.blocks,
        allocated.bytes,
        live.blocks,
        live.bytes,
        at_peak.blocks,
        at_peak.bytes,
        temporary.blocks,
        temporary.bytes,
        grown.blocks,
        grown.bytes,
        *doublings,
        ended.blocks,
        ended.bytes,
    ]
}

/// The string indexes of the sample labels' keys, and of a unit.
struct Keys {
    bytes: StringId,
    birth_epoch: StringId,
    lifetime: StringId,
    nanoseconds: StringId,
    interval: StringId,
    variance: StringId,
    thread: StringId,
    scope: StringId,
}

impl Keys {
    fn new(profile: &mut Profile) -> Self {
        let mut key = |key| profile.strings.intern(key);
        Self {
            bytes: key("bytes"),
            birth_epoch: key("birth_epoch"),
            lifetime: key("lifetime"),
            nanoseconds: key("nanoseconds"),
            interval: key("interval"),
            variance: key("variance"),
            thread: key("thread"),
            scope: key("scope"),
        }
    }

    /// The labels that distinguish this site's row: `interval` only if it differs from the profile's.
    fn labels(&self, profile: &mut Profile, site: &SiteTotals, interval_bytes: i64) -> Vec<Label> {
        let number = |key, value, unit| Label { key, value: LabelValue::Number(signed(value), unit) };
        let mut labels = vec![number(self.bytes, site.block_bytes, self.bytes)];
        if signed(site.interval_bytes) != interval_bytes {
            labels.push(number(self.interval, site.interval_bytes, self.bytes));
        }
        if let Some(first) = site.first_snapshot {
            labels.push(number(self.birth_epoch, first, StringId::EMPTY));
        }
        if let Some(lived_ns) = site.lived_ns {
            labels.push(number(self.lifetime, lived_ns, self.nanoseconds));
        }
        // For a sampled row, the error follows from its interval.
        if site.variance != 0 && site.interval_bytes == 1 {
            labels.push(number(self.variance, site.variance, StringId::EMPTY));
        }
        for (key, text) in
            [(self.thread, String::from_utf8_lossy(site.thread)), (self.scope, site.scope.into())]
        {
            if !text.is_empty() {
                labels.push(Label { key, value: LabelValue::Text(profile.strings.intern(&text)) });
            }
        }
        labels
    }
}

/// A number that no other process has, from the start time and the process id (a forked child has its
/// parent's start time).
fn process(time_ns: i64, running_ns: i64) -> i64 {
    static STARTED_NS: OnceLock<i64> = OnceLock::new();
    let started_ns = STARTED_NS.get_or_init(|| time_ns - running_ns);
    (started_ns ^ i64::from(std::process::id()).rotate_left(44)) & i64::MAX
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
