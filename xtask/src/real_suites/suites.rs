//! The published crates whose tests are run, each in one version.

/// A published crate, and how to build its tests.
pub struct Suite {
    /// The crate.
    pub name: &'static str,
    /// Its exact version: the one whose findings were examined.
    pub version: &'static str,
    /// Features that its tests need, in addition to the default ones.
    pub features: &'static [&'static str],
    /// Whether to leave out its default features.
    pub bare: bool,
    /// Whether some of its tests have their own global allocator, so that the harness must not define one.
    pub has_allocator: bool,
}

const fn suite(name: &'static str, version: &'static str) -> Suite {
    Suite { name, version, features: &[], bare: false, has_allocator: false }
}

/// All suites, those that build fastest first.
pub const SUITES: &[Suite] = &[
    suite("threadpool", "1.8.1"),
    Suite { has_allocator: true, ..suite("crossbeam-channel", "0.5.17") },
    suite("flume", "0.12.0"),
    suite("async-channel", "2.5.0"),
    suite("parking_lot", "0.13.0"),
    suite("rayon-core", "1.13.0"),
    suite("blocking", "1.7.0"),
    suite("scheduled-thread-pool", "0.2.8"),
    suite("notify", "8.2.1"),
    Suite { features: &["full"], ..suite("tokio-util", "0.7.20") },
    Suite { features: &["full"], ..suite("hyper", "1.12.0") },
    Suite { features: &["full"], ..suite("hyper-util", "0.1.21") },
    // Without TLS: its library is written in C and takes minutes to build.
    Suite { features: &["blocking", "json", "form", "query"], bare: true, ..suite("reqwest", "0.13.5") },
];
