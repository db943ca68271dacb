//! Queries: what they mean, how their results are shown, and a few thousand of them to serve.

use std::fmt::{self, Write};

use crate::index::{self, Index};
use crate::sources::{Corpus, Document};

/// A page shows the first results only, as every search page does.
const HITS_PER_PAGE: usize = 40;
/// Lines shown before and after each hit.
const CONTEXT_LINES: usize = 3;

/// Answers queries from an index and the text it was made of.
pub struct Search<'a> {
    /// The text.
    pub corpus: &'a Corpus,
    /// The index of this text.
    pub index: &'a Index,
}

impl Search<'_> {
    /// Appends the results of `query` to `page`, and returns how many there are. `def:NAME` asks for the definitions
    /// of a symbol, anything else for the lines that contain all of its words. `shown` is called with each file's
    /// part of the page.
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
        // A syntax tree may be walked in another order than that of its lines.
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

    /// Shows hits that all lie in one file; lines around them that overlap are shown once.
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

/// An endless stream of queries such as a reader of the corpus would ask: words and symbols of lines taken at
/// random, so that frequent words are asked for often. It is the same stream in every run.
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

    /// A query made of a random line, unless there is nothing to ask for in it.
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
