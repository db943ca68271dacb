//! Child processes that a test leaves, and some that only look as if it did. None outlives the run by more
//! than half a minute.

use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::{named, stay};

/// A command that has nothing to do with the runner's own streams.
fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn sleep() -> Command {
    let mut command = quiet("sleep");
    command.arg("30");
    command
}

fn ended() -> Command {
    quiet("true")
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn leak_running() {
    drop(sleep().spawn().unwrap()); // leak: child sleep 30
}

#[test]
fn leak_two_of_one_line() {
    for _ in 0..2 {
        drop(sleep().spawn().unwrap()); // leak: child sleep 30 × 2
    }
}

#[test]
fn leak_that_nobody_waited_for() {
    drop(ended().spawn().unwrap()); // leak: child true
}

#[test]
fn leak_killed_and_not_waited_for() {
    let mut child = sleep().spawn().unwrap(); // leak: child sleep 30
    child.kill().unwrap();
}

#[test]
fn leak_with_a_handle_in_a_list() {
    static KEPT: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap().push(sleep().spawn().unwrap()); // leak: child sleep 30
}

#[test]
fn leak_started_by_a_thread_that_is_joined() {
    thread::spawn(|| drop(sleep().spawn().unwrap())).join().unwrap(); // leak: child sleep 30
}

#[test]
fn leak_started_by_a_thread_that_stays() {
    let child = || {
        drop(sleep().spawn().unwrap()); // leak: child sleep 30
        stay();
    };
    named("starter").spawn(child).unwrap(); // leak: starter
}

#[test]
fn leak_in_another_directory() {
    drop(sleep().current_dir("/").spawn().unwrap()); // leak: child sleep 30
}

#[test]
fn leak_in_a_group_of_its_own() {
    use std::os::unix::process::CommandExt;
    drop(sleep().process_group(0).spawn().unwrap()); // leak: child sleep 30
}

#[test]
fn leak_of_a_shell_with_its_own_child() {
    drop(quiet("sh").args(["-c", "sleep 29; true"]).spawn().unwrap()); // leak: child sh -c sleep 29; true
}

#[test]
fn leak_beside_one_that_is_waited_for() {
    let waited = ended().spawn().unwrap();
    drop(sleep().spawn().unwrap()); // leak: child sleep 30
    drop(waited.wait_with_output().unwrap());
}

#[test]
fn leak_while_panicking() {
    let result = std::panic::catch_unwind(|| {
        let _child = sleep().spawn().unwrap(); // leak: child sleep 30
        panic!("on purpose");
    });
    assert!(result.is_err());
}

#[test]
fn clean_waited_for() {
    assert!(ended().status().unwrap().success());
}

#[test]
fn clean_killed_and_waited_for() {
    end(sleep().spawn().unwrap());
}

#[test]
fn clean_with_its_output() {
    let output = Command::new("echo").arg("text").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"text\n");
}

#[test]
fn clean_many_waited_for() {
    let children: Vec<Child> = (0..8).map(|_| ended().spawn().unwrap()).collect();
    children.into_iter().for_each(|mut it| assert!(it.wait().unwrap().success()));
}

#[test]
fn clean_that_cannot_be_started() {
    assert!(quiet("/no/such/program").spawn().is_err());
    assert!(quiet("/no/such/program").current_dir("/").spawn().is_err());
}

#[test]
fn clean_waited_for_by_another_thread() {
    let child = sleep().spawn().unwrap();
    thread::spawn(move || end(child)).join().unwrap();
}

#[test]
fn clean_waited_for_within_the_grace() {
    let child = sleep().spawn().unwrap();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(60));
        end(child);
    });
}

#[test]
fn clean_waited_for_in_a_destructor() {
    struct Ends(Option<Child>);
    impl Drop for Ends {
        fn drop(&mut self) {
            if let Some(child) = self.0.take() {
                end(child);
            }
        }
    }
    let _child = Ends(Some(sleep().spawn().unwrap()));
}

#[test]
fn clean_of_the_process() {
    static SERVER: LazyLock<Mutex<Child>> = LazyLock::new(|| Mutex::new(sleep().spawn().unwrap()));
    assert!(SERVER.lock().unwrap().id() > 1);
}

#[test]
fn clean_of_the_process_and_ended() {
    static SERVER: OnceLock<Mutex<Child>> = OnceLock::new();
    assert!(SERVER.get_or_init(|| Mutex::new(ended().spawn().unwrap())).lock().unwrap().id() > 1);
}

#[test]
fn clean_child_allowed_by_a_rule() {
    drop(quiet("sleep").arg("31").spawn().unwrap());
}

#[test]
fn clean_asked_again_and_again() {
    let mut child = ended().spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
}
