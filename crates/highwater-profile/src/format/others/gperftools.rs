//! gperftools' heap profiles: profiles of its heap profiler (`HEAPPROFILE=…`, every block) and tcmalloc's own
//! samples (`MallocExtension::GetHeapSample`).
//!
//! The heap profiler writes `@ heapprofile`, and live and allocated totals. tcmalloc writes
//! `@ heap_v2/524288`, the number being its sampling interval, knows live blocks only and repeats them as
//! allocated ones; its `@ growth` is what it took from the system (`MallocExtension::GetHeapGrowthStacks`).
//! Each ends with the mapped files. The format is described by its reader, gperftools' `pprof`.

use super::legacy_heap::{self, Dialect, Sampling};
use super::native::{Native, Totals};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// Decodes a heap profile.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    legacy_heap::decode::<Gperftools>(bytes, limits)
}

/// What tcmalloc took from the system, and where it had to: since the start, and whether it still has it or
/// not.
const GROWTH: [&str; 2] = ["growth_objects", "growth_space"];

#[derive(Default)]
struct Gperftools;

impl Dialect for Gperftools {
    const FORMAT: Format = Format::Gperftools;
    const PRODUCER: &'static str = "gperftools";
    const METHODS: &'static str = "`heapprofile`, `growth` and `heap_v2/` with the interval in bytes";

    fn sampling(method: &str, number: Option<i64>, header: &Totals) -> Option<Sampling> {
        let alloc = (header.alloc_blocks, header.alloc_bytes);
        let has_alloc = alloc != (0, 0);
        match method {
            "heapprofile" => Some(Sampling { interval: 1, has_alloc, kinds: None }),
            "growth" | "growthz" => Some(Sampling { interval: 1, has_alloc: false, kinds: Some(GROWTH) }),
            "heap_v2" | "heapz_v2" => {
                let repeated = alloc == (header.live_blocks, header.live_bytes);
                let has_alloc = has_alloc && !repeated;
                Some(Sampling { interval: number.unwrap_or(0), has_alloc, kinds: None })
            }
            _ => None,
        }
    }

    fn begin(&mut self, native: &mut Native) {
        native.drop_c_allocator();
    }
}

/// Whether a file is one of these, by its first line.
pub(super) fn detect(text: &[u8]) -> bool {
    legacy_heap::method(text).is_some_and(|it| !it.starts_with(b"heap/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Missing;

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn exact_and_sampled_profiles_are_read() {
        let exact = read(
            "heap profile:   3: 30 [  5: 50] @ heapprofile\n  3:   30 [  5:   50] @ 0x1001 0x2001\n\n\
             MAPPED_LIBRARIES:\n1000-3000 r-xp 00001000 00:00 1    /bin/demo\n",
        )
        .unwrap();
        assert_eq!((exact.period, exact.default_sample_type), (1, Some(3)));
        assert_eq!(exact.samples.get(0).values, [5, 50, 3, 30]);
        assert_eq!(exact.locations()[0].address, 0x1000);
        assert_eq!(exact.mappings().len(), 1);

        let sampled =
            read("heap profile: 58: 6496 [58: 6496] @ heap_v2/16384\n58: 6496 [58: 6496] @ 0x1\n").unwrap();
        assert_eq!(sampled.period, 16_384);
        assert_eq!(sampled.samples.get(0).values, [8513, 953_523]);
        assert!(sampled.source.missing.contains(&Missing::AllocatedTotals));

        let silent = read("heap profile: 1: 2 [1: 2] @ heap_v2\n1: 2 [1: 2] @ 0x1\n").unwrap();
        assert_eq!(silent.samples.get(0).values, [1, 2]);
        assert!(silent.source.missing.contains(&Missing::SamplingInterval));
    }

    #[test]
    fn what_tcmalloc_took_from_the_system_is_a_kind_of_its_own() {
        for method in ["growth", "growthz"] {
            let profile =
                read(&format!("heap profile: 1: 4096 [1: 4096] @ {method}\n1: 4096 [1: 4096] @ 0x1\n"))
                    .unwrap();
            let kinds: Vec<&str> = profile.sample_types().iter().map(|it| it.kind.as_str()).collect();
            assert_eq!((kinds, profile.samples.total(1)), (GROWTH.to_vec(), 4096));
        }
    }

    #[test]
    fn counts_of_mappings_below_0_are_0() {
        let profile = read(
            "heap profile: 0: 24 [2: 24] @ heapprofile\n -1: 0 [1: 1048576] @ 0x1\n 1: 24 [1: 24] @ 0x2\n",
        )
        .unwrap();
        assert!(!profile.is_difference());
        assert_eq!([2, 3].map(|column| profile.samples.total(column)), [1, 24]);
        assert!(profile.comments[0].starts_with("1 row has a count below 0"), "{:?}", profile.comments);
    }

    #[test]
    fn warnings_are_said() {
        let warning = "%warn\n%warn There is no data in it, because\n%warn it was turned off.\n%warn\n";
        let header = "heap profile: 0: 0 [0: 0] @ heap_v2/0\n";
        let error = read(&format!("{warning}{header}\nMAPPED_LIBRARIES:\n")).unwrap_err().to_string();
        assert_eq!(
            error,
            "this gperftools heap profile holds nothing, and says why: There is no data in it, because it was turned off."
        );
        let profile = read(&format!("{warning}{header}1: 2 [1: 2] @ 0x1\n")).unwrap();
        assert_eq!(profile.comments, ["There is no data in it, because it was turned off."]);
    }

    #[test]
    fn wrong_lines_are_named() {
        let cases = [
            ("heap profile: 1: 2\n", "line 1: `blocks: bytes [blocks: bytes]` was expected"),
            ("heap profile: 1: 2 [1: 2]\n", "line 1: `@` was expected"),
            (
                "\nheap profile: 1: 2 [1: 2] @ threadz\n",
                "line 2: `threadz` is no known way of sampling; those are `heapprofile`, `growth` and `heap_v2/` with \
                 the interval in bytes",
            ),
            (
                "heap profile: 1: 2 [1: 2] @ heap_v2/1k\n",
                "line 1: the sampling interval is `1k`, not a whole number below 2^63",
            ),
            (
                "heap profile: 1: 2 [1: 2] @ heapprofile\n\n1: 2 [1: 2]\n",
                "line 3: `@` and the addresses of a stack were expected",
            ),
            (
                "heap profile: 1: 2 [1: 2] @ heapprofile\n1: -x [1: 2] @ 1\n",
                "line 2: the number of live bytes is `-x`, not a whole number below 2^63",
            ),
            (
                "heap profile: 1: 2 [1: 2] @ heapprofile\n1: 2 [1: 2] @ 1 0xfffffffffffffffff\n",
                "line 2: `0xfffffffffffffffff` is no address",
            ),
            (
                "heap profile: 1: 2 [1: 2] @ heapprofile\nMAPPED_LIBRARIES:\n20-10 r-xp 0 0:0 1 /x\n",
                "line 3: the mapping `20-10` ends before it begins",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, format!("this gperftools heap profile is not valid: {expected}"));
        }
    }
}
