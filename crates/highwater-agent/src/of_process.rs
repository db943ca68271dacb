//! State that belongs to a process and its threads. The child of a fork gets a copy of the value, but not the
//! threads.

/// A value that belongs to the process that made it. The child of a fork neither uses nor drops it: one of
/// the parent's threads may have held a lock in it during the fork, and in the child that lock stays locked
/// for ever.
#[derive(Clone, Debug)]
pub(crate) struct OfProcess<T> {
    process: u32,
    /// `None` only during the drop.
    value: Option<T>,
}

impl<T> OfProcess<T> {
    /// A value that belongs to this process.
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// The value, if it belongs to this process.
    pub(crate) fn here(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_value_of_another_process_is_not_touched() {
        for is_here in [true, false] {
            let (sender, receiver) = channel::<()>();
            let process = std::process::id() + u32::from(!is_here);
            let value = OfProcess { process, value: Some(sender) };
            assert_eq!(value.here().is_some(), is_here);
            drop(value.clone());
            drop(value);
            // A dropped sender would disconnect the channel.
            let ended = receiver.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected);
            assert_eq!(ended, is_here);
        }
    }
}
