//! What the process is: its command line.

use crate::reply::Reply;

pub(super) fn command_line() -> Reply {
    let words: Vec<_> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    Reply::text(words.join(&0))
}
