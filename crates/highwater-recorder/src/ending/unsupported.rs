//! Where processes end in other ways than on Unix, no end is reported.

/// A signal that asks for the end: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndSignal(core::convert::Infallible);

impl EndSignal {
    /// Whether the program has a handler of its own for it.
    pub fn is_handled(self) -> bool {
        match self.0 {}
    }
}

/// Does nothing.
pub fn at_exit(_work: fn()) -> bool {
    false
}

/// False: signals cannot be caught.
pub fn catch_end_signals() -> bool {
    false
}

/// `None`: there are no signals.
pub fn next_signal() -> Option<EndSignal> {
    None
}

/// Does nothing, since there is no signal to call it with.
pub fn end_by(_signal: EndSignal) {}
