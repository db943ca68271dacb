//! The index: the lines that contain a word, and the place where a symbol is defined.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::thread;

use crate::postings::Postings;
use crate::sources::{Corpus, Document};
use crate::symbols::{self, Kind};

/// The parser recurses as deep as the text is nested, and generated code is deeply nested.
const INDEXER_STACK_BYTES: usize = 64 << 20;

/// The place where a symbol is defined.
pub struct Definition {
    /// Line number in the corpus.
    pub line: u32,
    /// The kind of the definition.
    pub kind: Kind,
}

/// Words and symbols of a corpus.
#[derive(Default)]
pub struct Index {
    words: HashMap<Box<str>, Postings>,
    symbols: HashMap<Box<str>, Vec<Definition>>,
    parse_errors: usize,
}

impl Index {
    /// Indexes all files with this many threads. Each takes a run of files of about the same size, and the
    /// runs are joined in order, so that line numbers ascend everywhere.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn build(corpus: &Corpus, threads: usize) -> io::Result<Self> {
        let mut index = thread::scope(|scope| {
            let mut indexers = Vec::with_capacity(threads);
            for (number, run) in runs(corpus, threads).into_iter().enumerate() {
                let builder =
                    thread::Builder::new().name(format!("indexer-{number}")).stack_size(INDEXER_STACK_BYTES);
                indexers.push(builder.spawn_scoped(scope, move || Self::new(run))?);
            }
            let parts = indexers
                .into_iter()
                .map(|indexer| indexer.join().map_err(|_| io::Error::other("an indexer thread panicked")));
            let mut merged = Self::default();
            for part in parts {
                merged.append(part?);
            }
            io::Result::Ok(merged)
        })?;
        index.words.values_mut().for_each(Postings::shrink_to_fit);
        index.symbols.values_mut().for_each(Vec::shrink_to_fit);
        Ok(index)
    }

    /// The lines that contain a word.
    pub fn word(&self, word: &str) -> Option<&Postings> {
        self.words.get(word)
    }

    /// The definitions of a symbol.
    pub fn symbol(&self, name: &str) -> &[Definition] {
        self.symbols.get(name).map_or(&[], Vec::as_slice)
    }

    /// Number of different words.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// Number of definitions.
    pub fn definitions(&self) -> usize {
        self.symbols.values().map(Vec::len).sum()
    }

    /// Number of files that are not valid Rust. Their words are indexed, but not their symbols.
    pub fn parse_errors(&self) -> usize {
        self.parse_errors
    }

    fn new(run: &[Document]) -> Self {
        let mut index = Self::default();
        for document in run {
            index.add_words(document);
            index.add_symbols(document);
        }
        index
    }

    fn add_words(&mut self, document: &Document) {
        for position in 0..document.lines() {
            let line = document.first_line + position as u32;
            for word in words(document.line(position)) {
                // Almost every word is known already, so it is looked up before a key is allocated.
                match self.words.get_mut(word) {
                    Some(postings) => postings.push(line),
                    None => self.words.entry(word.into()).or_default().push(line),
                }
            }
        }
    }

    fn add_symbols(&mut self, document: &Document) {
        let define = |name: String, kind, position: usize| {
            let line = document.first_line + position as u32;
            self.symbols.entry(name.into_boxed_str()).or_default().push(Definition { line, kind });
        };
        if symbols::definitions(&document.text, define).is_err() {
            self.parse_errors += 1;
        }
    }

    fn append(&mut self, later: Self) {
        for (word, postings) in later.words {
            match self.words.entry(word) {
                Entry::Occupied(mut earlier) => earlier.get_mut().append(&postings),
                Entry::Vacant(new) => {
                    new.insert(postings);
                }
            }
        }
        for (name, definitions) in later.symbols {
            self.symbols.entry(name).or_default().extend(definitions);
        }
        self.parse_errors += later.parse_errors;
    }
}

/// The words of a line: all possible identifiers and keywords.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| word.starts_with(|first: char| !first.is_ascii_digit()))
}

/// Splits the corpus into `count` runs of files with about the same number of bytes.
fn runs(corpus: &Corpus, count: usize) -> Vec<&[Document]> {
    let mut runs = Vec::with_capacity(count);
    let mut rest = corpus.documents();
    let mut bytes = 0;
    for number in 1..=count as u64 {
        let goal = corpus.bytes() * number / count as u64;
        let end = rest.iter().position(|document| {
            bytes += document.text.len() as u64;
            bytes >= goal
        });
        let (run, after) = rest.split_at(end.map_or(rest.len(), |last| last + 1));
        runs.push(run);
        rest = after;
    }
    runs
}
