//! Series of snapshots: what a trend and a search for spikes find, in small series and in a simulated process.

mod process;
mod random;
mod rivals;
mod series;
mod simulator;
mod snapshots;
mod spikes;
mod whole_spikes;
