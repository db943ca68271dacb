//! pprof's `profile.proto`: Highwater's native format.
//!
//! Field numbers and meanings follow the specification in pprof's repository (`proto/profile.proto`,
//! `proto/README.md`). Heap profiles list `alloc_objects`, `alloc_space`, `inuse_objects`, `inuse_space` in
//! this order, further sample types behind them; see docs/FORMATS.md for ours.

mod batch;
mod decode;
mod encode;
mod field;
mod finish;
mod ids;
mod input;
mod late;
mod number;
mod rows;
pub(super) mod wire;

pub(crate) use decode::{decode, decode_gzip, detect};
pub(crate) use encode::encode;
pub use encode::write;
