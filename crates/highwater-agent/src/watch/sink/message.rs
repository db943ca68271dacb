//! An incident to send, and the request that sends it.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_resolver::Names;
use serde_json::Value;

/// A request to send.
pub(super) struct Message {
    pub url: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Message {
    pub(super) fn json(url: &str, content: &Value) -> Self {
        let content_type = "application/json".to_owned();
        Self { url: url.to_owned(), content_type, body: content.to_string().into_bytes() }
    }
}

/// An incident to send.
#[derive(Clone)]
pub(super) struct Notice {
    /// `None` if the folder could not be written.
    pub folder: Option<PathBuf>,
    /// The content of `incident.json`.
    pub about: Arc<Value>,
    /// Whether receivers already got this incident, before it had a folder.
    pub is_known: bool,
    /// Names that were looked up for the folder. There may be too little memory to look up more.
    pub names: Arc<Names>,
}
