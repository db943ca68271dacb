//! The command from outside: what it prints, where, and with which exit code.

mod answers;
mod bad_input;
mod check;
mod columns;
mod compare;
mod convert;
mod difference;
mod findings;
mod init_tests;
mod inputs;
mod list;
mod merge;
mod report;
mod series;
mod support;
mod symbols;
mod terminal;
mod watch;
