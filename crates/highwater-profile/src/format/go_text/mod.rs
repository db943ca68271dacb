//! Go's heap profile as text: what `/debug/pprof/heap?debug=1` gives.

#[cfg(feature = "formats")]
mod decode;
mod encode;

#[cfg(feature = "formats")]
pub(super) use decode::decode;
pub use encode::write;
