//! The functions of the hooks that stand in front of the C library's, for stacks whose functions have no
//! files.

/// The files of the hooks whose functions stand in front of the C library's.
pub(crate) const CREATE: &str = "create";
pub(crate) const OPENING: &str = "opening";
pub(crate) const STARTING: &str = "starting";

/// The functions in such a file, by the names that they have in front of the C library's.
pub(crate) fn functions_in_front(module: &str) -> &'static [&'static str] {
    match module {
        CREATE => &["pthread_create", "thrd_create"],
        OPENING => &[
            "creat",
            "creat64",
            "dup",
            "dup2",
            "dup3",
            "socket",
            "socketpair",
            "accept",
            "accept4",
            "epoll_create",
            "epoll_create1",
            "eventfd",
            "timerfd_create",
            "inotify_init",
            "inotify_init1",
            "memfd_create",
            "shm_open",
            "posix_openpt",
            "pidfd_open",
            "mkstemp",
            "mkstemp64",
            "mkostemp",
            "mkostemp64",
            "open",
            "open64",
            "openat",
            "openat64",
            "signalfd",
            "pipe",
            "pipe2",
            "opendir",
            "fopen",
            "fopen64",
            "fcntl",
            "fcntl64",
        ],
        STARTING => &["fork", "posix_spawn", "posix_spawnp"],
        _ => &[],
    }
}
