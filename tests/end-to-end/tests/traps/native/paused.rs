//! `highwater run --paused` and `highwater record`: recording that is switched on, and off, while the
//! program runs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use highwater_profile::{Limits, file};
use highwater_tests::highwater_with_library;

use super::{compile, sums};

/// Says its process id; then for each line that it reads allocates 500 blocks of 1000 bytes, and says so.
const PHASES: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
void *kept[5000];
int main(void) {
    char line[16];
    int used = 0;
    setvbuf(stdout, 0, _IONBF, 0);
    setvbuf(stdin, 0, _IONBF, 0);
    for (int i = 0; i < 500; i++) kept[used++] = malloc(1000);
    printf("%d\n", (int)getpid());
    while (fgets(line, sizeof line, stdin)) {
        for (int i = 0; i < 500; i++) kept[used++] = malloc(1000);
        puts("done");
    }
    return 0;
}
"#;

fn ask(runtime: &Path, process: &str, action: &str) -> Output {
    let mut command = Command::new(highwater_with_library());
    command.args(["record", process, action]).env("XDG_RUNTIME_DIR", runtime);
    command.output().unwrap()
}

#[test]
fn what_is_allocated_between_start_and_stop_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("main.c"), PHASES).unwrap();
    compile(&at("main.c"), &at("main"), &[]);
    let mut command = Command::new(highwater_with_library());
    command.args(["run", "--paused", "--exact", "--"]).arg(at("main")).current_dir(directory.path());
    command.env("XDG_RUNTIME_DIR", directory.path()).env_remove("HIGHWATER");
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let process = lines.next().unwrap().unwrap();
    let mut phase = || {
        input.write_all(b"go\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "done");
    };
    let asked = |action: &str| {
        let output = ask(directory.path(), &process, action);
        assert_eq!(output.status.code(), Some(0), "{action}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let live = |path: &Path| sums(&file::read(path, &Limits::default()).unwrap())[3];

    let socket = at("highwater").join(format!("{process}.sock"));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    phase();
    assert_eq!(asked("start"), "recording\n");
    phase();
    let snapshot = asked("snapshot");
    assert!(snapshot.trim_end().ends_with("heap.snapshot-1.pb.gz"), "{snapshot}");
    // The first block after the start is the one by which the thread learns of it.
    assert_eq!(live(Path::new(snapshot.trim_end())), 499_000);
    assert_eq!(asked("stop"), "paused\n");
    phase();
    drop(input);
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let profile = file::read(&at("heap.pb.gz"), &Limits::default()).unwrap();
    // And the first one after the stop is still recorded.
    assert_eq!(sums(&profile)[3], 500_000);
    // All four phases are counted.
    assert!(profile.meta.unwrap().alloc_blocks >= Some(2_000));
    assert!(!socket.exists());
    let gone = ask(directory.path(), &process, "start");
    assert_eq!(gone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("--paused"));
}

#[test]
fn a_program_that_is_not_paused_has_no_socket() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(highwater_with_library());
    command.args(["run", "--exact", "--", "true"]).current_dir(directory.path());
    let output = command.env("XDG_RUNTIME_DIR", directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!directory.path().join("highwater").exists());
}
