//! The contestants of the benchmark: allocators and profilers, each with the reference that its times are
//! divided by.

use std::process::{Command, Stdio};

/// A program, with the way to start it.
#[derive(Debug)]
pub struct Contestant {
    /// The name in the tables.
    pub name: &'static str,
    /// The contestant that this one's times are divided by: the no-op wrapper around the same inner
    /// allocator.
    pub reference: &'static str,
    /// The program's name in `tests/bench/Cargo.toml`.
    pub program: &'static str,
    /// The feature that the program needs; empty if none.
    pub feature: &'static str,
    /// The content of its profile.
    pub profile: Profile,
    /// How to start it.
    pub start: Start,
}

/// The content of a contestant's profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// There is no profile, or none to check.
    None,
    /// Samples, with a mean interval of 512 KiB.
    Sampled,
    /// Every block.
    Exact,
}

/// How to start a contestant's program.
#[derive(Debug)]
pub enum Start {
    /// Without additions.
    Plainly,
    /// With environment variables.
    With(&'static [(&'static str, &'static str)]),
    /// With this preloaded library, if the machine has it, and with environment variables.
    Preloaded(&'static str, &'static [(&'static str, &'static str)]),
    /// By another program, if the machine has it; its arguments come before the command line.
    By(&'static str, &'static [&'static str]),
}

use Start::{By, Plainly, Preloaded, With};

/// The counting wrapper: not a contestant, but the truth for the others' totals.
pub const COUNTED: Contestant = plain("counted", "counted", "bench-counted", "");

const JEMALLOC_PROFILER: &[(&str, &str)] =
    &[("_RJEM_MALLOC_CONF", "prof:true,lg_prof_sample:19,prof_accum:true,prof_final:true")];

const TCMALLOC: &str = "libtcmalloc.so.4";

/// All contestants, each group after its reference.
pub const ALL: &[Contestant] = &[
    plain("system", "no-op", "bench-system", ""),
    plain("no-op", "no-op", "bench-noop", ""),
    plain("highwater", "no-op", "bench-highwater", ""),
    started("highwater-off", "no-op", "bench-highwater", "", With(&[("HIGHWATER", "off")]))
        .profile(Profile::None),
    started("highwater-exact", "no-op", "bench-highwater", "", With(&[("HIGHWATER", "exact")]))
        .profile(Profile::Exact),
    plain("dhat", "no-op", "bench-dhat", "dhat").profile(Profile::Exact),
    plain("pprof-alloc", "no-op", "bench-pprof-alloc", "pprof-alloc"),
    started("heaptrack", "no-op", "bench-system", "", By("heaptrack", &["--output", "heaptrack"])),
    started("tcmalloc", "tcmalloc", "bench-system", "", Preloaded(TCMALLOC, &[])),
    started(
        "tcmalloc-sampled",
        "tcmalloc",
        "bench-system",
        "",
        Preloaded(TCMALLOC, &[("TCMALLOC_SAMPLE_PARAMETER", "524288")]),
    ),
    plain("mimalloc", "mimalloc-no-op", "bench-mimalloc", "mimalloc"),
    plain("mimalloc-no-op", "mimalloc-no-op", "bench-mimalloc-noop", "mimalloc"),
    plain("mimalloc-highwater", "mimalloc-no-op", "bench-mimalloc-highwater", "mimalloc"),
    plain("mimalloc-pprof", "mimalloc-no-op", "bench-mimalloc-prof", "mimalloc-prof"),
    plain("jemalloc", "jemalloc-no-op", "bench-jemalloc", "jemalloc"),
    plain("jemalloc-no-op", "jemalloc-no-op", "bench-jemalloc-noop", "jemalloc"),
    plain("jemalloc-highwater", "jemalloc-no-op", "bench-jemalloc-highwater", "jemalloc"),
    started(
        "jemalloc-profiler",
        "jemalloc-no-op",
        "bench-jemalloc-prof",
        "jemalloc-prof",
        With(JEMALLOC_PROFILER),
    ),
];

const fn plain(
    name: &'static str,
    reference: &'static str,
    program: &'static str,
    feature: &'static str,
) -> Contestant {
    started(name, reference, program, feature, Plainly)
}

const fn started(
    name: &'static str,
    reference: &'static str,
    program: &'static str,
    feature: &'static str,
    start: Start,
) -> Contestant {
    Contestant { name, reference, program, feature, profile: Profile::Sampled, start }
}

impl Contestant {
    const fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Whether Highwater is responsible for its totals.
    pub fn is_ours(&self) -> bool {
        self.name.contains("highwater")
    }

    /// Whether only its time is measured: the tool writes its report to files that the benchmark does not
    /// read.
    pub fn only_times(&self) -> bool {
        matches!(self.start, Preloaded(..) | By(..))
    }

    fn is_available(&self) -> bool {
        match self.start {
            Plainly | With(_) => true,
            Preloaded(library, _) => {
                let known = Command::new("ldconfig").arg("-p").stderr(Stdio::null()).output();
                known.is_ok_and(|known| String::from_utf8_lossy(&known.stdout).contains(library))
            }
            By(program, _) => {
                let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
                version.is_ok_and(|version| version.status.success())
            }
        }
    }
}

/// The contestants that this machine can run. The others are named, since a table without them would look
/// complete.
pub fn available() -> Vec<&'static Contestant> {
    let (here, missing): (Vec<&Contestant>, Vec<&Contestant>) = ALL.iter().partition(|it| it.is_available());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|it| it.name).collect();
        println!("Not installed here, and left out: {}.", names.join(", "));
    }
    here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_a_contestant_and_its_own_reference() {
        for each in ALL {
            let reference = ALL.iter().find(|it| it.name == each.reference);
            assert!(reference.is_some_and(|it| it.reference == it.name), "{}", each.name);
        }
    }

    #[test]
    fn missing_programs_are_not_available() {
        let start = By("no-such-program-anywhere", &[]);
        assert!(!started("a", "a", "a", "", start).is_available());
        assert!(!started("a", "a", "a", "", Preloaded("no-such-library.so.0", &[])).is_available());
    }
}
