//! Telling somebody of an incident: over HTTP, on a thread of its own, so that nobody who is slow or gone stops the watch.

mod connections;
mod profile;
mod slack;

use std::fs;
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use highwater_recorder::own_memory;
use serde_json::{Value, json};

pub(crate) use connections::Connections;

use super::incident::Recorded;
use crate::Error;
use crate::service::Counts;
use crate::who;
use highwater_resolver::Names;

/// Incidents that may wait to be told.
const MAX_WAITING: usize = 4;

/// Attempts before an incident is given up. The pause between two doubles each time.
const MAX_ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Who is told, and in which form.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// All that `incident.json` has, with the folder and the ranking.
    Json(String),
    /// `{"text": …}`, as Slack's incoming webhooks take it and many others do.
    Slack(String),
    /// The profile of the incident, for the Pyroscope server at this address.
    Pyroscope(String),
    /// The same for the OpenTelemetry collector at this address.
    #[cfg(feature = "otlp")]
    Otlp(String),
}

/// What is sent.
pub(super) struct Message {
    pub url: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Message {
    fn json(url: &str, content: &Value) -> Self {
        let content_type = "application/json".to_owned();
        Self { url: url.to_owned(), content_type, body: content.to_string().into_bytes() }
    }
}

/// The way to the threads that tell, one for each sink, so that one that is gone keeps no other waiting. They end when this
/// is dropped.
pub(crate) struct Sinks {
    ways: Vec<SyncSender<Told>>,
}

/// An incident that is to be told.
#[derive(Clone)]
pub(super) struct Told {
    /// `None` when it could not be written.
    pub folder: Option<PathBuf>,
    /// What `incident.json` has.
    pub about: Arc<Value>,
    /// Whether it was told before it had a folder.
    pub is_known: bool,
    /// Those that were looked up for the folder. Memory may be too short to look up more.
    pub names: Arc<Names>,
}

impl Sinks {
    /// # Errors
    /// When an address cannot be connected to, or the system starts no thread.
    pub(crate) fn start(
        sinks: &[Sink],
        connections: &Connections,
        counts: &Arc<Counts>,
    ) -> Result<Self, Error> {
        let client = connections.client(sinks.iter().map(Sink::address))?;
        // What the standard library allocates to start a thread is the program's: it is freed outside.
        let mut ways = own_memory(|| Vec::with_capacity(sinks.len()));
        for sink in sinks {
            let (sink, (way, waiting)) = own_memory(|| (sink.clone(), sync_channel(MAX_WAITING)));
            let counts = Arc::clone(counts);
            let client = own_memory(|| client.clone());
            let thread = thread::Builder::new().name("highwater-tell".to_owned()).spawn(move || {
                own_memory(move || {
                    tell_all(&client, &sink, waiting, &counts);
                    drop((client, sink));
                })
            });
            thread.map_err(Error::Thread)?;
            ways.push(way);
        }
        own_memory(|| drop(client));
        Ok(Self { ways })
    }

    /// Has an incident told. Returns for how many sinks too many are waiting already.
    pub(crate) fn tell(&self, recorded: Recorded, is_known: bool) -> u64 {
        let Recorded { folder, about, names, .. } = recorded;
        let told = Told { folder, about: Arc::new(about), is_known, names: Arc::new(names) };
        self.ways.iter().map(|it| u64::from(it.try_send(told.clone()).is_err())).sum()
    }
}

fn tell_all(client: &ureq::Agent, sink: &Sink, waiting: Receiver<Told>, counts: &Counts) {
    for told in waiting {
        if !sink.wants(&told) {
            continue;
        }
        let was_told = sink.message(&told).is_some_and(|message| send(client, &message));
        counts.watch_failures.fetch_add(u64::from(!was_told), Ordering::Relaxed);
    }
}

impl Sink {
    fn address(&self) -> &str {
        match self {
            Self::Json(url) | Self::Slack(url) | Self::Pyroscope(url) => url,
            #[cfg(feature = "otlp")]
            Self::Otlp(url) => url,
        }
    }

    /// Whether there is anything to send: a message for people the first time, a profile when there is one.
    fn wants(&self, told: &Told) -> bool {
        match self {
            Self::Json(_) | Self::Slack(_) => !told.is_known,
            _ => told.folder.is_some(),
        }
    }

    /// `None` when what is to be sent cannot be read any more.
    fn message(&self, told: &Told) -> Option<Message> {
        match self {
            Self::Json(url) => Some(Message::json(url, &as_json(told))),
            Self::Slack(url) => Some(Message::json(url, &as_slack(told))),
            Self::Pyroscope(url) => profile::for_pyroscope(url, told),
            #[cfg(feature = "otlp")]
            Self::Otlp(url) => profile::for_otlp(url, told),
        }
    }
}

fn send(client: &ureq::Agent, message: &Message) -> bool {
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            thread::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1));
        }
        let request = client.post(&message.url).header("content-type", &message.content_type);
        match request.send(message.body.as_slice()) {
            // One who sends us on has taken nothing.
            Ok(response) => return response.status().is_success(),
            Err(ureq::Error::StatusCode(status)) if is_final(status) => return false,
            Err(error) if connections::is_refused(&error) => return false,
            Err(_) => {}
        }
    }
    false
}

/// Whether a receiver says that it does not want the same at another time either.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 425, 429].contains(&status)
}

fn as_json(told: &Told) -> Value {
    let folder = told.folder.as_ref().map(|it| it.display().to_string());
    json!({ "incident": &*told.about, "folder": folder, "growth": growth(told) })
}

fn as_slack(told: &Told) -> Value {
    let place = match &told.folder {
        Some(folder) => folder.display().to_string(),
        None => "Its folder could not be written.".to_owned(),
    };
    slack::message(&told.about, &who::as_line(&highwater::who()), &place, &growth(told))
}

/// The ranking, or nothing if there was no time for it.
fn growth(told: &Told) -> String {
    let path = told.folder.as_ref().map(|it| it.join("growth.txt"));
    path.and_then(|it| fs::read_to_string(it).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(folder: Option<&Path>) -> Told {
        let about = Arc::new(json!({ "reason": "bytes", "used_bytes": 7, "limit_bytes": 9 }));
        Told { folder: folder.map(Path::to_owned), about, is_known: false, names: Arc::new(Names::within(0)) }
    }

    fn folder(growth: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("growth.txt"), growth).unwrap();
        folder
    }

    #[test]
    fn an_incident_without_a_folder_is_told_once() {
        let mut told = told(None);
        let (json, pyroscope) = (Sink::Json(String::new()), Sink::Pyroscope(String::new()));
        assert!(json.wants(&told) && !pyroscope.wants(&told));
        let text = as_slack(&told)["text"].as_str().unwrap().to_owned();
        assert!(text.contains("7 B of 9 B") && text.contains("could not be written"), "{text}");
        assert_eq!(as_json(&told)["folder"], Value::Null);
        told.is_known = true;
        told.folder = Some(PathBuf::from("there"));
        assert!(!json.wants(&told) && pyroscope.wants(&told));
    }

    #[test]
    fn messages_hold_the_numbers_and_the_rows() {
        let folder = folder("+5 bytes\n    main src/main.rs:7\n");
        let json = as_json(&told(Some(folder.path())));
        assert_eq!(json["incident"]["used_bytes"], 7);
        assert!(json["growth"].as_str().unwrap().contains("main.rs:7"));
        let text = as_slack(&told(Some(folder.path())))["text"].as_str().unwrap().to_owned();
        assert!(text.contains("7 B of 9 B") && text.contains("main.rs:7"), "{text}");
    }

    #[test]
    fn who_will_never_take_it_is_not_asked_again() {
        assert!(is_final(400) && is_final(404) && is_final(413));
        assert!(!is_final(408) && !is_final(429) && !is_final(500) && !is_final(503));
    }
}
