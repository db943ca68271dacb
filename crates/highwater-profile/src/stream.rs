//! Unpacking on another thread, so that a large file is read while it is unpacked and never held as a whole.

use std::io::{self, Read};
use std::sync::mpsc::sync_channel;
use std::thread;

use flate2::read::MultiGzDecoder;

use crate::limits::Limits;
use crate::read_error::ReadError;
use crate::unpack::gzip_error;

/// From how many packed bytes on this is worth a thread.
pub(crate) const WORTHWHILE: usize = 1 << 18;

/// Small enough that a processor's cache holds what was just unpacked.
const CHUNK_BYTES: usize = 1 << 16;

/// How many chunks may wait to be read.
const WAITING: usize = 16;

/// As many unpacked bytes as tell a format; `None` when this is not gzip, or damaged from the start.
pub(crate) fn gzip_head(packed: &[u8]) -> Option<Vec<u8>> {
    let is_gzip = packed.starts_with(&[0x1f, 0x8b, 0x08]);
    let mut head = Vec::new();
    is_gzip
        .then(|| MultiGzDecoder::new(packed).take(1 << 12).read_to_end(&mut head).ok())
        .flatten()
        .map(|_| head)
}

/// Unpacks what `open` opens while `consumer` asks for one chunk after the other; `None` is the end.
///
/// # Errors
/// The errors of `consumer`, unless the packed data is damaged, which explains any other error.
pub(crate) fn gzip<R: Read + Send>(
    open: impl Fn() -> io::Result<R>,
    limits: &Limits,
    consumer: impl FnOnce(&mut dyn FnMut() -> Result<Option<Vec<u8>>, ReadError>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let chunks = || open().map(|packed| Chunks::new(packed, limits.unpacked_bytes()));
    let chunks = || chunks().map_err(|error| gzip_error(&error, 0));
    let (sender, receiver) = sync_channel(WAITING);
    let mut own = chunks()?;
    thread::scope(|scope| {
        // Nobody listens any more when the reader has its error already.
        let unpack = move || own.try_for_each(|chunk| sender.send(chunk).map_err(drop)).unwrap_or(());
        let mut source: Box<dyn Iterator<Item = Result<Vec<u8>, ReadError>>> =
            match thread::Builder::new().spawn_scoped(scope, unpack) {
                Ok(_) => Box::new(receiver.into_iter()),
                // The system grants no thread. This one can do it too.
                Err(_) => Box::new(chunks()?),
            };
        let outcome = consumer(&mut || source.next().transpose());
        outcome.map_err(|error| source.find_map(Result::err).unwrap_or(error))
    })
}

/// What `packed` unpacks to, piece by piece. An error is the last.
struct Chunks<R> {
    /// `None` at the end.
    decoder: Option<MultiGzDecoder<R>>,
    unpacked_bytes: u64,
    limit_bytes: u64,
}

impl<R: Read> Chunks<R> {
    fn new(packed: R, limit_bytes: u64) -> Self {
        Self { decoder: Some(MultiGzDecoder::new(packed)), unpacked_bytes: 0, limit_bytes }
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = Result<Vec<u8>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (chunk, outcome) = fill(self.decoder.as_mut()?);
        self.unpacked_bytes += chunk.len() as u64;
        let is_too_large = self.unpacked_bytes > self.limit_bytes;
        if chunk.len() < CHUNK_BYTES || is_too_large {
            self.decoder = None;
        }
        if is_too_large {
            return Some(Err(ReadError::TooLarge { limit_bytes: self.limit_bytes }));
        }
        Some(outcome.map(|()| chunk).map_err(|error| gzip_error(&error, self.unpacked_bytes)))
    }
}

/// A chunk, which is full unless the data ends or is damaged.
fn fill(decoder: &mut impl Read) -> (Vec<u8>, io::Result<()>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut length = 0;
    let mut outcome = Ok(());
    while length < chunk.len() {
        match decoder.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    chunk.truncate(length);
    (chunk, outcome)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(length: usize) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&(0..length).map(|at| at as u8).collect::<Vec<_>>()).unwrap();
        encoder.finish().unwrap()
    }

    fn length(packed: &[u8], limit: u64) -> Result<usize, ReadError> {
        let limits = Limits { max_unpacked_bytes: limit, ..Limits::default() };
        let mut length = 0;
        gzip(
            || Ok(packed),
            &limits,
            |more| {
                while let Some(chunk) = more()? {
                    length += chunk.len();
                }
                Ok(())
            },
        )?;
        Ok(length)
    }

    #[test]
    fn all_arrives_or_an_error_does() {
        let long = 40 * CHUNK_BYTES;
        for expected in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, long] {
            assert_eq!(length(&packed(expected), u64::MAX).unwrap(), expected);
        }
        let file = packed(long);
        assert!(matches!(length(&file, long as u64 - 1), Err(ReadError::TooLarge { .. })));
        assert!(matches!(length(&file[..file.len() - 9], u64::MAX), Err(ReadError::Truncated { .. })));
        let mut damaged = file.clone();
        let last = damaged.len() - 8;
        damaged[last] ^= 1;
        assert!(matches!(length(&damaged, u64::MAX), Err(ReadError::Damaged { .. })));
    }

    #[test]
    fn damage_explains_what_else_is_wrong() {
        let file = packed(40 * CHUNK_BYTES);
        let stop = |_: &mut dyn FnMut() -> Result<Option<Vec<u8>>, ReadError>| Err(ReadError::Empty);
        assert!(matches!(gzip(|| Ok(&file[..]), &Limits::default(), stop), Err(ReadError::Empty)));
        let cut = &file[..file.len() / 2];
        assert!(matches!(gzip(|| Ok(cut), &Limits::default(), stop), Err(ReadError::Truncated { .. })));
    }
}
