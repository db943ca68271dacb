//! Rankings: what values are put down to, and what filters and groupings do.

use highwater_analyze::{GroupBy, Query, SampleKind, Top, top};

use crate::build::{Build, EXAMPLE, everything, regexes, whole_stack};

const ADD: &str = "codeindex::index::Index::add::{{closure}}@crates/highwater/examples/codeindex/index.rs:88";
const INFLATE: &str = "codeindex::archive::inflate@crates/highwater/examples/codeindex/archive.rs:31";
const MAIN: &str = "codeindex::main@crates/highwater/examples/codeindex/main.rs:12";
const GZ: &str =
    "<flate2::gz::read::GzDecoder<R> as std::io::Read>::read@/h/registry/src/i/flate2-1.1.0/src/gz/read.rs:9";

/// 6 KiB through a map in `Index::add`, 3 KiB read into a buffer in `inflate`, 1 KiB allocated by flate2.
fn codeindex() -> Build {
    let mut build = Build::new(1);
    let rehash =
        "hashbrown::raw::RawTable<T,A>::reserve_rehash@/rust/deps/hashbrown-0.15.2/src/raw/mod.rs:1100";
    build.live(&whole_stack(&[rehash, ADD, MAIN]), 6, 1024);
    build.live(
        &whole_stack(&["std::io::default_read_to_end@~std/src/io/mod.rs:410", INFLATE, MAIN]),
        1,
        3072,
    );
    build.live(
        &whole_stack(&[GZ, "std::io::default_read_to_end@~std/src/io/mod.rs:425", INFLATE, MAIN]),
        2,
        512,
    );
    build
}

/// Label, flat and cumulative value of every row.
fn rows(top: &Top) -> Vec<(&str, i64, i64)> {
    top.rows.iter().map(|it| (it.key.label.as_str(), it.flat.value, it.cumulative.value)).collect()
}

#[test]
fn values_are_put_down_to_the_line_a_reader_can_change() {
    let profile = codeindex().profile;
    let answer = top(&profile, &Query::default()).unwrap();
    let index = format!("{EXAMPLE}/index.rs:88 codeindex::index::Index::add::{{{{closure}}}}");
    let archive = format!("{EXAMPLE}/archive.rs:31 codeindex::archive::inflate");
    let gz = "flate2-1.1.0/src/gz/read.rs:9 <flate2::gz::read::GzDecoder<R> as std::io::Read>::read";
    let main = format!("{EXAMPLE}/main.rs:12 codeindex::main");
    assert_eq!(rows(&answer), [(&*index, 6144, 6144), (&*archive, 3072, 4096), (gz, 1024, 1024)]);
    let callers = top(&profile, &Query { cumulative: true, ..Query::default() }).unwrap();
    assert_eq!(
        rows(&callers),
        [(&*main, 0, 10240), (&*index, 6144, 6144), (&*archive, 3072, 4096), (gz, 1024, 1024)]
    );
    let first = &answer.rows[0];
    assert_eq!(first.key.file.as_deref(), Some("crates/highwater/examples/codeindex/index.rs"));
    assert_eq!((first.key.line, first.key.crate_name.as_deref()), (Some(88), Some("codeindex")));
    assert_eq!((first.flat_fraction, first.flat.standard_error), (0.6, Some(0.0)));
    // The stack has neither the recorder nor the allocator in it, but what the value came through.
    let functions: Vec<_> = first.stack.iter().filter_map(|it| it.function.as_deref()).collect();
    assert_eq!(functions[0], "alloc::raw_vec::RawVecInner<A>::finish_grow");
    assert_eq!(functions.len(), 8);
    assert!(answer.header.exact);
    assert_eq!((answer.header.samples, answer.header.total.value), (3, 10240));
    assert_eq!(answer.header.meta.as_ref().unwrap()["rss_bytes"], 1 << 20);
}

#[test]
fn rows_end_where_the_reader_says() {
    let profile = codeindex().profile;
    let label = |query: &Query, row: usize| top(&profile, query).unwrap().rows[row].key.label.clone();
    // flate2 is passed over as well: by crate, and by path.
    for expression in ["^flate2$", "flate2-[0-9.]+/"] {
        let through = Query { through: regexes(expression), ..everything() };
        let answer = top(&profile, &through).unwrap();
        assert_eq!(answer.rows[1].flat.value, 4096);
    }
    let leaf = Query { leaf: true, by: GroupBy::Function, ..everything() };
    assert_eq!(label(&leaf, 0), "alloc::raw_vec::RawVecInner<A>::finish_grow");
    let true_leaf = Query { all_frames: true, ..leaf };
    assert_eq!(label(&true_leaf, 0), "highwater_recorder::capture::walk");
    // To see all frames changes nothing in what values are put down to.
    let all = Query { all_frames: true, ..everything() };
    assert!(label(&all, 0).contains("/index.rs:88 "));
    assert_eq!(top(&profile, &all).unwrap().rows[0].stack.len(), 13);
    // Nothing but library code: the innermost of it is better than nothing.
    let library = Query { through: regexes("codeindex|flate2"), by: GroupBy::Function, ..everything() };
    assert_eq!(
        rows(&top(&profile, &library).unwrap()),
        [("alloc::raw_vec::RawVecInner<A>::finish_grow", 10240, 10240)]
    );
}

#[test]
fn filters_mean_what_they_mean_in_pprof() {
    let profile = codeindex().profile;
    let ask = |query: Query| top(&profile, &Query { by: GroupBy::Function, ..query }).unwrap();
    let focus = ask(Query { focus: regexes("inflate"), ..everything() });
    assert_eq!(
        (focus.header.total.value, focus.header.shown_total.value, focus.header.samples),
        (10240, 4096, 2)
    );
    assert_eq!(focus.rows[0].flat_fraction, 0.3);
    let ignore = ask(Query { ignore: regexes("gz/read.rs"), ..everything() });
    assert_eq!(ignore.header.shown_total.value, 9216);
    // The recorder is hidden before anything is matched.
    assert_eq!(
        ask(Query { ignore: regexes("highwater_recorder"), ..everything() }).header.shown_total.value,
        10240
    );
    assert_eq!(ask(Query { focus: regexes("/srv/app/codeindex$"), ..everything() }).header.samples, 3);
    let hide = ask(Query { hide: regexes("inflate|flate2"), ..everything() });
    assert_eq!(
        rows(&hide),
        [("codeindex::index::Index::add::{{closure}}", 6144, 6144), ("codeindex::main", 4096, 10240)]
    );
    let show = ask(Query { show: regexes("Index::add"), ..everything() });
    assert_eq!(
        rows(&show),
        [("codeindex::index::Index::add::{{closure}}", 6144, 6144), ("[unknown]", 4096, 4096)]
    );
    let either = Query { focus: [regexes("Index::add"), regexes("flate2::")].concat(), ..everything() };
    assert_eq!(ask(either).header.shown_total.value, 7168);
}

#[test]
fn groupings_and_kinds() {
    let profile = codeindex().profile;
    let ask = |by| {
        let answer = top(&profile, &Query { by, ..everything() }).unwrap();
        answer.rows.iter().map(|it| (it.key.label.clone(), it.flat.value)).collect::<Vec<_>>()
    };
    let named = |rows: &[(&str, i64)]| rows.iter().map(|it| (it.0.to_owned(), it.1)).collect::<Vec<_>>();
    assert_eq!(ask(GroupBy::Crate), named(&[("codeindex", 9216), ("flate2", 1024)]));
    assert_eq!(ask(GroupBy::Module), named(&[("codeindex", 10240)]));
    assert_eq!(ask(GroupBy::File)[1], (format!("{EXAMPLE}/archive.rs"), 3072));
    assert_eq!(ask(GroupBy::Site).len(), 3);
    let blocks = Query { sample: Some(SampleKind::LiveBlocks), ..everything() };
    let answer = top(&profile, &blocks).unwrap();
    assert_eq!((answer.header.sample.as_str(), answer.rows[0].flat.value), ("live-blocks", 6));
    let error = top(&profile, &Query { sample: Some(SampleKind::PeakBytes), ..everything() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the profile has no sample type peak-bytes; it has live-blocks, live-bytes"
    );
}

#[test]
fn rows_beyond_the_limit_are_counted() {
    let mut build = Build::new(1);
    for at in 1..=200 {
        build.live(&[&format!("demo::f{at}@src/f.rs:{at}")], 1, at);
    }
    let answer = top(&build.profile, &Query { min_fraction: 150.0 / 20100.0, ..Query::default() }).unwrap();
    assert_eq!((answer.rows.len(), answer.rows[0].flat.value, answer.omitted.rows), (20, 200, 180));
    assert_eq!(answer.omitted.value, (1..=180).sum::<i64>());
    let answer = top(&build.profile, &Query { min_fraction: 190.0 / 20100.0, ..Query::default() }).unwrap();
    assert_eq!(answer.rows.len(), 11);
}

#[test]
fn inlined_frames_with_bare_names_find_their_crate() {
    let mut build = Build::new(1);
    let recorder = "crates/highwater-recorder/src/capture.rs";
    let named = build.location(&[&format!("highwater_recorder::capture::start@{recorder}:9")]);
    let frames = [
        build.location(&[&format!("walk@{recorder}:30"), &format!("push<u8, Global>@{recorder}:31")]),
        build.location(&[
            "push<u8, alloc::alloc::Global>@~alloc/src/vec/mod.rs:2400",
            &format!("{{closure#0}}@{EXAMPLE}/index.rs:88"),
            &format!("codeindex::index::Index::add@{EXAMPLE}/index.rs:80"),
        ]),
    ];
    build.live_at(&frames, 1, 64).live_at(&[named], 0, 64);
    let answer = top(&build.profile, &everything()).unwrap();
    assert_eq!(answer.rows[0].key.label, format!("{EXAMPLE}/index.rs:88 {{closure#0}}"));
    assert_eq!(answer.rows[0].key.crate_name.as_deref(), Some("codeindex"));
    let inlined: Vec<_> = answer.rows[0].stack.iter().map(|it| it.inlined).collect();
    assert_eq!(inlined, [true, true, false]);
}

#[test]
fn answers_serialize() {
    let answer = top(&codeindex().profile, &Query::default()).unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["header"]["unit"], "bytes");
    assert_eq!(json["rows"][0]["flat"]["value"], 6144);
    assert_eq!(json["rows"][0]["key"]["crate_name"], "codeindex");
}

#[test]
fn a_line_of_a_library_is_passed_over_where_its_reader_cannot_change_it() {
    let git = "tokio_util::codec::Framed<T,U>::new@/h/.cargo/git/checkouts/tokio-377c595163f99a10/bc3a7b6/tokio-util/src/codec/mod.rs:9";
    let bare = "{closure#0}@/h/.cargo/git/checkouts/tokio-377c595163f99a10/bc3a7b6/tokio/src/sync/mpsc.rs:7";
    let mut build = Build::new(1);
    build.live(
        &whole_stack(&[GZ, "std::io::default_read_to_end@~std/src/io/mod.rs:425", INFLATE, MAIN]),
        1,
        1000,
    );
    build.live(&whole_stack(&[git, INFLATE, MAIN]), 1, 100);
    build.live(&whole_stack(&[bare, GZ]), 1, 10);
    let ask = |through_libraries| {
        let query = Query { through_libraries, by: GroupBy::Crate, min_fraction: 0.0, ..Query::default() };
        let answer = top(&build.profile, &query).unwrap();
        answer.rows.into_iter().map(|it| (it.key.label, it.flat.value)).collect::<Vec<_>>()
    };
    let row = |label: &str, value| (label.to_owned(), value);
    assert_eq!(ask(false), [row("flate2", 1000), row("tokio_util", 100), row("tokio", 10)]);
    // Where no line of the program is below it, the library's stays.
    assert_eq!(ask(true), [row("codeindex", 1100), row("tokio", 10)]);
}

#[test]
fn code_of_the_program_that_has_no_name_is_its_own() {
    let mut build = Build::new(1);
    let nameless = build.address(0x3456);
    let start = build.location(&["__libc_start_call_main@./csu/../sysdeps/nptl/libc_start_call_main.h:58"]);
    build.profile.samples.push(&[nameless, start], &[1, 4096], &[]);
    let answer = top(&build.profile, &Query::default()).unwrap();
    assert_eq!(rows(&answer), [("codeindex+0x3456", 4096, 4096)]);
}

#[test]
fn instances_of_a_generic_function_are_one_row_where_that_is_asked_for() {
    let mut build = Build::new(1);
    for (name, size) in [
        ("demo::Shelf<u8>::put", 1),
        ("<demo::Shelf<alloc::string::String>>::put", 2),
        ("demo::Shelf<T>::put", 4),
    ] {
        build.live(&[&format!("{name}@src/shelf.rs:7"), MAIN], 1, size);
    }
    let ask = |by| {
        let answer = top(&build.profile, &Query { by, min_fraction: 0.0, ..Query::default() }).unwrap();
        answer.rows.into_iter().map(|it| (it.key.label, it.flat.value)).collect::<Vec<_>>()
    };
    assert_eq!(ask(GroupBy::Function).len(), 3);
    assert_eq!(ask(GroupBy::Generic), [("demo::Shelf::put".to_owned(), 7)]);
}
