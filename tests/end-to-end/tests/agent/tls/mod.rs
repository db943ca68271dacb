//! HTTPS, read by the command and used for receivers by the agent, with trusted and untrusted servers.

mod server;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use highwater_tests::{highwater, succeed};
use rustls::ServerConfig;

use crate::sinks::{Request, accept, telling};
use crate::watch::wait_until;
use server::{Answer, Authority, RIGHT, Says, Server, secured};

/// A heap profile of a Go program, with names in it.
const HEAP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/pprof/go/heap.pb.gz");

fn heap() -> Answer {
    Answer::Body(std::fs::read(HEAP).unwrap())
}

/// The command, with this file of authorities in its environment.
fn command(cacert: Option<&Path>) -> Command {
    let mut command = Command::new(highwater());
    command.env_remove("HIGHWATER_CA_FILE").env_remove("HIGHWATER_TOKEN");
    command.envs(cacert.map(|path| ("HIGHWATER_CA_FILE", path)));
    command
}

/// The one-line error message of a command without an answer.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    said.trim_end().to_owned()
}

#[test]
fn the_command_reads_https() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let file = authority.file(directory.path());
    let server = Server::start(authority.signs(RIGHT), heap());
    let plain = succeed(command(None).arg("top").arg(HEAP));
    let argument = ["--cacert".as_ref(), file.as_os_str()];
    let read = succeed(command(None).arg("top").args(argument).arg(server.url("localhost")));
    let rows = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&read), rows(&plain));
    // With the IP address, with the variable, and with a token, which is encrypted on the way.
    succeed(command(Some(&file)).args(["top", &server.url("127.0.0.1")]).env("HIGHWATER_TOKEN", "s3cret"));
    let last = server.heads().pop().unwrap();
    assert!(last.to_ascii_lowercase().contains("authorization: bearer s3cret\r\n"), "{last}");
    let mut watch = command(Some(&file));
    watch.current_dir(&directory).args(["watch", &server.url("localhost")]);
    let watched = succeed(watch.args(["--json", "--every", "100ms", "--max-snapshots", "1"]));
    assert_eq!(watched.matches("\"event\":\"snapshot\"").count(), 1, "{watched}");
}

#[test]
fn servers_with_wrong_certificates_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let file = authority.file(directory.path());
    for (signer, says, expected) in [
        (
            &Authority::new("untrusted"),
            RIGHT,
            "the certificate of localhost is signed by an authority that is not trusted here; give the",
        ),
        (
            &Authority::new("ours"),
            RIGHT,
            "the certificate of localhost is signed by another authority than the one of that",
        ),
        (
            &authority,
            Says { names: &["example.org", "127.0.0.2"], ..RIGHT },
            "the certificate is for example.org, 127.0.0.2 and not for localhost",
        ),
        (
            &authority,
            Says { names: &[], ..RIGHT },
            "the certificate of localhost names no host (it has no subjectAlt",
        ),
        (&authority, Says { years: [2020, 2021], ..RIGHT }, "the certificate of localhost expired "),
        (&authority, Says { years: [3000, 4000], ..RIGHT }, "the certificate of localhost is valid only in "),
    ] {
        let server = Server::start(signer.signs(says), heap());
        let url = server.url("localhost");
        let said = refusal(command(Some(&file)).args(["top", &url]));
        assert!(said.starts_with(&format!("highwater: error: {url}: {expected}")), "{said}");
        assert_eq!(server.heads(), [""; 0], "nothing was asked of it");
    }
    // The system's authorities do not include this one either.
    let server = Server::start(authority.signs(RIGHT), heap());
    assert!(refusal(command(None).args(["top", &server.url("localhost")])).contains("--cacert FILE"));
}

#[test]
fn https_is_kept_within_the_bounds_of_http() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let file = authority.file(directory.path());
    let said = |answer: Answer, options: &[&str]| {
        let server = Server::start(authority.signs(RIGHT), answer);
        refusal(command(Some(&file)).arg("top").args(options).arg(server.url("localhost")))
    };
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    open.set_nonblocking(true).unwrap();
    let port = open.local_addr().unwrap().port();
    let sent_on = said(Answer::Redirect(format!("http://127.0.0.1:{port}/heap")), &[]);
    assert!(sent_on.contains("the server redirects to an address without TLS"), "{sent_on}");
    assert!(open.accept().is_err(), "nobody was asked in the open");
    let redirected = said(Answer::Redirect("/again".to_owned()), &[]);
    assert!(redirected.contains("redirects too often"), "{redirected}");
    assert!(said(Answer::Endless, &["--max-unpacked", "1MiB"]).contains("more than 1048576 bytes"));
    let timeout = ["--timeout", "500ms"];
    assert!(said(Answer::Silence, &timeout).contains("not complete after 0.5 s"));
    // One server accepts the connection and begins no handshake, and one answers without encryption.
    let silent =
        refusal(command(Some(&file)).arg("top").args(timeout).arg(format!("https://127.0.0.1:{port}")));
    assert!(silent.contains("not complete after 0.5 s"), "{silent}");
    let service = crate::service::Service::start();
    let plain = refusal(command(Some(&file)).args(["top", &format!("https://{}", service.agent)]));
    assert!(plain.contains("does not speak TLS at this port; is it an http:// address?"), "{plain}");
    let missing = refusal(command(Some(&directory.path().join("none"))).args(["top", "https://localhost:9"]));
    assert!(missing.contains("cannot read the authorities in "), "{missing}");
}

/// A program that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// OpenSSL as the server, with the certificate from its manual: an authority and a server in one.
#[test]
fn openssl_serves_with_a_certificate_that_is_its_own_authority() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(HEAP, directory.path().join("heap")).unwrap();
    let openssl = |line: &str| {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&directory).args(line.split(' ')).stdin(Stdio::null());
        openssl
    };
    succeed(&mut openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 9 \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost",
    ));
    // OpenSSL does not report the port it chose, so the test chooses one.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut serve =
        openssl(&format!("s_server -quiet -accept 127.0.0.1:{port} -cert own.pem -key key.pem -WWW"));
    let _serving = Running(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("OpenSSL", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let url = format!("https://localhost:{port}/heap");
    let read = |cacert: Option<PathBuf>| command(cacert.as_deref()).args(["top", &url]).output().unwrap();
    let trusted = read(Some(directory.path().join("own.pem")));
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    let said = String::from_utf8(read(None).stderr).unwrap();
    assert!(
        said.contains("an authority's own, and not known here; if it is the right one, give it with"),
        "{said}"
    );
}

/// A receiver of incidents.
struct Receiver(TcpListener, Arc<ServerConfig>);

impl Receiver {
    fn new(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener, config)
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.0.local_addr().unwrap().port())
    }

    fn take(&self) -> Request {
        Request::take(secured(&self.1, accept(&self.0)), "200 OK")
    }
}

#[test]
fn trusted_receivers_get_incidents_by_https() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let file = authority.file(directory.path());
    let [json, slack, pyroscope, otlp] = [(); 4].map(|()| Receiver::new(authority.signs(RIGHT)));
    let untrusted = Receiver::new(Authority::new("untrusted").signs(RIGHT));
    let [first, second, third, fourth, fifth] =
        [&json, &slack, &pyroscope, &otlp, &untrusted].map(Receiver::url);
    let service = telling(
        &directory.path().join("watched"),
        &format!(
            "post:{first}/hook,slack:{second},pyroscope:{third},otlp:{fourth},post:{fifth},cacert:{}",
            file.display()
        ),
    );
    let taken = json.take();
    assert_eq!(
        (taken.line.as_str(), &taken.json()["incident"]["reason"]),
        ("POST /hook HTTP/1.1", &"bytes".into())
    );
    assert!(slack.take().json()["text"].as_str().unwrap().contains("service.rs:"));
    assert!(pyroscope.take().line.starts_with("POST /ingest?"));
    let profile = otlp.take();
    assert!(highwater_profile::read(&profile.body, &Default::default()).is_ok(), "{}", profile.line);
    let connection = accept(&untrusted.0);
    assert!(
        std::io::Read::read(&mut secured(&untrusted.1, connection), &mut [0]).is_err(),
        "it was sent something"
    );
    wait_until("a failure", || service.metric("highwater_watch_failures_total") == 1);
}
