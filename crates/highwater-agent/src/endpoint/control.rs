//! Settings that clients can change: the sampling interval; and the request to give free memory back to the
//! system.

use highwater::Mode;
use highwater_recorder::Settings;
use hyper::StatusCode;

use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// The current mode, in the words that set it.
pub(super) fn interval() -> String {
    match highwater::mode() {
        None => "not recording: highwater::Alloc is not in use".to_owned(),
        Some(Mode::Off) => "off".to_owned(),
        Some(Mode::Exact) => "exact".to_owned(),
        Some(mode) => mode.interval_bytes().unwrap_or(0).to_string(),
    }
}

pub(super) fn set_interval(body: &[u8]) -> Answer {
    let mode = parse(body.trim_ascii())
        .ok_or_else(|| Refusal::bad("send a sampling interval such as 64KiB, or `exact`, or `off`"))?;
    let before = interval();
    if !highwater::set_mode(mode) {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, interval()));
    }
    Ok(Reply::text(format!("{before} -> {}\n", interval())))
}

/// A word that `HIGHWATER` accepts, or a size alone.
fn parse(text: &[u8]) -> Option<Mode> {
    let settings = |value: &[u8]| Settings::DEFAULT.overridden(value).map(|it| it.mode).ok();
    if text.is_empty() || text.contains(&b',') {
        return None;
    }
    settings(text).or_else(|| settings(&[b"interval:", text].concat()))
}

/// Gives free memory back with the program's purge function, and reports the result.
pub(super) async fn purge(service: &Service) -> Answer {
    let purge = service.purge;
    let (before, has_purged, after) = service
        .captures
        .run(move || {
            let before = highwater::stats();
            let has_purged = purge();
            (before, has_purged, highwater::stats())
        })
        .await?;
    if !has_purged {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "nothing is known to give memory back here; say what does with `Agent::builder().purge(…)`",
        ));
    }
    let bytes = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    Ok(Reply::text(format!(
        "rss_bytes {} -> {}\nlive_bytes {} -> {}\n",
        bytes(before.rss_bytes),
        bytes(after.rss_bytes),
        before.live_bytes,
        after.live_bytes
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_understood_as_in_the_environment() {
        assert_eq!(parse(b"64KiB"), Some(Mode::with_interval(65536)));
        assert_eq!(parse(b"interval:4096"), Some(Mode::with_interval(4096)));
        assert_eq!(parse(b"exact"), Some(Mode::Exact));
        assert_eq!(parse(b"off"), Some(Mode::Off));
        for bad in ["", "on", "-1", "0", "exact,off", "64kb", "\u{0}"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_program_without_the_allocator_cannot_be_changed() {
        assert_eq!(set_interval(b"exact").unwrap_err().status, 501);
        assert_eq!(set_interval(b"nonsense").unwrap_err().status, 400);
    }
}
