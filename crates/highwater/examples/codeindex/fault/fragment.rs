//! The fragmentation: small results that are kept, made among large ones that are not.
//!
//! The kind of incident: an import makes a large temporary block for each record, and a small result that
//! stays. The temporary blocks are freed all at once, but on each of their pages a small block is alive, so
//! the allocator can give no page back. The process stays as large as the import was, and live bytes do not
//! show why.

use crate::sources::Corpus;

/// Bytes that the import takes while it runs.
const IMPORTED_BYTES: usize = 48 << 20;

/// Bytes of a record.
const RECORD_BYTES: usize = 3_500;

/// Bytes of the part that stays.
const TITLE_BYTES: usize = 160;

/// What stays of an import: the beginning of each record.
#[derive(Default)]
pub struct Titles {
    titles: Vec<Box<str>>,
}

impl Titles {
    /// Imports the corpus, repeatedly if it is too small.
    #[inline(never)]
    pub fn import(&mut self, corpus: &Corpus) {
        let mut records = Vec::with_capacity(IMPORTED_BYTES / RECORD_BYTES);
        let lines = corpus.documents().iter().flat_map(|it| it.text.lines()).filter(|it| it.is_ascii());
        for line in lines
            .filter(|it| (8..TITLE_BYTES).contains(&it.len()))
            .cycle()
            .take(IMPORTED_BYTES / RECORD_BYTES)
        {
            let mut record = String::with_capacity(RECORD_BYTES);
            record.extend((0..RECORD_BYTES / line.len()).map(|_| line));
            self.titles.push(Box::from(&record[..TITLE_BYTES])); // the fragmentation
            records.push(record);
        }
    }
}
