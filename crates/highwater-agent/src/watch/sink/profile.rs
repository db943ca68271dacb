//! The profile of an incident, for servers that collect profiles. They show names but look up none, so the
//! profile is sent with the names that were looked up for the folder.

use std::collections::BTreeSet;

use highwater::Modules;
use highwater_profile::{Limits, LocationId, Profile, file, pprof};
use serde_json::{Value, json};

use super::message::{Message, Notice};
use crate::names;
use crate::who;

/// The kinds of values that describe one moment. All other kinds count from the start of the process, and a
/// server would add them up.
const KINDS: [(&str, &str); 2] = [("inuse_objects", "objects"), ("inuse_space", "bytes")];

/// Separates the parts of a body.
const BOUNDARY: &str = "highwater-3b8f1c07-part-of-an-incident";

/// `POST /ingest` with a profile in pprof's format, as Pyroscope documents it:
/// <https://grafana.com/docs/pyroscope/latest/reference-server-api/>. The profile's name is the program's,
/// and labels identify the process.
pub(super) fn for_pyroscope(server: &str, notice: &Notice) -> Option<Message> {
    let mut packed = Vec::new();
    pprof::write(&named(notice)?, &mut packed).ok()?;
    let kinds: serde_json::Map<_, _> = KINDS
        .iter()
        .map(|&(kind, unit)| {
            (kind.to_owned(), json!({ "units": unit, "aggregation": "average", "sampled": false }))
        })
        .collect();
    let until = notice.about["time_ms"].as_u64()? / 1000;
    let name = who::encoded(&who::as_series(&highwater::who()));
    let query = format!("name={name}&from={}&until={until}&format=pprof&spyName=highwater", until - 1);
    let mut body = Vec::new();
    add_part(&mut body, "profile", "application/octet-stream", &packed);
    add_part(&mut body, "sample_type_config", "application/json", Value::from(kinds).to_string().as_bytes());
    body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
    Some(Message {
        url: format!("{}/ingest?{query}", server.trim_end_matches('/')),
        content_type: format!("multipart/form-data; boundary={BOUNDARY}"),
        body,
    })
}

/// A part of `multipart/form-data`, RFC 7578.
fn add_part(body: &mut Vec<u8>, name: &str, content_type: &str, content: &[u8]) {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
         Content-Type: {content_type}\r\n\r\n"
    );
    body.extend(head.as_bytes());
    body.extend(content);
    body.extend(b"\r\n");
}

/// The request for a collector's HTTP receiver.
#[cfg(feature = "otlp")]
pub(super) fn for_otlp(server: &str, notice: &Notice) -> Option<Message> {
    use highwater_profile::otlp;
    Some(Message {
        url: format!("{}{}", server.trim_end_matches('/'), otlp::PATH),
        content_type: otlp::CONTENT_TYPE.to_owned(),
        body: otlp::encode(
            &named(notice)?,
            &KINDS.map(|(kind, _)| kind),
            &who::as_attributes(&highwater::who()),
        ),
    })
}

/// The profile of the incident, with names.
fn named(notice: &Notice) -> Option<Profile> {
    let mut profile = file::read(&notice.folder.as_ref()?.join("spike.pb.gz"), &Limits::default()).ok()?;
    let locations: BTreeSet<LocationId> = profile.samples.iter().flat_map(|it| it.stack).copied().collect();
    // Names were looked up by the addresses of the process; a file may have addresses of the binary's own
    // address space.
    let modules = Modules::capture();
    let calls = |address| notice.names.known(modules.address_of_file(address)).to_vec();
    names::add(&mut profile, locations, calls);
    Some(profile)
}
