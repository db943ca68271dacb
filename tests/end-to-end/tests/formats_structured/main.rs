//! The structured formats (DHAT, heaptrack, speedscope, callgrind, OpenTelemetry) and the tools that own them: what we write they open
//! with our totals, and what they write we read with theirs. Each comparison is shown to fail for a file in which one
//! value was changed.

mod callgrind;
mod dhat;
mod firefox;
mod heaptrack;
mod model;
#[cfg(feature = "agent")]
mod otlp;
mod speedscope;
