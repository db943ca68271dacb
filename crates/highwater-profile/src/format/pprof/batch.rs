//! Rows on their way into their table, which another thread fills when there are many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::location::LocationId;
use crate::sample::{Label, SampleTable};

/// How many batches may wait.
const WAITING: usize = 8;

/// Some rows, one behind the other.
#[derive(Default)]
pub(super) struct Batch {
    stacks: Vec<LocationId>,
    values: Vec<i64>,
    labels: Vec<Label>,
    /// Where each row's frames and labels end.
    ends: Vec<(usize, usize)>,
}

impl Batch {
    /// So much is worth the way to another thread, and small enough to stay in a processor's cache.
    const ROWS: usize = 1024;
    const FRAMES: usize = 1 << 16;

    pub fn push(&mut self, stack: &[LocationId], values: &[i64], labels: &[Label]) {
        self.stacks.extend_from_slice(stack);
        self.values.extend_from_slice(values);
        self.labels.extend_from_slice(labels);
        self.ends.push((self.stacks.len(), self.labels.len()));
    }

    pub fn is_full(&self) -> bool {
        self.ends.len() >= Self::ROWS || self.stacks.len() + self.labels.len() >= Self::FRAMES
    }

    pub fn heap_bytes(&self) -> u64 {
        let vectors = self.stacks.capacity() * size_of::<LocationId>()
            + self.values.capacity() * size_of::<i64>()
            + self.labels.capacity() * size_of::<Label>()
            + self.ends.capacity() * size_of::<(usize, usize)>();
        vectors as u64
    }

    fn add_to(&self, table: &mut SampleTable) {
        let columns = table.columns();
        let (mut stack_start, mut labels_start) = (0, 0);
        for (row, &(stack_end, labels_end)) in self.ends.iter().enumerate() {
            table.push(
                &self.stacks[stack_start..stack_end],
                &self.values[row * columns..(row + 1) * columns],
                &self.labels[labels_start..labels_end],
            );
            (stack_start, labels_start) = (stack_end, labels_end);
        }
    }
}

/// The table that batches go into.
#[derive(Default)]
pub(super) struct Table {
    worker: Option<Worker>,
    /// Without a worker.
    table: Option<SampleTable>,
}

struct Worker {
    batches: SyncSender<Batch>,
    thread: JoinHandle<SampleTable>,
    /// What the table and the batches that wait take, in bytes.
    heap_bytes: Arc<AtomicU64>,
}

impl Table {
    /// Adds rows with `columns` values each.
    pub fn send(&mut self, columns: usize, batch: Batch) {
        if self.worker.is_none() && self.table.is_none() {
            self.worker = Worker::start(columns);
        }
        match &self.worker {
            // It listens until there is nobody left to send.
            Some(worker) => worker.batches.send(batch).unwrap_or(()),
            // The system grants no thread. This one can do it too.
            None => batch.add_to(self.table.get_or_insert_with(|| SampleTable::new(columns))),
        }
    }

    /// The table with everything that was sent, and `last`.
    pub fn finish(&mut self, columns: usize, last: Batch) -> SampleTable {
        let mut table = match self.worker.take() {
            None => self.table.take().unwrap_or_else(|| SampleTable::new(columns)),
            Some(Worker { batches, thread, .. }) => {
                drop(batches);
                thread.join().unwrap_or_else(|fault| std::panic::resume_unwind(fault))
            }
        };
        last.add_to(&mut table);
        table
    }

    /// Memory that is taken, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        let worker = self.worker.as_ref().map_or(0, |worker| worker.heap_bytes.load(Ordering::Relaxed));
        worker + self.table.as_ref().map_or(0, SampleTable::heap_bytes)
    }
}

impl Worker {
    /// `None` when the system grants no thread.
    fn start(columns: usize) -> Option<Self> {
        let (batches, received) = sync_channel::<Batch>(WAITING);
        let heap_bytes = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&heap_bytes);
        let fill = move || {
            let mut table = SampleTable::new(columns);
            for batch in received {
                batch.add_to(&mut table);
                let waiting = batch.heap_bytes() * WAITING as u64;
                told.store(table.heap_bytes() + waiting, Ordering::Relaxed);
            }
            table
        };
        let thread = thread::Builder::new().spawn(fill).ok()?;
        Some(Self { batches, thread, heap_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_arrive_in_order_however_many() {
        for rows in [0, 1, Batch::ROWS, 5 * Batch::ROWS + 7] {
            let (mut table, mut batch) = (Table::default(), Batch::default());
            for row in 0..rows {
                let stack = [LocationId::from_index(row % 9), LocationId::from_index(row)];
                batch.push(&stack[..row % 3], &[row as i64], &[]);
                if batch.is_full() {
                    table.send(1, std::mem::take(&mut batch));
                }
            }
            assert_eq!(table.worker.is_some(), rows >= Batch::ROWS);
            let table = table.finish(1, batch);
            assert_eq!(table.len(), rows);
            for (row, sample) in table.iter().enumerate() {
                let stack: Vec<usize> = sample.stack.iter().map(|it| it.index()).collect();
                assert_eq!(
                    (stack.as_slice(), sample.values),
                    (&[row % 9, row][..row % 3], &[row as i64][..])
                );
            }
        }
    }
}
