//! A test program without libtest: the harness reports that it sees no test, and guards still work.

use std::thread;
use std::time::Duration;

use highwater_leaktest as _;

fn main() {
    let worker = thread::spawn(|| {
        thread::Builder::new().name("foreign".to_owned()).spawn(|| thread::sleep(Duration::MAX)).map(drop)
    });
    assert!(worker.join().is_ok_and(|it| it.is_ok()));
}
