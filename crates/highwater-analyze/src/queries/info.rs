//! What a file holds and what it leaves unsaid.

use std::collections::BTreeMap;

use highwater_profile::{Line, Location, Mapping, Missing, Profile, Sample, StringId};
use serde::Serialize;

use crate::queries::header::{self, Period};
use crate::sample_kind::{SampleKind, Unit};
use crate::statistics::sampling;
use crate::statistics::sum::Sum;

/// The answer of [`info()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Info {
    /// Where the profile comes from.
    pub source: SourceInfo,
    /// The kinds of values, in the file's order.
    pub sample_types: Vec<SampleTypeInfo>,
    /// Sampling interval in bytes; `None` when the file does not say.
    pub interval_bytes: Option<i64>,
    /// What there is from one sample to the next where that is not bytes, such as processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Every block was recorded.
    pub exact: bool,
    /// The profile is the difference of two: its values have signs.
    pub difference: bool,
    /// When the profile was taken, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: Option<i64>,
    /// Time that cumulative values cover, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// Number of rows.
    pub samples: usize,
    /// Number of locations.
    pub locations: usize,
    /// Number of locations with a function name.
    pub symbolized_locations: usize,
    /// Number of functions.
    pub functions: usize,
    /// The mapped files.
    pub mappings: Vec<MappingInfo>,
    /// What the recorder says about the process, by name; `None` in profiles of other tools.
    pub meta: Option<BTreeMap<String, i64>>,
    /// Who was recorded, by name: host, program and the like, as far as the file says.
    pub identity: BTreeMap<String, String>,
    /// Remarks in the file.
    pub comments: Vec<String>,
    /// What the file does not say, one thing each.
    pub missing: Vec<String>,
    /// What keeps answers from saying more, and what to do about it; see [`Header::notes`](crate::Header::notes).
    pub notes: Vec<String>,
}

/// The format of a file, and who wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SourceInfo {
    /// One word for the format, as options have it.
    pub format: String,
    /// What the format is called.
    pub title: String,
    /// The program that recorded the profile, as far as the file tells.
    pub producer: Option<String>,
}

/// One kind of values in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SampleTypeInfo {
    /// Name, as [`SampleKind`] displays it.
    pub name: String,
    /// Name in the file.
    pub pprof_name: String,
    /// Unit.
    pub unit: Unit,
    /// Sum over all rows.
    pub total: i64,
    /// This is the one shown when nothing else is asked for.
    pub default: bool,
}

/// One mapped file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct MappingInfo {
    /// Path on the machine that was recorded.
    pub file: Option<String>,
    /// Build id in lower-case hexadecimal.
    pub build_id: Option<String>,
    /// Number of locations in it.
    pub locations: usize,
    /// Number of those with a function name.
    pub symbolized: usize,
}

/// Says what `profile` holds.
pub fn info(profile: &Profile) -> Info {
    let is_symbolized = |location: &Location| {
        let named = |line: &Line| profile.function(line.function).name != StringId::EMPTY;
        location.lines.iter().any(named)
    };
    let mut mappings: Vec<MappingInfo> = profile.mappings().iter().map(|it| mapping(profile, it)).collect();
    let mut symbolized_locations = 0;
    for location in profile.locations() {
        let symbolized = usize::from(is_symbolized(location));
        symbolized_locations += symbolized;
        if let Some(id) = location.mapping {
            mappings[id.index()].locations += 1;
            mappings[id.index()].symbolized += symbolized;
        }
    }
    let interval_bytes = sampling::interval_bytes(profile);
    let mut info = Info {
        source: SourceInfo {
            format: profile.source.format.name().to_owned(),
            title: profile.source.format.title().to_owned(),
            producer: profile.source.producer.clone(),
        },
        sample_types: sample_types(profile),
        interval_bytes,
        period: Period::of(profile),
        exact: sampling::is_exact(profile),
        difference: profile.is_difference(),
        time_ns: header::known(profile.time_ns),
        duration_ns: header::known(profile.duration_ns),
        samples: profile.samples.len(),
        locations: profile.locations().len(),
        symbolized_locations,
        functions: profile.functions().len(),
        mappings,
        meta: header::meta(profile),
        identity: profile.identity.clone(),
        comments: profile.comments.clone(),
        missing: Vec::new(),
        notes: header::notes(profile),
    };
    info.missing = missing(profile, &info);
    info
}

fn sample_types(profile: &Profile) -> Vec<SampleTypeInfo> {
    let default = SampleKind::default_for(profile);
    let types = profile.sample_types().iter().enumerate();
    types
        .map(|(column, it)| {
            let kind = SampleKind::named(&it.kind);
            let sum = |mut sum: Sum, sample: Sample<'_>| {
                sum.add(Sum::new(sample.values[column], None));
                sum
            };
            SampleTypeInfo {
                name: kind.to_string(),
                pprof_name: it.kind.clone(),
                unit: Unit::named(&it.unit),
                total: profile.samples.iter().fold(Sum::ZERO, sum).value(),
                default: kind == default,
            }
        })
        .collect()
}

fn mapping(profile: &Profile, mapping: &Mapping) -> MappingInfo {
    let text = |id: StringId| Some(profile.string(id)).filter(|it| !it.is_empty()).map(str::to_owned);
    MappingInfo { file: text(mapping.file), build_id: text(mapping.build_id), locations: 0, symbolized: 0 }
}

/// What the file does not say although an answer may need it: what the profile shows by an empty field, then what its
/// reader says.
fn missing(profile: &Profile, info: &Info) -> Vec<String> {
    let sized = profile
        .strings
        .find("bytes")
        .is_some_and(|label| profile.samples.iter().any(|sample| sample.number(label).is_some()));
    let used = info.mappings.iter().filter(|it| it.locations > 0);
    let lacks = |kinds: [SampleKind; 2]| kinds.iter().all(|kind| kind.column(profile).is_err());
    let lacks_live = lacks([SampleKind::LiveBlocks, SampleKind::LiveBytes]);
    let lacks_alloc = lacks([SampleKind::AllocBlocks, SampleKind::AllocBytes]);
    let lacks_peak = lacks([SampleKind::PeakBlocks, SampleKind::PeakBytes]);
    // Without any of them it is no heap profile, or one that does not know what it counts.
    let is_heap = !(lacks_live && lacks_alloc && lacks_peak);
    let facts = [
        (info.sample_types.is_empty(), "sample types".to_owned()),
        (info.interval_bytes.is_none() && info.period.is_none(), Missing::SamplingInterval.to_string()),
        (is_heap && lacks_live, Missing::LiveTotals.to_string()),
        (is_heap && lacks_alloc, Missing::AllocatedTotals.to_string()),
        (is_heap && lacks_peak, Missing::PeakTotals.to_string()),
        (!sized && info.period.is_none() && !profile.samples.is_empty(), Missing::BlockSizes.to_string()),
        (info.time_ns.is_none(), Missing::Time.to_string()),
        (info.duration_ns.is_none(), Missing::Duration.to_string()),
        (
            info.mappings.is_empty() && info.symbolized_locations < info.locations,
            Missing::Mappings.to_string(),
        ),
        (info.symbolized_locations < info.locations, Missing::FunctionNames.to_string()),
        (info.meta.is_none(), "recorder facts".to_owned()),
    ];
    let lost = profile.meta.and_then(|it| it.dropped_samples).filter(|it| *it > 0);
    let mut missing: Vec<String> = facts.into_iter().filter(|it| it.0).map(|it| it.1).collect();
    let without_id = used.filter(|it| it.build_id.is_none()).filter_map(|it| it.file.as_deref());
    let without_id: Vec<String> = without_id.map(|file| format!("build id of {file}")).collect();
    for &it in &profile.source.missing {
        let said = it == Missing::BuildIds && !without_id.is_empty();
        let text = it.to_string();
        if !said && !missing.contains(&text) {
            missing.push(text);
        }
    }
    missing.extend(without_id);
    missing.extend(lost.map(|it| format!("{it} samples, which the recorder lost")));
    missing
}
