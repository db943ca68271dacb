//! The profile of an incident, for servers that collect profiles. They show names and find none themselves, so it is sent
//! with the names that were looked up for the folder.

use std::collections::BTreeSet;

use highwater::Modules;
use highwater_profile::{Limits, LocationId, Profile, file, pprof};
use serde_json::{Value, json};

use super::{Message, Told};
use crate::{names, who};

/// The values that are true of a moment. The others count from the start of the process, and a server would add them up.
const KINDS: [(&str, &str); 2] = [("inuse_objects", "objects"), ("inuse_space", "bytes")];

/// What separates the parts of a body.
const BOUNDARY: &str = "highwater-3b8f1c07-part-of-an-incident";

/// `POST /ingest` with a profile in pprof's format, as Pyroscope publishes it:
/// <https://grafana.com/docs/pyroscope/latest/reference-server-api/>. It goes by the name of the program,
/// with labels that say which process it is.
pub(super) fn for_pyroscope(server: &str, told: &Told) -> Option<Message> {
    let mut packed = Vec::new();
    pprof::write(&named(told)?, &mut packed).ok()?;
    let kinds: serde_json::Map<_, _> = KINDS
        .iter()
        .map(|&(kind, unit)| {
            (kind.to_owned(), json!({ "units": unit, "aggregation": "average", "sampled": false }))
        })
        .collect();
    let until = told.about["time_ms"].as_u64()? / 1000;
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

/// What a collector's HTTP receiver takes.
#[cfg(feature = "otlp")]
pub(super) fn for_otlp(server: &str, told: &Told) -> Option<Message> {
    use highwater_profile::otlp;
    Some(Message {
        url: format!("{}{}", server.trim_end_matches('/'), otlp::PATH),
        content_type: otlp::CONTENT_TYPE.to_owned(),
        body: otlp::encode(
            &named(told)?,
            &KINDS.map(|(kind, _)| kind),
            &who::as_attributes(&highwater::who()),
        ),
    })
}

/// The profile of the incident, with names.
fn named(told: &Told) -> Option<Profile> {
    let mut profile = file::read(&told.folder.as_ref()?.join("spike.pb.gz"), &Limits::default()).ok()?;
    let locations: BTreeSet<LocationId> = profile.samples.iter().flat_map(|it| it.stack).copied().collect();
    // Names were looked up by the addresses of the process; a file may have those of the program's own tables.
    let modules = Modules::capture();
    let calls = |address| told.names.known(modules.address_of_file(address)).to_vec();
    names::add(&mut profile, locations, calls);
    Some(profile)
}
