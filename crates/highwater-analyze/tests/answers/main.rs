//! Questions asked of small profiles whose answers are known, through the public interface.

mod build;
mod close_up;
mod compare;
mod deep;
mod grow;
mod lines;
mod over_time;
mod rank;
mod totals;
