//! The command from outside: what it prints, where, and with which exit code.

mod answers;
mod bad_input;
mod convert;
mod list;
mod merge;
mod report;
mod support;
mod symbols;
mod terminal;
