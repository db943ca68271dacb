//! The churn: a regular expression that is compiled again for each file.
//!
//! The kind of incident: `Regex::new` within a loop over files (as in the state sync of
//! github.com/near/nearcore, pull request 14860). Nothing stays live, and there is no peak: the program is
//! only slow, and only the cumulative columns of a profile say why.

use regex::Regex;

/// Counts the words of `text` that begin with the first word of `query`, or with its capitalised form.
#[inline(never)]
pub fn count_matches(query: &str, text: &str) -> usize {
    let word = query.trim_start_matches("def:").split(' ').next().unwrap_or_default();
    let is_match = |found: &str| found.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    let Ok(words) = Regex::new(r"\b[\p{Alphabetic}_][\w-]*\b") else { return 0 }; // the churn
    words.find_iter(text).filter(|it| is_match(it.as_str())).count()
}
