//! Why processor time cannot be sampled.

use highwater_cpu::CpuError;
use hyper::StatusCode;

use crate::reply::Refusal;

/// The answer to this error.
pub(super) fn refusal(error: CpuError) -> Refusal {
    match error {
        CpuError::Busy => busy(),
        CpuError::NoMemory => Refusal::failed("the system gives no memory for the samples"),
        _ => Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "processor time is sampled on Linux on x86-64 with glibc 2.35 or later only",
        ),
    }
}

/// Another profiler is sampling.
pub(super) fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "processor time is being sampled already, here or by another profiler in the program; ask again later",
    )
}
