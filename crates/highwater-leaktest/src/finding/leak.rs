//! A thread, a task, a descriptor or a child process that a test left.

use miniserde::{Deserialize, Serialize};

use super::frame::{Frame, innermost_own};

/// A thread, a task, a descriptor or a child process that a test left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leak {
    /// Full name of the test, as libtest has it.
    pub(crate) test: String,
    /// What was left.
    pub(crate) kind: Kind,
    /// A thread's name, cut to 15 bytes by the kernel; the type of a task's future, or nothing where that is
    /// not known; what a descriptor leads to; a child's command.
    pub(crate) name: String,
    /// What it was doing while it was waited for.
    pub(crate) activity: Activity,
    /// How long it was waited for.
    pub(crate) waited_ms: u64,
    /// The name of the thread that started it, where that is not the test's own.
    pub(crate) parent: Option<String>,
    /// The number of a descriptor, or of a child's process.
    pub(crate) id: Option<u32>,
    /// Where it was started, innermost call first: from the first that is not of the standard library.
    pub(crate) spawned: Vec<Frame>,
    /// Where it is now, innermost call first. Empty where it could not be asked.
    pub(crate) now: Vec<Frame>,
}

/// What was left alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A thread.
    #[serde(rename = "thread")]
    Thread,
    /// A task of an asynchronous runtime.
    #[serde(rename = "task")]
    Task,
    /// A descriptor that is open: of a file, a socket, a pipe or anything else.
    #[serde(rename = "descriptor")]
    Descriptor,
    /// A child process, running or not waited for.
    #[serde(rename = "child")]
    Child,
}

/// What a thread or a task did during the grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Activity {
    /// It did not run at all.
    #[serde(rename = "asleep")]
    Asleep,
    /// It ran now and then.
    #[serde(rename = "waking")]
    Waking,
    /// It ran, or was ready to, most of the time.
    #[serde(rename = "busy")]
    Busy,
    /// The kernel does not say.
    #[serde(rename = "unknown")]
    Unknown,
    /// A task that waits to be woken.
    #[serde(rename = "pending")]
    Pending,
    /// A task that was woken and is to run, or runs.
    #[serde(rename = "ready")]
    Ready,
    /// A task that waited until its runtime was shut down.
    #[serde(rename = "shut_down")]
    ShutDown,
    /// A descriptor that is open.
    #[serde(rename = "open")]
    Open,
    /// A child process that runs, or waits.
    #[serde(rename = "running")]
    Running,
    /// A child process that has ended, and that nobody has waited for.
    #[serde(rename = "zombie")]
    Zombie,
}

impl Leak {
    /// The line to act on: the innermost call of the project's own code, or of a dependency's without one.
    pub(crate) fn site(&self) -> Option<&Frame> {
        innermost_own(&self.spawned)
    }

    /// Whether its name is its own. A thread that is given none has the name of the test's thread, as much of
    /// it as the kernel keeps.
    pub(crate) fn has_own_name(&self) -> bool {
        /// Bytes of a name that the kernel keeps.
        const KEPT: usize = 15;
        // The cut may be inside of a letter.
        let name = self.name.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let is_cut = self.test.starts_with(name) && self.name.len() >= KEPT;
        let is_of_test = self.kind == Kind::Thread && (self.test == name || is_cut);
        !self.name.is_empty() && !is_of_test
    }

    /// Its name as a pattern: numbers in a thread's name are what tells it from its like.
    pub(crate) fn name_without_numbers(&self) -> String {
        match self.kind {
            Kind::Thread => {}
            Kind::Task => return self.name.clone(),
            Kind::Descriptor | Kind::Child => return self.name_without_rest(),
        }
        let mut pattern = String::new();
        for letter in self.name.chars() {
            match letter.is_ascii_digit() {
                true if pattern.ends_with('*') => {}
                true => pattern.push('*'),
                false => pattern.push(letter),
            }
        }
        pattern
    }
}

impl Leak {
    /// Its kind of file, or its program, as a pattern: paths, ports and arguments may be others in the next
    /// run.
    fn name_without_rest(&self) -> String {
        let first = self.name.split([' ', ',']).next().unwrap_or_default();
        if first == self.name { first.to_owned() } else { format!("{first}*") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(test: &str, kind: Kind, name: &str) -> Leak {
        let (test, name) = (test.to_owned(), name.to_owned());
        let (spawned, now) = (vec![], vec![]);
        Leak {
            test,
            kind,
            name,
            activity: Activity::Unknown,
            waited_ms: 0,
            parent: None,
            id: None,
            spawned,
            now,
        }
    }

    #[test]
    fn a_thread_without_a_name_has_that_of_its_test() {
        let has_own = |test, name| leak(test, Kind::Thread, name).has_own_name();
        assert!(!has_own("tests::reconnects", "tests::reconnec") && !has_own("a", "a"));
        assert!(!has_own("tests::müüüüe", "tests::müüü\u{fffd}") && !has_own("a", ""));
        assert!(has_own("tests::reconnects", "tests") && has_own("pool", "pool-1"));
        assert!(leak("a", Kind::Task, "a").has_own_name());
    }

    #[test]
    fn numbers_are_left_out_of_names_of_threads() {
        let pattern = |kind, name| leak("t", kind, name).name_without_numbers();
        assert_eq!(pattern(Kind::Thread, "pool-12-worker-3"), "pool-*-worker-*");
        assert_eq!(pattern(Kind::Thread, "42*"), "**");
        assert_eq!(pattern(Kind::Task, "f<[u8; 4]>"), "f<[u8; 4]>");
        assert_eq!(pattern(Kind::Descriptor, "socket tcp 127.0.0.1:4711, listening"), "socket*");
        assert_eq!(pattern(Kind::Descriptor, "pipe, the end to read from"), "pipe*");
        assert_eq!(pattern(Kind::Descriptor, "epoll"), "epoll");
        assert_eq!(pattern(Kind::Child, "sleep 3"), "sleep*");
    }
}
