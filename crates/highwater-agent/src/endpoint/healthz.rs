//! Whether the agent answers, for probes: nothing is read, counted or waited for.

use crate::reply::Reply;

pub(super) fn answer() -> Reply {
    Reply::text("ok\n")
}
