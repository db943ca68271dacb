//! `highwater watch` on a service under load: it finds the memory that the service keeps.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use highwater_tests::{highwater, run_with_timeout};
use serde_json::Value;

use crate::service::Service;

#[test]
fn a_watch_names_the_memory_that_the_service_keeps() {
    let service = Service::start();
    let directory = tempfile::tempdir().unwrap();
    let mut watch = Command::new(highwater());
    watch.current_dir(directory.path()).arg("watch").arg(format!("http://{}", service.agent));
    watch.args(["--json", "--every", "250ms", "--max-snapshots", "14"]).stderr(Stdio::null());
    let output = thread::scope(|scope| {
        let watching = scope.spawn(|| run_with_timeout(&mut watch, Duration::from_secs(300)));
        while !watching.is_finished() {
            service.visit(1);
            thread::sleep(Duration::from_millis(5));
        }
        watching.join().unwrap().unwrap()
    });
    let events: Vec<Value> = output.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let of_kind = |kind: &str| events.iter().filter(|it| it["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("snapshot").len(), 14, "{events:#?}");
    assert_eq!(of_kind("failure"), Vec::<&Value>::new());
    let names_it = |it: &&Value| it["summary"].as_str().is_some_and(|it| it.contains("remember"));
    assert!(of_kind("incident").iter().any(names_it), "{events:#?}");
}
