//! The state that all connections share.

use std::sync::Arc;

use crate::access::Access;
use crate::captures::Captures;
use crate::counts::Counts;

/// The shared state.
pub(crate) struct Service {
    pub access: Access,
    /// The prefix of each page's path, without a slash at its end.
    pub prefix: String,
    pub captures: Captures,
    /// The sampler of processor time.
    pub engine: Engine,
    /// Gives free memory back to the system; returns false if it cannot.
    pub purge: fn() -> bool,
    pub counts: Arc<Counts>,
}

/// The sampler of processor time in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The recorder's own stack walk.
    #[default]
    Own,
    /// The crate pprof.
    #[cfg(feature = "pprof-engine")]
    Pprof,
}
