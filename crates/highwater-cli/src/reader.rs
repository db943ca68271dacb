//! Detects that the reader of the output is gone: a closed terminal, or a pipe that nobody reads.
//!
//! The system is asked, because a program that only waits, or whose reads find nothing, would not notice.

#[cfg(unix)]
pub(crate) use unix::Readers;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, IsTerminal};
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    /// The terminals and pipes to check for a closed other end.
    #[derive(Debug)]
    pub(crate) struct Readers(Vec<OwnedFd>);

    impl Readers {
        /// The reader of stdout.
        pub(crate) fn of_output() -> Self {
            Self(io::stdout().as_fd().try_clone_to_owned().into_iter().collect())
        }

        /// The reader of stdout, and the terminal of the keyboard: stdin, or the session's terminal if stdin
        /// is no terminal.
        pub(crate) fn of_screen() -> Self {
            let mut readers = Self::of_output();
            let stdin = io::stdin();
            let keys = if stdin.is_terminal() {
                stdin.as_fd().try_clone_to_owned()
            } else {
                File::open("/dev/tty").map(OwnedFd::from)
            };
            readers.0.extend(keys);
            readers
        }

        /// Whether any of them is gone. A file is never gone.
        pub(crate) fn are_gone(&self) -> bool {
            let mut asked: Vec<PollFd<'_>> =
                self.0.iter().map(|it| PollFd::new(it, PollFlags::empty())).collect();
            let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            // If the system cannot answer, the reader counts as present.
            poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
                && asked.iter().any(|it| it.revents().intersects(gone))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_pipe_without_a_reader_is_gone() {
            let (reader, writer) = io::pipe().unwrap();
            let file = tempfile::tempfile().unwrap();
            let readers = Readers(vec![writer.into(), file.into()]);
            assert!(!readers.are_gone());
            drop(reader);
            assert!(readers.are_gone());
            assert!(!Readers(vec![File::open("/dev/null").unwrap().into()]).are_gone());
        }
    }
}

/// On systems that cannot be asked, only signals end the program.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Readers;

#[cfg(not(unix))]
impl Readers {
    pub(crate) fn of_output() -> Self {
        Self
    }

    pub(crate) fn of_screen() -> Self {
        Self
    }

    pub(crate) fn are_gone(&self) -> bool {
        false
    }
}
