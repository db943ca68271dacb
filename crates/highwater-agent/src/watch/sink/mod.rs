//! Sends incidents to receivers over HTTP, on separate threads, so that a slow or missing receiver does not
//! stop the watch.

mod connections;
mod message;
mod profile;
mod slack;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use highwater_recorder::own_memory;
use serde_json::{Value, json};

pub(crate) use connections::Connections;
use message::{Message, Notice};

use super::incident::Recorded;
use crate::counts::Counts;
use crate::error::Error;
use crate::who;

/// Maximum incidents that wait to be sent.
const MAX_WAITING: usize = 4;

/// Maximum attempts to send an incident. The pause between two attempts doubles each time.
const MAX_ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A receiver, and the form in which it gets incidents.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// The content of `incident.json`, with the folder and the ranking.
    Json(String),
    /// `{"text": …}`, the form of Slack's incoming webhooks and many others.
    Slack(String),
    /// The profile of the incident, for the Pyroscope server at this address.
    Pyroscope(String),
    /// The profile of the incident, for the OpenTelemetry collector at this address.
    #[cfg(feature = "otlp")]
    Otlp(String),
}

/// Handles to the sending threads, one for each receiver, so that one unreachable receiver does not delay the
/// others. The threads end when this is dropped.
pub(crate) struct Sinks {
    ways: Vec<SyncSender<Notice>>,
}

impl Sinks {
    /// # Errors
    /// When an address cannot be used, or the system starts no thread.
    pub(crate) fn start(
        sinks: &[Sink],
        connections: &Connections,
        counts: &Arc<Counts>,
    ) -> Result<Self, Error> {
        let client = connections.client(sinks.iter().map(Sink::address))?;
        // The standard library's allocations for starting a thread count as the program's, because they are
        // freed elsewhere.
        let mut ways = own_memory(|| Vec::with_capacity(sinks.len()));
        for sink in sinks {
            let (sink, (calls_from_origin, waiting)) =
                own_memory(|| (sink.clone(), sync_channel(MAX_WAITING)));
            let counts = Arc::clone(counts);
            let client = own_memory(|| client.clone());
            let thread = thread::Builder::new().name("highwater-tell".to_owned()).spawn(move || {
                own_memory(move || {
                    tell_all(&client, &sink, waiting, &counts);
                    drop((client, sink));
                })
            });
            thread.map_err(Error::Thread)?;
            ways.push(calls_from_origin);
        }
        own_memory(|| drop(client));
        Ok(Self { ways })
    }

    /// Queues an incident for all receivers. Returns the number of receivers whose queue is full.
    pub(crate) fn tell(&self, recorded: Recorded, is_known: bool) -> u64 {
        let Recorded { folder, about, names, .. } = recorded;
        let notice = Notice { folder, about: Arc::new(about), is_known, names: Arc::new(names) };
        self.ways.iter().map(|it| u64::from(it.try_send(notice.clone()).is_err())).sum()
    }
}

fn tell_all(client: &ureq::Agent, sink: &Sink, waiting: Receiver<Notice>, counts: &Counts) {
    for notice in waiting {
        if !sink.wants(&notice) {
            continue;
        }
        let was_sent = sink.message(&notice).is_some_and(|message| send(client, &message));
        counts.watch_failures.fetch_add(u64::from(!was_sent), Ordering::Relaxed);
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

    /// Whether this receiver needs the incident: a message for people the first time, a profile if there is
    /// one.
    fn wants(&self, notice: &Notice) -> bool {
        match self {
            Self::Json(_) | Self::Slack(_) => !notice.is_known,
            _ => notice.folder.is_some(),
        }
    }

    /// The request; `None` if the profile can no longer be read.
    fn message(&self, notice: &Notice) -> Option<Message> {
        match self {
            Self::Json(url) => Some(Message::json(url, &as_json(notice))),
            Self::Slack(url) => Some(Message::json(url, &as_slack(notice))),
            Self::Pyroscope(url) => profile::for_pyroscope(url, notice),
            #[cfg(feature = "otlp")]
            Self::Otlp(url) => profile::for_otlp(url, notice),
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
            // A redirection means that the receiver has not accepted the incident.
            Ok(response) => return response.status().is_success(),
            Err(ureq::Error::StatusCode(status)) if is_final(status) => return false,
            Err(error) if connections::is_refused(&error) => return false,
            Err(_) => {}
        }
    }
    false
}

/// Whether the status means that a retry is useless.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 425, 429].contains(&status)
}

fn as_json(notice: &Notice) -> Value {
    let folder = notice.folder.as_ref().map(|it| it.display().to_string());
    json!({ "incident": &*notice.about, "folder": folder, "growth": growth(notice) })
}

fn as_slack(notice: &Notice) -> Value {
    let place = match &notice.folder {
        Some(folder) => folder.display().to_string(),
        None => "Its folder could not be written.".to_owned(),
    };
    slack::message(&notice.about, &who::as_line(&highwater::who()), &place, &growth(notice))
}

/// The ranking; empty if there was no time for it.
fn growth(notice: &Notice) -> String {
    let path = notice.folder.as_ref().map(|it| it.join("growth.txt"));
    path.and_then(|it| fs::read_to_string(it).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use highwater_resolver::Names;

    use super::*;

    fn notice(folder: Option<&Path>) -> Notice {
        let about = Arc::new(json!({ "reason": "bytes", "used_bytes": 7, "limit_bytes": 9 }));
        Notice {
            folder: folder.map(Path::to_owned),
            about,
            is_known: false,
            names: Arc::new(Names::within(0)),
        }
    }

    fn folder(growth: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("growth.txt"), growth).unwrap();
        folder
    }

    #[test]
    fn an_incident_without_a_folder_is_sent_once() {
        let mut notice = notice(None);
        let (json, pyroscope) = (Sink::Json(String::new()), Sink::Pyroscope(String::new()));
        assert!(json.wants(&notice) && !pyroscope.wants(&notice));
        let text = as_slack(&notice)["text"].as_str().unwrap().to_owned();
        assert!(text.contains("7 B of 9 B") && text.contains("could not be written"), "{text}");
        assert_eq!(as_json(&notice)["folder"], Value::Null);
        notice.is_known = true;
        notice.folder = Some(PathBuf::from("there"));
        assert!(!json.wants(&notice) && pyroscope.wants(&notice));
    }

    #[test]
    fn messages_hold_the_numbers_and_the_rows() {
        let folder = folder("+5 bytes\n    main src/main.rs:7\n");
        let json = as_json(&notice(Some(folder.path())));
        assert_eq!(json["incident"]["used_bytes"], 7);
        assert!(json["growth"].as_str().unwrap().contains("main.rs:7"));
        let text = as_slack(&notice(Some(folder.path())))["text"].as_str().unwrap().to_owned();
        assert!(text.contains("7 B of 9 B") && text.contains("main.rs:7"), "{text}");
    }

    #[test]
    fn final_refusals_are_not_retried() {
        assert!(is_final(400) && is_final(404) && is_final(413));
        assert!(!is_final(408) && !is_final(429) && !is_final(500) && !is_final(503));
    }
}
