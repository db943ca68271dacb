//! An agent on a Unix socket: who may connect, which clients can read it, and when its file is removed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use highwater_tests::{highwater, succeed};

use crate::http::curl;
use crate::service::PROGRAM;

/// A service whose agent has this address. It is killed when this is dropped.
struct AtSocket(Child);

impl AtSocket {
    fn start(address: &str) -> Self {
        let mut service = Self(command(address).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end().split_once(' ').map(|it| it.1), Some(address));
        service
    }

    /// Makes the service return from `main`.
    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for AtSocket {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(address: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("127.0.0.1:0").env("HIGHWATER", "exact").env("HIGHWATER_AGENT", format!("listen:{address}"));
    command.stdin(Stdio::piped());
    command
}

/// The message of a service that does not start.
fn refusal(address: &str) -> String {
    let mut child = command(address).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success());
    said
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket())
}

#[test]
fn a_socket_is_read_by_curl_and_by_the_command() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let (socket, address) = (path.to_str().unwrap(), format!("unix:{}", path.display()));
    let mut service = AtSocket::start(&address);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(curl(&["--unix-socket", socket], "http://localhost/healthz").body, "ok\n");
    // No browser can connect to the socket, so any host name is accepted.
    let metrics = curl(&["--unix-socket", socket], "http://service.internal/metrics");
    assert!(metrics.status == 200 && metrics.body.contains("highwater_live_bytes "), "{}", metrics.body);
    let encoded = format!("http+unix://{}/debug/pprof/allocs", socket.replace('/', "%2F"));
    for from in [address.clone(), format!("{address}:/debug/pprof/allocs"), encoded] {
        let top = succeed(Command::new(highwater()).args(["top", &from]));
        assert!(top.contains("exact: every block recorded"), "{from}: {top}");
    }
    // Another service replaces neither a socket in use nor a regular file.
    let said = refusal(&address);
    assert!(said.contains(&address) && said.contains("another process listens there"), "{said}");
    let file = directory.path().join("file");
    fs::write(&file, "content").unwrap();
    assert!(refusal(&format!("unix:{}", file.display())).contains("is no socket"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "content");
    // A killed service leaves its socket, which the next one replaces. A normal end removes the file.
    service.0.kill().unwrap();
    service.0.wait().unwrap();
    assert!(is_socket(&path));
    let service = AtSocket::start(&address);
    assert_eq!(curl(&["--unix-socket", socket], "http://localhost/healthz").body, "ok\n");
    service.end();
    assert!(!path.exists());
    // The error names a missing socket.
    let output = Command::new(highwater()).args(["top", &address]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && said.contains(&format!("{address}:/debug/pprof/heap")),
        "{said}"
    );
}
