//! Folders that are complete, that lack a file, and that cannot be written.

use std::process::Command;

use highwater_profile::ValueType;

use super::*;

fn left(directory: &Path) -> Vec<String> {
    let mut left: Vec<_> =
        fs::read_dir(directory).unwrap().map(|it| name(&it.unwrap().path()).to_owned()).collect();
    left.sort();
    left
}

#[test]
fn unfinished_folders_are_removed_and_complete_ones_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let folder = |name: &str, is_complete: bool| {
        fs::create_dir(directory.path().join(name)).unwrap();
        if is_complete {
            fs::write(directory.path().join(name).join(ABOUT), "{}").unwrap();
        }
    };
    folder(".unfinished-1-bytes", true);
    folder("1-bytes", true);
    folder("2-bytes", true);
    folder("3-bytes", true);
    folder("mine", false);
    let incidents = Incidents::open(directory.path().to_owned(), 2).unwrap();
    incidents.trim().unwrap();
    assert_eq!(left(directory.path()), ["2-bytes", "3-bytes", "mine"]);
}

#[test]
fn a_frequent_rule_does_not_displace_others() {
    let directory = tempfile::tempdir().unwrap();
    let folders = ["1-growth", "2-fraction", "3-fraction", "4-fraction", "5-fraction"];
    for (folder, rule) in folders.iter().zip([0.5, 0.95, 0.8, 0.8, 0.8]) {
        fs::create_dir(directory.path().join(folder)).unwrap();
        let about = json!({ "rule": { "fraction": rule } }).to_string();
        fs::write(directory.path().join(folder).join(ABOUT), about).unwrap();
    }
    Incidents::open(directory.path().to_owned(), 3).unwrap().trim().unwrap();
    assert_eq!(left(directory.path()), ["1-growth", "2-fraction", "5-fraction"]);
}

fn profile(bytes: i64) -> Profile {
    let kinds = [("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut profile = Profile::new(kinds.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    if bytes > 0 {
        let location = profile.add_location(highwater_profile::Location::at(None, 7));
        profile.samples.push(&[location], &[1, bytes], &[]);
    }
    profile
}

fn add(
    incidents: &mut Incidents,
    time_ms: u128,
    before: Option<&Path>,
    now: Result<Profile, String>,
) -> Recorded {
    let reading = Reading {
        time_ms,
        used_bytes: Some(9),
        limit_bytes: Some(10),
        limit_kind: None,
        own_bytes: Some(8),
        rss_bytes: None,
        live_bytes: 5,
    };
    let history = History::new(1);
    let reason = Reason::Bytes(8);
    incidents.add(Incident { reason, reading, level: None, history: &history, before, now, names_bytes: 0 })
}

fn about(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join(ABOUT)).unwrap()).unwrap()
}

#[test]
fn a_failed_file_is_named_and_the_others_exist() {
    let directory = tempfile::tempdir().unwrap();
    let before = directory.path().join("before");
    write_durably(&before, |out| pprof::write(&profile(0), out)).unwrap();
    let place = directory.path().join("incidents");
    let mut incidents = Incidents::open(place.clone(), 8).unwrap();
    // If nothing is live, there is nothing to draw.
    let recorded = add(&mut incidents, 5, Some(&before), Ok(profile(0)));
    let folder = recorded.folder.unwrap();
    assert!(folder.join("growth.txt").exists() && folder.join(NOW).exists());
    assert_eq!(about(&folder), recorded.about);
    if cfg!(feature = "flame") {
        assert_eq!(recorded.about["failures"][0]["part"], "flame.svg", "{}", recorded.about);
        assert_eq!(recorded.failures, 1);
    }
    // A missing earlier snapshot is reported, and nothing else fails.
    let recorded = add(&mut incidents, 5, Some(&place.join("gone")), Ok(profile(1)));
    assert_eq!(recorded.about["failures"][0]["part"], BEFORE);
    assert!(recorded.folder.unwrap().join(NOW).exists());
    // A complete folder reports no failure.
    let recorded = add(&mut incidents, 5, Some(&before), Ok(profile(1)));
    assert_eq!((recorded.failures, recorded.about["failures"].as_array().unwrap().len()), (0, 0));
    // The clock stood still, and the names are still in order.
    assert_eq!(left(&place), ["0000000000005-bytes", "0000000000006-bytes", "0000000000007-bytes"]);
    let recorded = add(&mut Incidents::open(place.clone(), 1).unwrap(), 2, None, Ok(profile(1)));
    assert_eq!(left(&place), ["0000000000008-bytes"]);
    assert_eq!(recorded.about["time_ms"], 2);
}

#[test]
fn without_a_profile_there_is_a_message_but_no_folder() {
    let directory = tempfile::tempdir().unwrap();
    let mut incidents = Incidents::open(directory.path().to_owned(), 8).unwrap();
    let recorded = add(&mut incidents, 5, None, Err("planted".to_owned()));
    assert!(recorded.folder.is_none());
    assert_eq!(recorded.about["failures"], json!([{ "part": "folder", "error": "planted" }]));
    assert_eq!(left(directory.path()), [""; 0]);
}

#[test]
fn a_full_disk_leaves_no_partial_incident() {
    let directory = tempfile::tempdir().unwrap();
    let mount = |command: &str, arguments: &[&str]| {
        let status = Command::new(command).args(arguments).arg(directory.path()).status();
        status.is_ok_and(|it| it.success())
    };
    if !mount("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        println!("no small disk can be mounted here: only the injected error of the test above was tried");
        return;
    }
    let mut incidents = Incidents::open(directory.path().to_owned(), 8).unwrap();
    fs::write(directory.path().join("others"), vec![1; 60 << 10]).unwrap();
    let folders: Vec<_> = (0..3).map(|time_ms| add(&mut incidents, time_ms, None, Ok(profile(1)))).collect();
    let found = left(directory.path());
    fs::remove_file(directory.path().join("others")).unwrap();
    let after = add(&mut incidents, 9, None, Ok(profile(1)));
    let is_unmounted = Command::new("umount").arg("-l").arg(directory.path()).status();
    assert!(folders.iter().all(|it| it.folder.is_none()), "{found:?}");
    let text = folders[0].about["failures"][0]["error"].as_str().unwrap();
    assert!(text.contains("space"), "{text}");
    assert_eq!(found, ["others"]);
    assert!(after.folder.is_some());
    assert!(is_unmounted.unwrap().success());
}
