//! The spike: an archive that is inflated as a whole, into one buffer.
//!
//! The kind of incident: compressed data is read with `read_to_end` where a stream would do (as in the snapshots
//! of github.com/spacejam/sled, issue 938). The buffer lives for a moment, and that moment sets the size of
//! the machine, or brings the kernel to kill the process. Snapshots taken before and after it show nothing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::sources::Corpus;

/// What the archive unpacks to, at least.
const UNPACKED_BYTES: usize = 256 << 20;

/// A compressed copy of the sources in a temporary file.
pub struct Archive {
    file: File,
}

impl Archive {
    /// Packs the sources, several times over if need be.
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
