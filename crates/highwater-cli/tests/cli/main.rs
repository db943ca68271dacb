//! The command from outside: what it prints, where, and with which exit code.

mod answers;
mod bad_input;
mod convert;
mod merge;
mod series;
mod support;
mod symbols;
mod terminal;
mod watch;
