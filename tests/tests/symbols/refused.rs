//! Binaries that are not the ones that ran: no name is better than a wrong one.

use highwater_symbol::{Missing, Options};

use crate::programs::rust;
use crate::subject::{Subject, only};

#[test]
fn a_build_with_another_id_names_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut subject = Subject::of(&rust(directory.path(), ""), 200);
    // The planted fault: the same source, built in another way, in the place of the first.
    let binary = rust(directory.path(), "-C opt-level=1");
    let summary = subject.run(&only(&[]));
    assert!(
        matches!(&summary.mappings[0].missing, Some(Missing::OtherBuild { path, .. }) if *path == binary)
    );
    assert!(subject.places().concat().is_empty());

    // Nor when it is given by name, wherever the profile says that the program was.
    subject.moved_to("/nonexistent/demo");
    let summary = subject.run(&Options { binaries: vec![binary.clone()], ..only(&[]) });
    assert_eq!(summary.strangers.len(), 1);
    assert_eq!(summary.strangers[0].path, binary);
    let said = summary.mappings[0].missing.as_ref().unwrap().to_string();
    assert!(said.contains("is another build, with build id"), "{said}");
    assert!(subject.places().concat().is_empty());
}
