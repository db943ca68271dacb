//! futures-util: `FuturesUnordered::push`, whose cells are reference-counted blocks. When a future completes,
//! its cell stays until no waker refers to it.

use crate::call::{Call, Version};

pub(crate) const PACKAGE: &str = "futures-util";

pub(crate) fn knows(version: Version) -> bool {
    (version.major, version.minor) == (0, 3)
}

pub(crate) fn is_constructor(call: &Call<'_>) -> bool {
    call.name() == "push"
        && (call.has_type("futures_util::stream::futures_unordered::FuturesUnordered")
            || call.is_in("/src/stream/futures_unordered/mod.rs"))
}
