//! TLS servers with certificates that are right or wrong, as a test chooses.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The content of a certificate.
#[derive(Clone, Copy)]
pub struct Says {
    pub names: &'static [&'static str],
    pub years: [i32; 2],
}

/// A certificate for the names of this machine.
pub const RIGHT: Says = Says { names: &["localhost", "127.0.0.1"], years: [2020, 4000] };

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A file with the authority's certificate.
    pub fn file(&self, directory: &Path) -> PathBuf {
        let path = directory.join("ca.pem");
        std::fs::write(&path, self.0.as_ref().pem()).unwrap();
        path
    }

    /// The configuration of a server whose certificate has this content.
    pub fn signs(&self, says: Says) -> Arc<ServerConfig> {
        let names = says.names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        [params.not_before, params.not_after] = says.years.map(|year| date_time_ymd(year, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        Arc::new(config)
    }
}

/// TLS over an accepted connection.
pub fn secured(config: &Arc<ServerConfig>, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream)
}

/// The answer to a request.
#[derive(Clone)]
pub enum Answer {
    Body(Vec<u8>),
    /// Zeros without end.
    Endless,
    /// A redirection to this address.
    Redirect(String),
    /// No answer.
    Silence,
}

/// A server on a port of its own, for as long as the test runs.
pub struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers all requests like this.
    pub fn start(config: Arc<ServerConfig>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::default();
        let log = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, answer, log) = (Arc::clone(&config), answer.clone(), Arc::clone(&log));
                // The client may close the connection at any time.
                thread::spawn(move || drop(serve(secured(&config, stream), &answer, &log)));
            }
        });
        Self { port, heads }
    }

    pub fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/heap", self.port)
    }

    /// The heads of the received requests.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, TcpStream>,
    answer: &Answer,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    log.lock().unwrap().push(head);
    let stream = stream.get_mut();
    match answer {
        Answer::Body(body) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")?;
            stream.write_all(body)
        }
        Answer::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[0; 1 << 14])?;
            }
        }
        Answer::Redirect(to) => {
            write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
        }
        Answer::Silence => {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
    }
}
