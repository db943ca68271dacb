//! Snapshots and screens for the tests of this directory.

use highwater_analyze::{Estimate, GroupBy, SnapshotTotals};
use highwater_profile::{Label, LabelValue, Line, Location, Meta, Profile, ValueType, pprof};

use super::ask::{Analyst, Answer, Ways};
use super::kept::{Bounds, Kept};
use super::model::{Asked, Model};
use crate::watch;

/// A snapshot for tests that look only at its number.
pub(crate) fn kept(number: usize) -> Kept {
    let exact = Estimate::exact;
    let totals = SnapshotTotals {
        time_ns: 1_700_000_000_000_000_000 + number as i64 * 60_000_000_000,
        process: Some(7),
        epoch: Some(number as i64),
        interval_bytes: Some(512 << 10),
        live_bytes: exact(10 << 20),
        alloc_bytes: Some(exact(number as i64 * (50 << 20))),
        peak_bytes: Some(40 << 20),
    };
    let name = format!("heap-{number}.pb.gz");
    Kept { number, series: 1, name, bytes: vec![0], totals, rss_bytes: Some(60 << 20), limit_bytes: None }
}

/// The same shop after this many minutes: `add` keeps 40 blocks of 1 MiB a minute, `archive` holds four
/// blocks of 2 MiB all the time.
pub(crate) fn shop(number: usize) -> Kept {
    let types = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];
    let unit = |it: &str| if it.ends_with("space") { "bytes" } else { "count" };
    let mut profile = Profile::new(types.map(|it| ValueType::new(it, unit(it))).to_vec());
    profile.default_sample_type = Some(3);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 512 << 10;
    profile.time_ns = kept(number).totals.time_ns;
    let epoch = number as i64;
    profile.meta = Some(Meta {
        format: Some(1),
        process: Some(7),
        epoch: Some(epoch),
        rss_bytes: Some((60 << 20) + epoch * (40 << 20)),
        cgroup_limit_bytes: Some(1 << 30),
        ..Meta::default()
    });
    let main = frame(&mut profile, "shop::main", "src/main.rs", 7);
    let add = frame(&mut profile, "shop::index::Index::add", "src/index.rs", 88);
    let archive = frame(&mut profile, "shop::load::archive", "src/load.rs", 12);
    for born in 1..=epoch {
        push(&mut profile, &[add, main], [40, 1 << 20, born]);
    }
    push(&mut profile, &[archive, main], [4, 2 << 20, 1]);
    let totals = watch::facts(&mut profile, 0).unwrap();
    let mut bytes = Vec::new();
    pprof::write(&profile, &mut bytes).unwrap();
    let meta = profile.meta.unwrap();
    Kept { bytes, totals, rss_bytes: meta.rss_bytes, limit_bytes: meta.cgroup_limit_bytes, ..kept(number) }
}

fn frame(profile: &mut Profile, name: &str, file: &str, line: i64) -> highwater_profile::LocationId {
    let function = profile.add_function(name, name, file);
    profile.add_location(Location::symbolized(vec![Line::new(function, line)]))
}

fn push(
    profile: &mut Profile,
    stack: &[highwater_profile::LocationId],
    [blocks, block_bytes, born]: [i64; 3],
) {
    let [size, birth] = ["bytes", "birth_epoch"].map(|it| profile.strings.intern(it));
    let unit = profile.strings.intern("");
    let labels = [
        Label { key: size, value: LabelValue::Number(block_bytes, size) },
        Label { key: birth, value: LabelValue::Number(born, unit) },
    ];
    let bytes = blocks * block_bytes;
    profile.samples.push(stack, &[2 * blocks, 2 * bytes, blocks, bytes], &labels);
}

/// The analyst for these snapshots.
pub(crate) fn analyst() -> Analyst {
    let symbols = highwater_symbol::Options { cache: None, ..highwater_symbol::Options::default() };
    let query = highwater_analyze::Query::default();
    Analyst::new(Ways { query, limits: highwater_profile::Limits::default(), symbols })
}

/// A screen after this many minutes of the shop, with its answer.
pub(crate) fn screen(minutes: usize, size: (u16, u16)) -> (Model, Analyst) {
    let bounds = Bounds { snapshots: 60, bytes: 1 << 20 };
    let asked = Asked { sample: None, by: GroupBy::Line };
    let mut model = Model::new("snapshots".to_owned(), bounds, shop(1), asked, size);
    (2..=minutes).for_each(|number| model.take(super::gather::News::Snapshot(Box::new(shop(number)))));
    let mut analyst = analyst();
    settle(&mut model, &mut analyst);
    (model, analyst)
}

/// Answers the screen's pending question.
pub(crate) fn settle(model: &mut Model, analyst: &mut Analyst) {
    while let Some(question) = model.question() {
        let findings = analyst.answer(&question);
        model.answer(Answer { key: question.key, findings, remark: None });
    }
}
