//! Questions asked of small profiles whose answers are known, through the public interface.

mod advising;
mod build;
mod close_up;
mod compare;
mod deep;
mod gate;
mod grow;
mod hoisting;
mod leaking;
mod lines;
mod over_time;
mod processes;
mod rank;
mod together;
mod totals;
mod types;
