//! Whatever is asked, the parts add up to what the file says.

use highwater_analyze::{
    DiffOptions, Estimate, GroupBy, Query, SampleKind, diff, folded, folded_diff, info, peek, top, tree,
};
use highwater_profile::{LocationId, Profile};
use proptest::prelude::*;
use regex::Regex;

use crate::build::{ALLOCATOR, Build, everything, regexes};

const GROUPINGS: [GroupBy; 6] =
    [GroupBy::Site, GroupBy::Function, GroupBy::Line, GroupBy::File, GroupBy::Module, GroupBy::Crate];

const FRAMES: [&str; 8] = [
    "codeindex::main@src/main.rs:3",
    "codeindex::main@src/main.rs:4",
    "codeindex::index::Index::add@src/index.rs:88",
    "<flate2::gz::read::GzDecoder<R> as std::io::Read>::read@/h/registry/src/i/flate2-1.1.0/src/gz/read.rs:9",
    "std::io::default_read_to_end@~std/src/io/mod.rs:410",
    "<T as alloc::string::ToString>::to_string",
    "{closure#0}@src/index.rs:90",
    "main",
];

/// A row: positions in the list of frames, number of blocks, block size.
type Row = (Vec<usize>, i64, i64);

fn rows(blocks: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Row>> {
    let frame = 0..FRAMES.len() + ALLOCATOR.len() + 3;
    let row = (proptest::collection::vec(frame, 0..7), blocks, 0i64..1 << 20);
    proptest::collection::vec(row, 0..40)
}

fn profile(rows: &[Row], interval: i64) -> Profile {
    let mut build = Build::new(interval);
    let mut frames: Vec<LocationId> =
        FRAMES.iter().chain(&ALLOCATOR).map(|frame| build.location(&[frame])).collect();
    frames.push(build.location(&["<codeindex::Cache as core::fmt::Debug>::fmt@src/cache.rs:1", FRAMES[2]]));
    frames.push(build.address(0x4000));
    frames.push(build.address(0x5000));
    for (stack, blocks, size) in rows {
        let stack: Vec<LocationId> = stack.iter().map(|&at| frames[at]).collect();
        build.live_at(&stack, *blocks, *size);
    }
    build.profile
}

fn queries() -> Vec<Query> {
    let mut queries = vec![
        everything(),
        Query { leaf: true, ..everything() },
        Query { all_frames: true, ..everything() },
        Query { hide: regexes("codeindex"), ..everything() },
        Query { show: regexes("std"), ..everything() },
        Query { through: regexes("flate2"), ..everything() },
        Query { sample: Some(SampleKind::LiveBlocks), ..everything() },
    ];
    queries = queries.iter().flat_map(|query| GROUPINGS.map(|by| Query { by, ..query.clone() })).collect();
    queries
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn parts_add_up_to_the_file(base in rows(-9..1000), new in rows(-9..1000)) {
        let (base, new) = (profile(&base, 4096), profile(&new, 4096));
        // A profile with a negative value is a difference: its parts add up, but it has no errors and is not compared.
        let holds = !new.is_difference();
        let anything = Regex::new("").unwrap();
        for query in queries() {
            let column = query.sample.as_ref().map_or(1, |_| 0);
            let (total, total_base) = (new.samples.total(column), base.samples.total(column));

            let ranked = top(&new, &query).unwrap();
            prop_assert_eq!(ranked.rows.iter().map(|it| it.flat.value).sum::<i64>(), total);
            prop_assert_eq!((ranked.header.total.value, ranked.header.shown_total.value), (total, total));
            let short = top(&new, &Query { limit: Some(2), min_fraction: 0.1, ..query.clone() }).unwrap();
            let kept: i64 = short.rows.iter().map(|it| it.flat.value).sum();
            prop_assert_eq!(kept + short.omitted.value, total);
            // Variances add up as well.
            let squared = |it: &Estimate| it.standard_error.map(|it| it.powi(2));
            let variance: Option<f64> = ranked.rows.iter().map(|it| squared(&it.flat)).sum();
            let whole = squared(&ranked.header.total);
            prop_assert_eq!(whole.is_some(), holds || new.samples.is_empty());
            if let (Some(variance), Some(whole)) = (variance, whole) {
                prop_assert!((variance - whole).abs() <= 1e-9 * whole);
            }

            let grown = tree(&new, &query).unwrap();
            prop_assert_eq!(grown.nodes[0].cumulative.value, total);
            prop_assert_eq!(grown.nodes.iter().map(|it| it.flat.value).sum::<i64>(), total);

            let stacks = folded(&new, &query).unwrap();
            prop_assert_eq!(stacks.iter().map(|it| it.value).sum::<i64>(), total);
            prop_assert!(stacks.windows(2).all(|pair| pair[0].frames < pair[1].frames));

            let seen = peek(&new, &anything, &query).unwrap();
            prop_assert_eq!(seen.functions.iter().map(|it| it.flat.value).sum::<i64>(), total);

            let options = DiffOptions::default();
            let compared = diff(&base, &new, &query, &options);
            prop_assert_eq!(compared.is_ok(), holds && !base.is_difference());
            let Ok(compared) = compared else { continue };
            prop_assert_eq!(compared.rows.iter().map(|it| it.base.value).sum::<i64>(), total_base);
            prop_assert_eq!(compared.rows.iter().map(|it| it.new.value).sum::<i64>(), total);
            prop_assert_eq!(compared.total_change.change.value, total - total_base);
            let stacks = folded_diff(&base, &new, &query, &options).unwrap();
            prop_assert_eq!(stacks.iter().map(|it| it.new - it.base).sum::<i64>(), total - total_base);
        }
    }

    #[test]
    fn no_value_is_too_much(
        values in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 1..8),
        period in any::<i64>(),
    ) {
        let mut build = Build::new(period);
        let stack = [build.location(&[FRAMES[2]]), build.location(&[FRAMES[0]])];
        let key = build.profile.strings.intern("bytes");
        for (blocks, bytes, size) in values {
            let value = highwater_profile::LabelValue::Number(size, key);
            build.profile.samples.push(&stack, &[blocks, bytes], &[highwater_profile::Label { key, value }]);
            build.profile.samples.push(&stack, &[i64::MIN, i64::MIN], &[]);
        }
        let profile = build.profile;
        let error = |it: highwater_analyze::Estimate| it.standard_error.is_none_or(|it| it.is_finite() && it >= 0.0);
        let anything = Regex::new("").unwrap();
        for query in queries() {
            let ranked = top(&profile, &query).unwrap();
            prop_assert!(error(ranked.header.total) && ranked.rows.iter().all(|it| error(it.flat)));
            prop_assert!(tree(&profile, &query).is_ok());
            prop_assert!(folded(&profile, &query).is_ok());
            prop_assert!(peek(&profile, &anything, &query).is_ok());
            // The lowest value there is makes it a difference.
            prop_assert!(diff(&profile, &profile, &query, &DiffOptions::default()).is_err());
        }
        info(&profile);
    }
}
