//! Whether the agent answers, for probes: the page reads nothing, counts nothing and waits for nothing.

use crate::reply::Reply;

pub(super) fn answer() -> Reply {
    Reply::text("ok\n")
}
