//! Telling somebody of an incident: over HTTP, on a thread of its own, so that nobody who is slow or gone stops the watch.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use highwater_runtime::own_memory;
use serde_json::{Value, json};

use crate::service::Counts;

/// Incidents that may wait to be told.
const MAX_WAITING: usize = 4;

/// How long one attempt may take.
const ATTEMPT_TIME: Duration = Duration::from_secs(10);

/// Attempts before an incident is given up. The pause between two doubles each time.
const MAX_ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How much of `growth.txt` a message shows, in bytes.
const MAX_SHOWN_BYTES: usize = 2_000;

/// Who is told, and in which form.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// All that `incident.json` has, with the folder and the ranking.
    Json(String),
    /// `{"text": …}`, as Slack's incoming webhooks take it and many others do.
    Slack(String),
}

/// The way to the thread that tells. It ends when this is dropped.
pub(crate) struct Sinks {
    folders: SyncSender<PathBuf>,
}

impl Sinks {
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start(sinks: Vec<Sink>, counts: Arc<Counts>) -> io::Result<Self> {
        let (folders, waiting) = own_memory(|| sync_channel(MAX_WAITING));
        thread::Builder::new()
            .name("highwater-tell".to_owned())
            .spawn(move || own_memory(move || tell_all(&sinks, waiting, &counts)))?;
        Ok(Self { folders })
    }

    /// Has the incident in this folder told. False when too many are waiting already.
    pub(crate) fn tell(&self, folder: PathBuf) -> bool {
        self.folders.try_send(folder).is_ok()
    }
}

fn tell_all(sinks: &[Sink], waiting: Receiver<PathBuf>, counts: &Counts) {
    let config = ureq::Agent::config_builder().timeout_global(Some(ATTEMPT_TIME)).build();
    let client = ureq::Agent::new_with_config(config);
    for folder in waiting {
        for sink in sinks {
            let was_told = tell(&client, sink, &folder);
            counts.watch_failures.fetch_add(u64::from(!was_told), Ordering::Relaxed);
        }
    }
}

fn tell(client: &ureq::Agent, sink: &Sink, folder: &Path) -> bool {
    let (url, message) = match sink {
        Sink::Json(url) => (url, as_json(folder)),
        Sink::Slack(url) => (url, as_slack(folder)),
    };
    let message = message.to_string();
    (0..MAX_ATTEMPTS).any(|attempt| {
        if attempt > 0 {
            thread::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1));
        }
        client.post(url).header("content-type", "application/json").send(message.as_str()).is_ok()
    })
}

fn as_json(folder: &Path) -> Value {
    json!({ "incident": about(folder), "folder": folder.display().to_string(), "growth": growth(folder) })
}

fn as_slack(folder: &Path) -> Value {
    let about = about(folder);
    let (reason, used, limit) = (&about["reason"], &about["used_bytes"], &about["limit_bytes"]);
    let mut shown = growth(folder);
    if shown.len() > MAX_SHOWN_BYTES {
        shown.truncate(shown.floor_char_boundary(MAX_SHOWN_BYTES));
        shown.push('…');
    }
    // What would end the block that is shown as it is.
    let shown = shown.replace("```", "'''");
    let place = folder.display();
    json!({ "text": format!("Memory: {used} of {limit} bytes in use (rule {reason}). {place}\n```\n{shown}\n```") })
}

fn about(folder: &Path) -> Value {
    let content = fs::read(folder.join("incident.json")).unwrap_or_default();
    serde_json::from_slice(&content).unwrap_or(Value::Null)
}

/// The ranking, or nothing if there was no time for it.
fn growth(folder: &Path) -> String {
    fs::read_to_string(folder.join("growth.txt")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(growth: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let about = json!({ "reason": "bytes", "used_bytes": 7, "limit_bytes": 9 }).to_string();
        fs::write(folder.path().join("incident.json"), about).unwrap();
        fs::write(folder.path().join("growth.txt"), growth).unwrap();
        folder
    }

    #[test]
    fn messages_hold_the_numbers_and_the_rows() {
        let folder = folder("+5 bytes\n    main src/main.rs:7\n");
        let json = as_json(folder.path());
        assert_eq!(json["incident"]["used_bytes"], 7);
        assert!(json["growth"].as_str().unwrap().contains("main.rs:7"));
        let text = as_slack(folder.path())["text"].as_str().unwrap().to_owned();
        assert!(text.contains("7 of 9 bytes") && text.contains("main.rs:7"), "{text}");
    }

    #[test]
    fn a_message_is_short_and_its_block_whole() {
        let folder = folder(&format!("```{}", "ä".repeat(MAX_SHOWN_BYTES)));
        let text = as_slack(folder.path())["text"].as_str().unwrap().to_owned();
        assert!(text.len() < MAX_SHOWN_BYTES + 300, "{}", text.len());
        assert_eq!(text.matches("```").count(), 2);
    }
}
