//! The random mix on two threads that free each other's blocks.

use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use super::mix::Mix;
use crate::failure::Failure;
use crate::totals::Totals;
use crate::work::Workload;

/// Number of blocks that are sent to the other thread together, so that the channel costs little.
const BATCH: usize = 64;

/// Number of batches that a thread starts with.
const BATCHES: usize = 8;

/// Two threads with half of the slots each. Every second block is freed by the thread that did not allocate
/// it.
pub struct SharedMix {
    threads: [Half; 2],
}

struct Half {
    mix: Mix,
    to_other: SyncSender<Vec<Vec<u8>>>,
    from_other: Receiver<Vec<Vec<u8>>>,
    /// Blocks to send to the other thread.
    filling: Vec<Vec<u8>>,
    /// Empty batches. They are sent back and forth, so that only the mix allocates.
    empty: Vec<Vec<Vec<u8>>>,
}

impl SharedMix {
    /// Two threads with `slots` slots in total, empty at first.
    pub fn new(slots: usize) -> Self {
        let (to_second, from_first) = sync_channel(2 * BATCHES);
        let (to_first, from_second) = sync_channel(2 * BATCHES);
        let half = |seed, to_other, from_other| {
            let mut empty = Vec::with_capacity(2 * BATCHES + 2);
            empty.extend((0..BATCHES).map(|_| Vec::with_capacity(BATCH)));
            let filling = Vec::with_capacity(BATCH);
            Half { mix: Mix::new(slots / 2, seed), to_other, from_other, filling, empty }
        };
        Self { threads: [half(1, to_second, from_second), half(2, to_first, from_first)] }
    }
}

impl Workload for SharedMix {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        let [first, second] = &mut self.threads;
        thread::scope(|scope| {
            let threads = [
                scope.spawn(|| first.run(operations - operations / 2)),
                scope.spawn(|| second.run(operations / 2)),
            ];
            // The scope only waits for the closures; thread-owned memory may be freed a little later.
            for thread in threads {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
        });
        for half in &mut self.threads {
            half.receive();
        }
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        let [first, second] = [&self.threads[0], &self.threads[1]].map(|half| half.mix.totals());
        Some(Totals {
            alloc_blocks: first.alloc_blocks + second.alloc_blocks,
            alloc_bytes: first.alloc_bytes + second.alloc_bytes,
            live_blocks: first.live_blocks + second.live_blocks,
            live_bytes: first.live_bytes + second.live_bytes,
        })
    }
}

impl Half {
    fn run(&mut self, operations: u64) {
        for operation in 0..operations {
            let block = self.mix.replace();
            if operation % 2 == 0 {
                continue;
            }
            self.filling.push(block);
            if self.filling.len() == BATCH {
                self.send();
                self.receive();
            }
        }
        self.filling.clear();
    }

    /// Sends the full batch, or frees its blocks here if the other thread is behind.
    fn send(&mut self) {
        if let Some(empty) = self.empty.pop() {
            let full = mem::replace(&mut self.filling, empty);
            if let Err(refused) = self.to_other.try_send(full) {
                let (TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = refused;
                let empty = mem::replace(&mut self.filling, batch);
                self.empty.push(empty);
            }
        }
        self.filling.clear();
    }

    /// Frees the blocks from the other thread.
    fn receive(&mut self) {
        while let Ok(mut batch) = self.from_other.try_recv() {
            batch.clear();
            self.empty.push(batch);
        }
    }
}
