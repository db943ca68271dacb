//! The lines of functions.

use highwater_analyze::{Listing, list};
use regex::Regex;

use crate::build::{Build, everything};

const MAIN: &str = "demo::main@/srv/demo/src/main.rs:3";

fn outline(listing: &Listing) -> Vec<(&str, Option<i64>, i64, i64)> {
    let mut lines = Vec::new();
    for function in &listing.functions {
        for line in &function.lines {
            let values = &line.values;
            lines.push((
                function.function.as_str(),
                line.line,
                values.flat[0].value,
                values.cumulative[0].value,
            ));
        }
    }
    lines
}

#[test]
fn a_line_has_what_it_and_its_callees_hold() {
    let mut build = Build::new(1);
    let again = "demo::main@/srv/demo/src/main.rs:5";
    build.live(&["demo::parse@src/parse.rs:9", MAIN], 4, 1);
    build.live(&["demo::parse@src/parse.rs:9", again, MAIN, again], 2, 1);
    build.live(&[MAIN], 1, 1);
    build.live(&["demo::parse@src/parse.rs:0"], 8, 1);
    let answer = list(&build.profile, &Regex::new("main$").unwrap(), &everything()).unwrap();
    // Recursion counts once; the function's total is no sum of its lines.
    assert_eq!(outline(&answer), [("demo::main", Some(3), 1, 7), ("demo::main", Some(5), 0, 2)]);
    let function = &answer.functions[0];
    assert_eq!((function.values.flat[0].value, function.values.cumulative[0].value), (1, 7));
    assert_eq!(function.file.as_deref(), Some("/srv/demo/src/main.rs"));
    // Files match too, and the largest comes first.
    let answer = list(&build.profile, &Regex::new("src/").unwrap(), &everything()).unwrap();
    assert_eq!(
        outline(&answer),
        [
            ("demo::parse", None, 8, 8),
            ("demo::parse", Some(9), 6, 6),
            ("demo::main", Some(3), 1, 7),
            ("demo::main", Some(5), 0, 2),
        ]
    );
    let one = highwater_analyze::Query { limit: Some(1), ..everything() };
    let answer = list(&build.profile, &Regex::new("src/").unwrap(), &one).unwrap();
    assert_eq!((answer.functions.len(), answer.omitted.rows, answer.omitted.value), (1, 1, 1));
}

#[test]
fn kinds_stand_side_by_side_unless_one_is_asked_for() {
    let mut build = Build::new(1);
    build.live(&[MAIN], 3, 5);
    let wanted = Regex::new("main").unwrap();
    let kinds = |sample: Option<&str>| {
        let sample = sample.map(|it| it.parse().unwrap());
        let query = highwater_analyze::Query { sample, ..everything() };
        let answer = list(&build.profile, &wanted, &query)?;
        let values = answer.functions[0].values.flat.iter().map(|it| it.value).collect::<Vec<_>>();
        Ok::<_, highwater_analyze::AnalyzeError>((
            answer.headers.iter().map(|it| it.sample.clone()).collect::<Vec<_>>().join(" "),
            values,
        ))
    };
    assert_eq!(kinds(None).unwrap(), ("live-bytes".to_owned(), vec![15]));
    assert_eq!(kinds(Some("live-blocks")).unwrap(), ("live-blocks".to_owned(), vec![3]));
    assert!(kinds(Some("peak-bytes")).unwrap_err().to_string().contains("no sample type peak-bytes"));
}
