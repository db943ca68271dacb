//! The structured formats (DHAT, heaptrack, speedscope, callgrind, OpenTelemetry) and their own tools. The
//! tools open Highwater's files with the same totals, and Highwater reads the tools' files with the same
//! totals. Each comparison is shown to fail if one value is changed.

mod callgrind;
mod dhat;
mod firefox;
mod heaptrack;
mod model;
#[cfg(feature = "agent")]
mod otlp;
mod speedscope;
