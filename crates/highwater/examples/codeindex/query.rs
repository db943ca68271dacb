//! Queries: their meaning, the display of their results, and a stream of them to serve.

use std::fmt::{self, Write};

use crate::index::{self, Index};
use crate::sources::{Corpus, Document};

/// Number of results on a page.
const HITS_PER_PAGE: usize = 40;
/// Lines shown before and after each hit.
const CONTEXT_LINES: usize = 3;

/// Answers queries with an index and its text.
pub struct Search<'a> {
    /// The text.
    pub corpus: &'a Corpus,
    /// The index of this text.
    pub index: &'a Index,
}

impl Search<'_> {
    /// Appends the results of `query` to `page`, and returns their number. `def:NAME` means the definitions
    /// of a symbol, other text the lines that contain all of its words. Calls `shown` with each file's part
    /// of the page.
    pub fn answer(
        &self,
        query: &str,
        page: &mut String,
        mut shown: impl FnMut(&str),
    ) -> Result<usize, fmt::Error> {
        let hits: Vec<u32> = match query.strip_prefix("def:") {
            Some(name) => self.definitions(name, page)?,
            None => self.lines_with(query),
        };
        let file_of = |line: u32| self.corpus.locate(line).0.first_line;
        for hits in hits.chunk_by(|&a, &b| file_of(a) == file_of(b)) {
            let start = page.len();
            self.show_file(hits, page)?;
            shown(&page[start..]);
        }
        Ok(hits.len())
    }

    fn definitions(&self, name: &str, page: &mut String) -> Result<Vec<u32>, fmt::Error> {
        let definitions = self.index.symbol(name);
        let shown = &definitions[..definitions.len().min(HITS_PER_PAGE)];
        for definition in shown {
            let (document, position) = self.corpus.locate(definition.line);
            writeln!(page, "{} {name} in {}:{}", definition.kind, document.name, position + 1)?;
        }
        // The order of a syntax tree may differ from the order of its lines.
        let mut lines: Vec<u32> = shown.iter().map(|definition| definition.line).collect();
        lines.sort_unstable();
        Ok(lines)
    }

    fn lines_with(&self, query: &str) -> Vec<u32> {
        let lists: Option<Vec<_>> = index::words(query).map(|word| self.index.word(word)).collect();
        let mut lists = lists.unwrap_or_default();
        lists.sort_by_key(|list| list.len());
        let Some((rarest, others)) = lists.split_first() else { return Vec::new() };
        let mut others: Vec<_> = others.iter().map(|list| list.iter().peekable()).collect();
        let in_all = |line: &u32| {
            others.iter_mut().all(|list| {
                while list.next_if(|other| other < line).is_some() {}
                list.peek() == Some(line)
            })
        };
        rarest.iter().filter(in_all).take(HITS_PER_PAGE).collect()
    }

    /// Shows results within one file. Overlapping context lines are shown once.
    fn show_file(&self, hits: &[u32], page: &mut String) -> fmt::Result {
        let Some(&first) = hits.first() else { return Ok(()) };
        let (document, _): (&Document, _) = self.corpus.locate(first);
        writeln!(page, "{}", document.name)?;
        let mut shown_to = 0;
        for hit in hits {
            let position = (hit - document.first_line) as usize;
            let end = (position + CONTEXT_LINES + 1).min(document.lines());
            for context in position.saturating_sub(CONTEXT_LINES).max(shown_to)..end {
                writeln!(page, "{:>6}  {}", context + 1, document.line(context))?;
            }
            shown_to = end;
        }
        Ok(())
    }
}

/// An endless stream of queries that a reader of the corpus could ask: words and symbols of random lines, so
/// that frequent words are frequent queries. The stream is the same in every run.
pub struct Queries<'a> {
    search: &'a Search<'a>,
    state: u64,
}

impl<'a> Queries<'a> {
    /// The stream for this corpus.
    pub fn new(search: &'a Search<'a>) -> Self {
        Self { search, state: 0x5eed }
    }

    /// A number below `end`, by the SplitMix64 generator of Steele, Lea and Flood (2014).
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % end.max(1) as u64) as usize
    }

    /// A query from a random line; `None` if the line has nothing to ask for.
    fn attempt(&mut self) -> Option<String> {
        let Search { corpus, index } = *self.search;
        let line = self.below(corpus.lines() as usize) as u32;
        let (document, position) = corpus.locate(line);
        let words: Vec<&str> = index::words(document.line(position)).filter(|word| word.len() > 2).collect();
        let word = words.get(self.below(words.len()))?;
        match self.below(4) {
            0 if !index.symbol(word).is_empty() => Some(format!("def:{word}")),
            1 => Some(format!("{word} {}", words[self.below(words.len())])),
            _ => Some((*word).to_owned()),
        }
    }
}

impl Iterator for Queries<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        // Blank lines and closing braces are common, but no source file consists of them.
        (0..10_000).find_map(|_| self.attempt())
    }
}
