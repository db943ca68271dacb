//! How a series distinguishes births of blocks from deaths.

use serde::Serialize;

/// How a series distinguishes births of blocks from deaths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowSource {
    /// Live rows say which snapshot has seen them first: births and deaths are known block by block.
    Cohorts,
    /// Cumulative values: what was allocated and what was freed between two snapshots.
    Cumulative,
    /// Live values alone: births less deaths, whose error is that of both snapshots.
    Levels,
}

pub(super) fn weaker(a: FlowSource, b: FlowSource) -> FlowSource {
    let strength = |it| match it {
        FlowSource::Cohorts => 2,
        FlowSource::Cumulative => 1,
        FlowSource::Levels => 0,
    };
    if strength(a) <= strength(b) { a } else { b }
}
