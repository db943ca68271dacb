//! Measures the time of an operation, in slices of equal work.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::work::Workload;

/// Number of slices in the time budget.
const SLICES: u32 = 8;

/// Maximum growth of the number of operations between two trials: the first trials are cold.
const GROWTH: f64 = 8.0;

/// Runs the workload for about `budget` after a warm-up of about one slice. Returns the nanoseconds per
/// operation of each slice. At least one slice runs, however long it takes.
///
/// # Errors
/// When the workload fails.
pub fn timed(workload: &mut dyn Workload, budget: Duration) -> Result<Vec<f64>, Failure> {
    let slice = budget / SLICES;
    let operations = calibrated(workload, slice)?;
    let begin = Instant::now();
    let mut slices_ns = Vec::with_capacity(SLICES as usize);
    while slices_ns.is_empty() || (slices_ns.len() < SLICES as usize && begin.elapsed() < budget) {
        slices_ns.push(time(workload, operations)?.as_nanos() as f64 / operations as f64);
    }
    Ok(slices_ns)
}

/// The number of operations that take about `slice`, found by running more and more operations.
fn calibrated(workload: &mut dyn Workload, slice: Duration) -> Result<u64, Failure> {
    let mut operations = 1;
    loop {
        let ratio = slice.as_secs_f64() / time(workload, operations)?.as_secs_f64().max(1e-9);
        let next = ((operations as f64 * ratio.min(GROWTH)) as u64).max(1);
        if ratio < 2.0 {
            return Ok(next);
        }
        operations = next;
    }
}

fn time(workload: &mut dyn Workload, operations: u64) -> Result<Duration, Failure> {
    let begin = Instant::now();
    workload.run(operations)?;
    Ok(begin.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Totals;

    struct Sleep(Duration);

    impl Workload for Sleep {
        fn run(&mut self, operations: u64) -> Result<(), Failure> {
            std::thread::sleep(self.0 * u32::try_from(operations).unwrap());
            Ok(())
        }

        fn own(&self) -> Option<Totals> {
            None
        }
    }

    #[test]
    fn an_operation_costs_at_least_what_it_sleeps() {
        let slices = timed(&mut Sleep(Duration::from_millis(1)), Duration::from_millis(40)).unwrap();
        assert!(!slices.is_empty() && slices.iter().all(|&ns| ns >= 1e6), "{slices:?}");
    }

    #[test]
    fn an_operation_longer_than_the_budget_is_measured_once() {
        let slices = timed(&mut Sleep(Duration::from_millis(20)), Duration::from_millis(2)).unwrap();
        assert_eq!(slices.len(), 1);
    }
}
