//! The spike: a whole archive that is decompressed into one buffer.
//!
//! The kind of incident: compressed data is read with `read_to_end` where a stream would be enough (as in the
//! snapshots of github.com/spacejam/sled, issue 938). The buffer exists only briefly, but decides how much
//! memory the machine needs, or makes the kernel kill the process. Snapshots before and after show nothing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::sources::Corpus;

/// Minimum uncompressed size of the archive.
const UNPACKED_BYTES: usize = 256 << 20;

/// A compressed copy of the sources in a temporary file.
pub struct Archive {
    file: File,
}

impl Archive {
    /// Compresses the sources, repeatedly if they are too small.
    pub fn pack(corpus: &Corpus) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(BufWriter::new(tempfile::tempfile()?), Compression::fast());
        let mut written = 0;
        for document in corpus.documents().iter().cycle() {
            encoder.write_all(document.text.as_bytes())?;
            written += document.text.len();
            if written >= UNPACKED_BYTES {
                break;
            }
        }
        let mut file = encoder.finish()?.into_inner()?;
        file.rewind()?;
        Ok(Self { file })
    }

    /// Counts the words in the archive.
    #[inline(never)]
    pub fn count_words(self) -> io::Result<usize> {
        let mut decoder = GzDecoder::new(BufReader::new(self.file));
        let mut buffer = Vec::new();
        decoder.read_to_end(&mut buffer)?; // the spike
        Ok(buffer.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count())
    }
}
