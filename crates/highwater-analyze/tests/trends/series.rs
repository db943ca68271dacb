//! What a series accepts, and what it makes of flows that are known.

use highwater_analyze::{
    Class, Estimate, FlowSource, Query, SampleKind, Series, SeriesError, SeriesOptions, Trend, TrendEvidence,
    TrendOptions, TrendRow, Used,
};
use highwater_profile::Profile;

use crate::snapshots::{BLOCK, Held, Kind, snapshot};

const HOUR: i64 = 3600;

fn series(force: bool) -> Series {
    let query = Query { limit: None, min_fraction: 0.0, ..Query::default() };
    Series::new(query, SeriesOptions { force })
}

fn trend_of(snapshots: impl IntoIterator<Item = Profile>) -> Trend {
    let mut series = series(false);
    for snapshot in snapshots {
        series.push(&snapshot).unwrap();
    }
    series.trend(&TrendOptions::default()).unwrap()
}

fn line(trend: &Trend, line: i64) -> &TrendRow {
    trend.rows.iter().find(|it| it.key.line == Some(line)).unwrap()
}

/// A line that gains `gain` blocks in each of `count` snapshots an hour apart, with the blocks' births.
fn growing(kind: Kind, interval: i64, count: i64, gain: i64) -> Vec<Profile> {
    let snapshots = (1..=count).map(|epoch| {
        let held: Vec<Held> = match kind {
            Kind::Own => (1..=epoch).map(|born| (1, born, gain, gain)).collect(),
            _ => vec![(1, 0, gain * epoch, gain * epoch)],
        };
        snapshot(kind, epoch, epoch * HOUR, interval, &held)
    });
    snapshots.collect()
}

#[test]
fn growth_is_that_of_the_blocks_in_any_kind_of_file() {
    for (kind, source) in [
        (Kind::Own, FlowSource::Cohorts),
        (Kind::Go, FlowSource::Cumulative),
        (Kind::Live, FlowSource::Levels),
    ] {
        let trend = trend_of(growing(kind, 1, 20, 10));
        assert_eq!(trend.source, source);
        let row = line(&trend, 1);
        assert_eq!(row.class(), Class::Leak);
        assert_eq!(row.growth_per_hour, Estimate::exact(10 * BLOCK));
        assert_eq!(row.sustained_per_hour, Some(10.0 * BLOCK as f64));
        assert_eq!(trend.growth_per_hour, row.growth_per_hour);
        assert_eq!(row.levels, (1..=20).map(|it| 10 * it * BLOCK).collect::<Vec<_>>());
        assert_eq!(trend.snapshots, 20);
        assert_eq!(trend.span_ns, 19 * HOUR * 1_000_000_000);
    }
}

/// The variance of one hour's births is `gain·s²/(e^(s/R)-1)`; blocks that survive add nothing. From levels alone both
/// snapshots err.
#[test]
fn errors_are_those_of_what_flowed() {
    const R: i64 = 64 << 10;
    let birth = 100.0 * (BLOCK as f64).powi(2) / (BLOCK as f64 / R as f64).exp_m1();
    let error = |kind| {
        let trend = trend_of(growing(kind, R, 3, 100));
        line(&trend, 1).growth_per_hour.standard_error.unwrap()
    };
    // Two intervals of one hour each; in the rate per hour their sum counts half.
    let close =
        |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    close(error(Kind::Own), (2.0 * birth).sqrt() / 2.0);
    close(error(Kind::Go), (2.0 * birth).sqrt() / 2.0);
    close(error(Kind::Live), ((1.0 + 2.0 + 2.0 + 3.0) * birth).sqrt() / 2.0);
}

#[test]
fn a_long_series_is_kept_in_bounded_memory_and_loses_nothing() {
    for count in [33, 34, 64, 65, 100, 1000] {
        let gain = |epoch: i64| 3 + epoch % 4;
        let mut level = 0;
        let mut series = series(false);
        for epoch in 1..=count {
            level += gain(epoch);
            // A second line comes up late and goes away again.
            let other = if (count / 2..count / 2 + 5).contains(&epoch) { 50 } else { 0 };
            let held = [(1, 1, level, level), (2, epoch, other, other)];
            series.push(&snapshot(Kind::Live, epoch, epoch * HOUR, 1, &held)).unwrap();
        }
        let trend = series.trend(&TrendOptions::default()).unwrap();
        let row = line(&trend, 1);
        assert!((17..=33).contains(&row.levels.len()), "{}", row.levels.len());
        assert_eq!(row.levels.last(), Some(&(level * BLOCK)), "{count}");
        assert_eq!(row.levels[0], gain(1) * BLOCK);
        assert_eq!(row.class(), Class::Leak, "{count}");
        let per_hour = row.growth_per_hour.value as f64 / BLOCK as f64;
        assert!((per_hour - 4.5).abs() < 0.3, "{count}: {per_hour}");
        assert_eq!(line(&trend, 2).levels.len(), row.levels.len());
        assert_ne!(line(&trend, 2).class(), Class::Leak);
    }
}

#[test]
fn a_process_that_was_stopped_for_a_while_leaks_none_the_less() {
    // Twenty snapshots a minute apart, but for the one behind twenty minutes in which nothing ran.
    let seconds = |epoch: i64| epoch * 60 + if epoch > 10 { 1200 } else { 0 };
    let trend = trend_of((1..=20).map(|epoch| {
        let held: Vec<Held> = (1..=epoch).map(|born| (1, born, 10, 10)).collect();
        snapshot(Kind::Own, epoch, seconds(epoch), 1, &held)
    }));
    assert_eq!(line(&trend, 1).class(), Class::Leak);
}

/// A course of blocks live, hour by hour, without births.
fn course(levels: &[i64]) -> TrendRow {
    let snapshots = levels.iter().zip(1..).map(|(&level, epoch)| {
        snapshot(Kind::Live, epoch, epoch * HOUR, 1, &[(1, 0, level, 0), (2, 0, 1, 0)])
    });
    line(&trend_of(snapshots), 1).clone()
}

#[test]
fn every_class_has_its_evidence() {
    let hours = |ns: i64| ns / (HOUR * 1_000_000_000);
    let TrendEvidence::Leak { windows_per_hour, kept_fraction } =
        course(&[5, 6, 7, 8, 9, 10, 11, 12, 13]).evidence
    else {
        panic!("not a leak")
    };
    assert!(windows_per_hour.iter().all(|it| it.value == BLOCK) && windows_per_hour.len() == 3);
    assert_eq!(kept_fraction, Some(1.0));

    let step = course(&[5, 5, 5, 5, 5, 5, 45, 45, 45, 45, 45, 45]).evidence;
    assert!(
        matches!(step, TrendEvidence::Step { at_ns, change } if hours(at_ns) == 6 && change.value == 40 * BLOCK)
    );

    let warm_up = course(&[0, 20, 30, 35, 38, 40, 40, 40, 40, 40, 40, 40, 40]).evidence;
    let TrendEvidence::WarmUp { settled_ns, change } = warm_up else { panic!("{warm_up:?}") };
    assert_eq!((hours(settled_ns), change.value), (4, 40 * BLOCK));

    let sawtooth = course(&[0, 10, 20, 30, 0, 10, 20, 30, 0, 10, 20, 30, 0]).evidence;
    assert_eq!(sawtooth, TrendEvidence::Sawtooth { falls: 3, lowest: 0, highest: 30 * BLOCK });

    assert_eq!(course(&[40, 41, 40, 39, 40, 40, 41, 40, 40]).evidence, TrendEvidence::Steady);

    let churning = (1..=12).map(|epoch| {
        snapshot(Kind::Go, epoch, epoch * HOUR, 1, &[(1, 0, 10, 100 * epoch), (2, 0, 0, 50 * epoch)])
    });
    let trend = trend_of(churning);
    assert_eq!(
        line(&trend, 1).evidence,
        TrendEvidence::Churn { allocated_per_hour: 100 * BLOCK, turnover_per_hour: Some(10.0) }
    );
    // What no snapshot sees alive is churn as well.
    assert_eq!(
        line(&trend, 2).evidence,
        TrendEvidence::Churn { allocated_per_hour: 50 * BLOCK, turnover_per_hour: None }
    );
}

#[test]
fn the_limit_is_reached_when_the_room_is_used_up() {
    let last = |snapshots: &mut Vec<Profile>, rss, cgroup: Option<i64>| {
        let meta = snapshots.last_mut().unwrap().meta.as_mut().unwrap();
        (meta.rss_bytes, meta.cgroup_limit_bytes) = (rss, cgroup);
        meta.cgroup_used_bytes = cgroup.map(|it| it - 50 * BLOCK);
    };
    let forecast = |rss, cgroup, limit_bytes| {
        let mut snapshots = growing(Kind::Own, 1, 9, 10);
        last(&mut snapshots, rss, cgroup);
        let mut series = series(false);
        snapshots.iter().for_each(|it| series.push(it).unwrap());
        series.trend(&TrendOptions { limit_bytes }).unwrap().forecast
    };
    assert_eq!(forecast(None, None, None), None);
    let live = forecast(None, None, Some(100 * BLOCK)).unwrap();
    assert_eq!((live.used, live.used_bytes, live.hours), (Used::Live, 90 * BLOCK, Some(1.0)));
    assert_eq!((live.hours_lower95, live.hours_upper95), (Some(1.0), Some(1.0)));
    let resident = forecast(Some(95 * BLOCK), Some(1000 * BLOCK), Some(100 * BLOCK)).unwrap();
    assert_eq!((resident.used, resident.hours), (Used::Resident, Some(0.5)));
    let own = forecast(Some(95 * BLOCK), Some(1000 * BLOCK), None).unwrap();
    assert_eq!((own.used, own.hours, own.limit_bytes), (Used::Cgroup, Some(5.0), 1000 * BLOCK));
    assert_eq!(forecast(Some(95 * BLOCK), None, Some(BLOCK)).unwrap().hours, Some(0.0));
}

#[test]
fn an_uneven_growth_has_a_wide_forecast() {
    let levels = [0, 0, 0, 40, 40, 80, 80, 80, 120];
    let snapshots = levels
        .iter()
        .zip(1..)
        .map(|(&level, epoch)| snapshot(Kind::Live, epoch, epoch * HOUR, 1, &[(1, 0, level, 0)]));
    let mut series = series(false);
    snapshots.for_each(|it| series.push(&it).unwrap());
    let trend = series.trend(&TrendOptions { limit_bytes: Some(1000 * BLOCK) }).unwrap();
    let forecast = trend.forecast.unwrap();
    assert_eq!(trend.growth_per_hour.standard_error, Some(0.0));
    assert!(forecast.growth_per_hour.standard_error.unwrap() > BLOCK as f64);
    assert!(forecast.hours_lower95 < forecast.hours);
}

#[test]
fn what_does_not_continue_a_series_is_refused() {
    let one = |epoch, seconds| snapshot(Kind::Own, epoch, seconds, 512, &[(1, epoch, 10, 10 * epoch)]);
    let second = |profile: Profile, force: bool| {
        let mut series = series(force);
        series.push(&one(5, 500)).unwrap();
        series.push(&profile).map(|()| series)
    };
    let refused = |profile| second(profile, false).map(|_| ()).unwrap_err();
    assert!(matches!(refused(one(5, 500)), SeriesError::Duplicate { .. }));
    assert!(matches!(refused(one(4, 400)), SeriesError::Unsorted { by_ns: 100_000_000_000 }));
    assert!(matches!(refused(one(6, 400)), SeriesError::ClockBackwards { .. }));
    assert!(matches!(refused(one(6, 500)), SeriesError::ClockBackwards { .. }));
    assert!(matches!(refused(one(4, 600)), SeriesError::ClockBackwards { .. }));
    let mut other = one(6, 600);
    other.meta.as_mut().unwrap().process = Some(8);
    assert_eq!(refused(other.clone()), SeriesError::Restarted);
    let mut coarse = one(6, 600);
    coarse.period = 1024;
    assert!(matches!(refused(coarse.clone()), SeriesError::IntervalChanged(_)));
    let mut timeless = one(6, 600);
    timeless.time_ns = 0;
    assert_eq!(refused(timeless), SeriesError::NoTime);
    assert!(matches!(refused(Profile::new(Vec::new())), SeriesError::Question(_)));

    // What can be overlooked is, when asked for, and is noted.
    for (profile, count) in [(one(5, 500), 1), (other, 2), (coarse, 2)] {
        let mut series = second(profile, true).unwrap();
        assert_eq!((series.len(), series.notes().len()), (count, 1));
        series.push(&one(7, 700)).unwrap();
    }
    assert!(second(one(4, 400), true).is_err());
}

#[test]
fn a_fall_of_cumulative_values_is_a_restart() {
    let go = |seconds, allocated| snapshot(Kind::Go, 0, seconds, 512, &[(1, 0, 10, allocated)]);
    let mut series = series(false);
    series.push(&go(100, 50)).unwrap();
    series.push(&go(200, 60)).unwrap();
    assert_eq!(series.push(&go(300, 20)), Err(SeriesError::Restarted));
    assert_eq!(series.len(), 2);
}

#[test]
fn what_was_between_two_processes_is_no_flow() {
    let mut series = series(true);
    for (process, epoch, seconds, level) in [(1, 1, 1, 100), (1, 2, 2, 100), (2, 1, 3, 5), (2, 2, 4, 5)] {
        let mut profile = snapshot(Kind::Own, epoch, seconds * HOUR, 1, &[(1, 1, level, level)]);
        profile.meta.as_mut().unwrap().process = Some(process);
        series.push(&profile).unwrap();
    }
    let trend = series.trend(&TrendOptions::default()).unwrap();
    assert_eq!(trend.growth_per_hour.value, 0);
    assert_eq!(line(&trend, 1).live.value, 5 * BLOCK);
}

#[test]
fn one_snapshot_is_no_series_and_cumulative_values_have_no_trend() {
    let mut one = series(false);
    assert_eq!(one.trend(&TrendOptions::default()).unwrap_err(), SeriesError::TooFew(0));
    one.push(&snapshot(Kind::Own, 1, 1, 1, &[(1, 1, 1, 1)])).unwrap();
    assert_eq!(one.trend(&TrendOptions::default()).unwrap_err(), SeriesError::TooFew(1));
    let query = Query { sample: Some(SampleKind::AllocBytes), ..Query::default() };
    let mut series = Series::new(query, SeriesOptions::default());
    let error = series.push(&snapshot(Kind::Own, 1, 1, 1, &[(1, 1, 1, 1)])).unwrap_err();
    assert_eq!(error, SeriesError::NotLive("alloc-bytes".to_owned()));
}

#[test]
fn hostile_values_and_times_do_no_harm() {
    for (earlier, later) in [(i64::MIN, i64::MAX), (-1, 1), (1, i64::MAX)] {
        let mut series = series(true);
        for (epoch, time_ns, value) in [(1, earlier, 1), (2, later, i64::MAX)] {
            let mut profile = snapshot(Kind::Own, epoch, 0, i64::MAX, &[(1, epoch, 1, 1)]);
            profile.time_ns = time_ns;
            let stack: Vec<_> = profile.location_ids().collect();
            profile.samples.push(&stack, &[value; 4], &[]);
            profile.samples.push(&stack, &[value; 4], &[]);
            series.push(&profile).unwrap();
        }
        let trend = series.trend(&TrendOptions { limit_bytes: Some(i64::MAX) }).unwrap();
        assert_eq!(trend.snapshots, 2);
    }
}

#[test]
fn leaks_stand_in_the_order_of_their_least_gain_and_the_rest_by_size() {
    let snapshots = (0..13).map(|hour: i64| {
        // Line 2 gains more on the whole than line 3, but less in the last of the three windows.
        let fits = 6 * hour.min(9) + 3 * (hour - 9).max(0);
        let held = [
            (1, 0, 1 + hour, 0),
            (2, 0, 1 + fits, 0),
            (3, 0, 1 + 5 * hour, 0),
            (4, 0, 70, 0),
            (5, 0, 90, 0),
            (6, 0, 5, 100 * hour),
            (7, 0, 1, 200 * hour),
        ];
        snapshot(
            Kind::Go,
            hour,
            hour * HOUR,
            1,
            &held.map(|(line, born, live, allocated)| (line, born, live, live + allocated)),
        )
    });
    let trend = trend_of(snapshots);
    let order: Vec<_> = trend.rows.iter().filter_map(|row| Some((row.key.line?, row.class()))).collect();
    let leaks = [3, 2, 1].map(|line| (line, Class::Leak));
    let rest = [(7, Class::Churn), (6, Class::Churn), (5, Class::Steady), (4, Class::Steady)];
    assert_eq!(order, [&leaks[..], &rest[..]].concat());
    assert_eq!(line(&trend, 2).sustained_per_hour, Some(3.0 * BLOCK as f64));
}
