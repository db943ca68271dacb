//! What a test itself asks for: how long to wait, what may stay, and its limits.

use std::time::Duration;

use crate::limits::Limits;
use crate::settings::settings;

/// What a test itself asks for, from its attribute.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait, instead of what is set for all tests.
    pub grace: Option<Duration>,
    /// Patterns of names of threads that may stay.
    pub allowed_threads: &'static [&'static str],
    /// Patterns of types of futures whose tasks may stay.
    pub allowed_tasks: &'static [&'static str],
    /// Patterns of functions and files whose blocks may stay.
    pub allowed_blocks: &'static [&'static str],
    /// Patterns of what descriptors may stay that lead there.
    pub allowed_descriptors: &'static [&'static str],
    /// Patterns of commands whose processes may stay.
    pub allowed_children: &'static [&'static str],
    /// Kinds that are judged although not all tests are judged by them.
    pub denied: Denied,
    /// What the test may do with memory.
    pub limits: Limits,
}

/// What a test itself allows to stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed<'a, A> {
    /// Patterns of names.
    pub(crate) threads: &'a [A],
    /// Patterns of types of futures.
    pub(crate) tasks: &'a [A],
    /// Patterns of what descriptors lead to.
    pub(crate) descriptors: &'a [A],
    /// Patterns of commands.
    pub(crate) children: &'a [A],
    /// What the test asks to be judged by.
    pub(crate) denied: Denied,
}

impl<'a, A> Allowed<'a, A> {
    /// For a test that says nothing; `nothing` is an empty list.
    pub(crate) fn of_nothing(nothing: &'a [A]) -> Self {
        let denied = Denied::default();
        Self { threads: nothing, tasks: nothing, descriptors: nothing, children: nothing, denied }
    }
}

/// Which kinds a test is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// Descriptors.
    pub descriptors: bool,
    /// Child processes.
    pub children: bool,
}

impl Denied {
    /// With what is set for all tests.
    pub(crate) fn with_settings(self) -> Self {
        let settings = settings();
        Self {
            descriptors: settings.descriptors.judges(self.descriptors),
            children: settings.children.judges(self.children),
        }
    }
}
