//! Binaries other than the ones that ran: no name is better than a wrong one. A given binary of the right
//! build is always used.

use std::fs;

use highwater_symbol::{Missing, Options};

use crate::programs::rust;
use crate::subject::{Subject, only};

#[test]
fn a_build_with_another_id_names_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut subject = Subject::new(&rust(directory.path(), ""), 200);
    // The planted fault: the same source, built in another way, in the place of the first build.
    let binary = rust(directory.path(), "-C opt-level=1");
    let summary = subject.run(&only(&[]));
    assert!(
        matches!(&summary.mappings[0].missing, Some(Missing::OtherBuild { path, .. }) if *path == binary)
    );
    assert!(subject.places().concat().is_empty());

    // It is not used either if it is given by name, whatever path the profile has for the program.
    subject.moved_to("/nonexistent/demo");
    let summary = subject.run(&Options { binaries: vec![binary.clone()], ..only(&[]) });
    assert_eq!(summary.unused_binaries.len(), 1);
    assert_eq!(summary.unused_binaries[0].path, binary);
    let said = summary.mappings[0].missing.as_ref().unwrap().to_string();
    assert!(said.contains("is another build, with build id"), "{said}");
    assert!(subject.places().concat().is_empty());
}

#[test]
fn a_binary_of_the_right_build_is_taken_whatever_the_profile_says_of_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let [given, other] = ["given", "other"].map(|it| directory.path().join(it));
    let place = rust(directory.path(), "");
    fs::rename(&place, &given).unwrap();
    let original = Subject::new(&given, 60);
    let mut named = original.clone();
    named.run(&only(&[]));
    assert!(named.places().concat().len() > 50, "{:?}", named.places());
    // Another build is at the recorded path, and is also given before and after the right one.
    fs::copy(rust(directory.path(), "-C opt-level=1"), &other).unwrap();
    let recorded = [
        other.to_str().unwrap(),
        directory.path().to_str().unwrap(),
        "/nonexistent/demo",
        "demo",
        "/proc/self/exe",
        "/dev/fd/3",
        "/memfd:demo (deleted)",
        "[demo]",
        "",
    ];
    for (path, turn) in recorded.into_iter().zip(0..) {
        let binaries = [vec![&given], vec![&other, &given], vec![&given, &other]];
        let binaries: Vec<_> = binaries[turn % 3].iter().map(|it| it.to_path_buf()).collect();
        let mut subject = original.clone();
        subject.moved_to(path);
        let summary = subject.run(&Options { binaries: binaries.clone(), ..only(&[]) });
        assert_eq!(subject.places(), named.places(), "{path:?} {binaries:?} {:?}", summary.mappings);
        let unused_binaries: Vec<_> = summary.unused_binaries.iter().map(|it| it.path.clone()).collect();
        assert_eq!(unused_binaries, &[other.clone()][..binaries.len() - 1], "{path:?}");
    }
}
