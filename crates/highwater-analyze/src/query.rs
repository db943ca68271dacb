//! What is asked of a profile: which values, grouped how, and which frames count.

use highwater_names::types::ContainerRule;
use regex::Regex;

use crate::group::GroupBy;
use crate::sample_kind::SampleKind;

/// What is asked of a profile.
///
/// The filters mean what they mean in pprof. An expression matches a frame when it is found in the function's name,
/// the path of its source file, or the path of its module. Where a filter has several expressions, one match
/// is enough. A sample that is left without frames counts under `[unknown]`, so that totals agree with the file.
#[derive(Clone, Debug)]
pub struct Query {
    /// The values to show; `None` for the profile's own choice, see [`SampleKind::default_for`].
    pub sample: Option<SampleKind>,
    /// What a row stands for.
    pub by: GroupBy,
    /// When not empty, only samples with a matching frame count.
    pub focus: Vec<Regex>,
    /// Samples with a matching frame do not count.
    pub ignore: Vec<Regex>,
    /// Matching frames are removed from their stacks.
    pub hide: Vec<Regex>,
    /// When not empty, frames that do not match are removed from their stacks.
    pub show: Vec<Regex>,
    /// Matching frames are passed over like those of the standard library: their values go to their callers. Crate
    /// names are matched as well.
    pub through: Vec<Regex>,
    /// Pass over the frames of libraries as well, as far as the paths of their sources tell, where a frame with a source of the
    /// program's own has called them. A finding is about a line that its reader can change.
    pub through_libraries: bool,
    /// When not empty, only blocks count whose type matches, or the type of what keeps them.
    pub types: Vec<Regex>,
    /// What the functions of the program's own collections allocate.
    pub containers: Vec<ContainerRule>,
    /// Keep the frames of the recorder and of the allocator's entry points, which are removed otherwise, and those that the
    /// profile itself says to leave out ([`Profile::drop_frames`](highwater_profile::Profile::drop_frames)).
    pub all_frames: bool,
    /// Attribute values to the innermost frame, instead of the innermost one outside the standard library and the
    /// collections it is built on.
    pub leaf: bool,
    /// In a ranking, rank by what a row and all it calls hold, and list rows that hold nothing themselves too.
    pub cumulative: bool,
    /// Rows below this share of the whole are left out (and counted as omitted).
    pub min_fraction: f64,
    /// Most rows to return; in a tree, most children of one node. `None` for all.
    pub limit: Option<usize>,
}

impl Default for Query {
    /// By line, without filters, at most 20 rows of at least 0.5 %.
    fn default() -> Self {
        Self {
            sample: None,
            by: GroupBy::default(),
            focus: Vec::new(),
            ignore: Vec::new(),
            hide: Vec::new(),
            show: Vec::new(),
            through: Vec::new(),
            through_libraries: false,
            types: Vec::new(),
            containers: Vec::new(),
            all_frames: false,
            leaf: false,
            cumulative: false,
            min_fraction: 0.005,
            limit: Some(20),
        }
    }
}
