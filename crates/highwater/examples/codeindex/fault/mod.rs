//! Faults to switch on, so that profiles of an otherwise correct program contain something to find. Each is
//! modelled on an incident of a real program.

mod churn;
mod fragment;
mod leak;
mod spike;

use std::io;

use clap::ValueEnum;

use crate::sources::Corpus;

/// The possible faults.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A cache of results that is never evicted
    Leak,
    /// A whole archive is inflated into one buffer, once
    Spike,
    /// A regular expression is compiled for each file that is shown
    Churn,
    /// Small blocks that stay are made among large ones that are freed
    Fragment,
}

/// The faults of this run. Each is called from the place at which it would happen in a real program.
pub struct Faults {
    cache: Option<leak::ResultCache>,
    archive: Option<spike::Archive>,
    churn: bool,
    titles: Option<fragment::Titles>,
}

impl Faults {
    /// Prepares the wanted faults, with little memory.
    ///
    /// # Errors
    /// When the archive cannot be written to the directory for temporary files.
    pub fn prepare(wanted: &[Fault], corpus: &Corpus) -> io::Result<Self> {
        Ok(Self {
            cache: wanted.contains(&Fault::Leak).then(leak::ResultCache::default),
            archive: wanted.contains(&Fault::Spike).then(|| spike::Archive::pack(corpus)).transpose()?,
            churn: wanted.contains(&Fault::Churn),
            titles: wanted.contains(&Fault::Fragment).then(fragment::Titles::default),
        })
    }

    /// Called with each file's part of a page.
    pub fn file_shown(&self, query: &str, part: &str) {
        if self.churn {
            churn::count_matches(query, part);
        }
    }

    /// Called with each page that was served, and its number.
    pub fn page_served(&mut self, query: &str, number: usize, page: &str) {
        if let Some(cache) = &mut self.cache {
            cache.remember(query, number, page);
        }
    }

    /// Called once, in the middle of the run.
    ///
    /// # Errors
    /// When the archive cannot be read back.
    pub fn half_time(&mut self, corpus: &Corpus) -> io::Result<()> {
        if let Some(titles) = &mut self.titles {
            titles.import(corpus);
        }
        if let Some(archive) = self.archive.take() {
            archive.count_words()?;
        }
        Ok(())
    }
}
