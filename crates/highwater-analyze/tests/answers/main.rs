//! Questions asked of small profiles whose answers are known, through the public interface.

mod advising;
mod build;
mod check;
mod compare;
mod deep;
mod grow;
mod hoisting;
mod leaking;
mod lines;
mod over_time;
mod peek;
mod processes;
mod rank;
mod reusing;
mod together;
mod totals;
mod types;
