//! The pages of the agent: one file for each.

pub(crate) mod asked;
mod control;
mod cpu;
mod healthz;
mod heap;
mod index;
mod metrics;
mod process;
mod symbol;
pub(crate) mod table;
mod tasks;
mod threads;

pub(crate) use threads::prepare;

use asked::Asked;
use table::Endpoint;

use crate::query::Query;
use crate::reply::{Answer, Reply};
use crate::service::Service;

/// The answer. If only its head is requested, nothing slow is done: no snapshot, no sampling, no names.
///
/// # Errors
/// When there is no answer: the reason.
pub(crate) async fn answer(service: &Service, asked: Asked) -> Answer {
    let query = Query(&asked.query);
    let only_head = asked.is_head;
    match asked.endpoint {
        Endpoint::Index => Ok(index::page()),
        Endpoint::NearlyIndex => Ok(Reply::moved("pprof/")),
        Endpoint::Health => Ok(healthz::answer()),
        Endpoint::Heap if only_head => heap::head(query, heap::Shown::Live),
        Endpoint::Heap => heap::answer(service, query, heap::Shown::Live).await,
        Endpoint::Allocs if only_head => heap::head(query, heap::Shown::Allocated),
        Endpoint::Allocs => heap::answer(service, query, heap::Shown::Allocated).await,
        Endpoint::Rss if only_head => heap::head_of_resident(),
        Endpoint::Rss => heap::resident(service).await,
        Endpoint::Profile if only_head => cpu::head(query),
        Endpoint::Profile => cpu::answer(service, query).await,
        Endpoint::Threads if only_head => threads::head(query),
        Endpoint::Threads => threads::answer(service, query).await,
        Endpoint::Tasks if only_head => tasks::head(query),
        Endpoint::Tasks => tasks::answer(service, query).await,
        Endpoint::Cmdline => Ok(process::command_line()),
        Endpoint::Symbol if only_head => Ok(symbol::head()),
        Endpoint::Symbol => {
            let asked = if asked.is_post { asked.body } else { asked.query.into_bytes() };
            symbol::answer(service, asked).await
        }
        Endpoint::Metrics => Ok(metrics::answer(service, asked.accepts_open_metrics)),
        Endpoint::Interval if asked.is_post => control::set_interval(&asked.body),
        Endpoint::Interval => Ok(Reply::text(control::interval() + "\n")),
        Endpoint::Purge => control::purge(service).await,
    }
}
