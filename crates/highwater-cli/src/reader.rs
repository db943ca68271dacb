//! Who reads what is written, and whether they are gone: a terminal that was closed, a pipe that nobody reads.
//!
//! The system is asked, because a program that waits, or whose reads find nothing, never learns it from what it does.

#[cfg(unix)]
pub(crate) use unix::Readers;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, IsTerminal};
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    /// The terminals and pipes whose other ends matter.
    #[derive(Debug)]
    pub(crate) struct Readers(Vec<OwnedFd>);

    impl Readers {
        /// Who reads stdout.
        pub(crate) fn of_output() -> Self {
            Self(io::stdout().as_fd().try_clone_to_owned().into_iter().collect())
        }

        /// Who reads stdout, and the terminal that keys come from: stdin, or that of the session where stdin is none.
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

        /// Whether any of them is gone. Files are never gone.
        pub(crate) fn are_gone(&self) -> bool {
            let mut asked: Vec<PollFd<'_>> =
                self.0.iter().map(|it| PollFd::new(it, PollFlags::empty())).collect();
            let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            // What cannot be asked is taken to be there.
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

/// Where the system cannot be asked, signals alone end the program.
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
