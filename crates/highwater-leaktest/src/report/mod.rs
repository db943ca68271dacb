//! Findings in words: beside a test's result, at the end of the process, and as annotations of a GitHub
//! workflow.

mod calls;
mod conclusion;
mod fix;
mod github;
mod group;
mod leaks;
mod memory;
mod phrases;

pub(crate) use conclusion::conclusion;
pub(crate) use fix::Way;
pub(crate) use github::annotations;
pub(crate) use leaks::{hang, text};
pub(crate) use memory::{blocks, sites, text as memory_text};
pub(crate) use phrases::what;
