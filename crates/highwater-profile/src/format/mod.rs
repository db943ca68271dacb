//! One module per file format. A format knows the model and nothing else.

pub mod pprof;
