//! Calls as bytes, and back.

use crate::finding::{Frame, Origin};

/// These calls as bytes.
pub(super) fn encode(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        put(&mut bytes, &frame.function);
        bytes.push(u8::from(frame.file.is_some()));
        put(&mut bytes, frame.file.as_deref().unwrap_or(""));
        // Lines count from 1.
        bytes.extend(frame.line.unwrap_or(0).to_le_bytes());
        bytes.push(match frame.origin {
            Origin::Own => 0,
            Origin::Dependency => 1,
            Origin::System => 2,
            Origin::TestHarness => 3,
            Origin::Highwater => 4,
        });
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The calls in these bytes; `None` where they hold something else.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let function = text(&mut bytes)?;
        let has_file = take(&mut bytes, 1)? == [1];
        let file = text(&mut bytes)?;
        let line = u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?);
        let origin = match take(&mut bytes, 1)? {
            [0] => Origin::Own,
            [1] => Origin::Dependency,
            [2] => Origin::System,
            [3] => Origin::TestHarness,
            [4] => Origin::Highwater,
            _ => return None,
        };
        frames.push(Frame {
            function,
            file: has_file.then_some(file),
            line: Some(line).filter(|it| *it > 0),
            origin,
        });
    }
    Some(frames)
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let length = u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?);
    let text = take(bytes, usize::try_from(length).ok()?)?;
    Some(str::from_utf8(text).ok()?.to_owned())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_as_they_were_written() {
        let frame = |function: &str, file: Option<&str>, line, origin| Frame {
            function: function.to_owned(),
            file: file.map(str::to_owned),
            line,
            origin,
        };
        let frames = [
            frame("a::b", Some("/a/ü.rs"), Some(7), Origin::Own),
            frame("", None, None, Origin::Dependency),
            frame("c", Some(""), None, Origin::System),
            frame("d", None, None, Origin::TestHarness),
            frame("e", None, None, Origin::Highwater),
        ];
        let bytes = encode(&frames);
        assert_eq!(decode(&bytes).unwrap(), frames);
        assert_eq!(decode(&[]).unwrap(), []);
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(&[0xff; 40]), None);
    }
}
