//! What the dumps of sampling C and Go allocators have in common: totals of a site in one line, stacks of
//! return addresses, a sampling interval that values have to be scaled up by, and a copy of
//! `/proc/self/maps`.

use std::collections::HashMap;

use super::text::{TextLine, quoted};
use crate::format::list::Format;
use crate::location::{Location, LocationId, Mapping, MappingId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue};
use crate::source::{Missing, Source};
use crate::string_table::StringId;

/// Functions through which a program in C or C++ allocates: how it came to call them is of interest, what
/// they do inside is not.
const C_ALLOCATOR: &str = "(je_|tc_|__libc_)?(malloc|calloc|realloc|reallocarray|memalign|posix_memalign|aligned_alloc|valloc|pvalloc|mallocx|rallocx|xallocx)(_default)?|(tc_)?new(array)?(_nothrow|_aligned)*|operator new.*|_Zn[aw].*";

/// What a line says of a site: blocks and bytes, live and allocated since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub live_blocks: i64,
    pub live_bytes: i64,
    pub alloc_blocks: i64,
    pub alloc_bytes: i64,
}

impl Totals {
    /// Reads `1: 2 [3: 4]`, and returns what follows on the line. Numbers may be below 0: gperftools counts
    /// the parts of a mapping that are unmapped as one block each.
    ///
    /// # Errors
    /// When that is not there.
    pub fn parse<'a>(line: &TextLine<'_>, text: &'a str) -> Result<(Self, &'a str), ReadError> {
        let error = || line.wrong("`blocks: bytes [blocks: bytes]` was expected");
        let (live, rest) = text.split_once('[').ok_or_else(error)?;
        let (alloc, rest) = rest.split_once(']').ok_or_else(error)?;
        let count = |what: &str, text: &str| {
            let magnitude =
                text.strip_prefix('-').filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
            match magnitude {
                Some(magnitude) => line.count(what, magnitude).map(i64::wrapping_neg),
                None => line.count(what, text),
            }
        };
        let pair = |text: &str, what: [&str; 2]| {
            let (blocks, bytes) = text.split_once(':').ok_or_else(error)?;
            Ok::<_, ReadError>((count(what[0], blocks.trim())?, count(what[1], bytes.trim())?))
        };
        let (live_blocks, live_bytes) =
            pair(live, ["the number of live blocks", "the number of live bytes"])?;
        let (alloc_blocks, alloc_bytes) =
            pair(alloc, ["the number of allocated blocks", "the number of allocated bytes"])?;
        Ok((Self { live_blocks, live_bytes, alloc_blocks, alloc_bytes }, rest))
    }

    /// Size of the site's blocks, on average.
    fn block_bytes(&self) -> Option<i64> {
        let mean = |blocks: i64, bytes: i64| bytes.checked_div(blocks);
        mean(self.live_blocks, self.live_bytes).or_else(|| mean(self.alloc_blocks, self.alloc_bytes))
    }
}

/// What the sampled `blocks` and `bytes` stand for. A block of size `s` is sampled with probability
/// `1 - e^(-s/R)`, and the mean size stands in for the size of each. Fractions are cut off, as pprof does:
/// totals are to be equal.
fn scaled(blocks: i64, bytes: i64, interval: i64) -> (i64, i64) {
    if interval <= 1 || blocks == 0 || bytes == 0 {
        return (blocks, bytes);
    }
    let mean = bytes as f64 / blocks as f64;
    let scale = 1.0 / (1.0 - (-mean / interval as f64).exp());
    ((blocks as f64 * scale) as i64, (bytes as f64 * scale) as i64)
}

/// A profile in the making.
pub(super) struct Native {
    pub profile: Profile,
    has_alloc: bool,
    /// Locations by the address in the file, which is the one behind the call.
    locations: HashMap<u64, LocationId>,
    mappings: Vec<(u64, u64, MappingId)>,
    size_label: StringId,
    /// Number of rows with a count below 0.
    below_zero: usize,
}

impl Native {
    /// A profile without rows. An `interval` of 0 is unknown; values are scaled by any above 1.
    pub fn new(format: Format, producer: &str, interval: i64, has_alloc: bool) -> Self {
        let alloc = [("alloc_objects", "count"), ("alloc_space", "bytes")];
        let live = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let kinds = alloc.into_iter().filter(|_| has_alloc).chain(live);
        let types: Vec<_> = kinds.map(|(kind, unit)| ValueType::new(kind, unit)).collect();
        let last = types.len() - 1;
        let mut profile = Profile::new(types);
        profile.default_sample_type = Some(last);
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = interval;
        profile.source = Source { producer: Some(producer.to_owned()), ..Source::of(format) };
        profile.source.lacks(Missing::PeakTotals);
        if !has_alloc {
            profile.source.lacks(Missing::AllocatedTotals);
        }
        if interval == 0 {
            profile.source.lacks(Missing::SamplingInterval);
        }
        let size_label = profile.strings.intern("bytes");
        Self {
            profile,
            has_alloc,
            locations: HashMap::new(),
            mappings: Vec::new(),
            size_label,
            below_zero: 0,
        }
    }

    /// States which functions are the allocator's own, for a program in C or C++.
    pub fn drop_c_allocator(&mut self) {
        C_ALLOCATOR.clone_into(&mut self.profile.drop_frames);
    }

    /// Reads the return addresses of a stack, separated by blanks, leaf first.
    ///
    /// # Errors
    /// When one is no address, or there are too many.
    pub fn stack(
        &mut self,
        line: &TextLine<'_>,
        addresses: &str,
        stack: &mut Vec<LocationId>,
    ) -> Result<(), ReadError> {
        stack.clear();
        for address in addresses.split_ascii_whitespace() {
            let behind_call = line.address(address)?;
            stack.push(*self.locations.entry(behind_call).or_insert_with(|| {
                self.profile.add_location(Location::at(None, behind_call.saturating_sub(1)))
            }));
            line.check_depth(stack.len())?;
        }
        Ok(())
    }

    /// Adds a row, scaled up. Nothing is held less than 0 times.
    pub fn push(&mut self, stack: &[LocationId], totals: &Totals) {
        let found = [totals.live_blocks, totals.live_bytes, totals.alloc_blocks, totals.alloc_bytes];
        let [live_blocks, live_bytes, alloc_blocks, alloc_bytes] = found.map(|it| it.max(0));
        self.below_zero += usize::from(found.iter().any(|it| *it < 0));
        let totals = &Totals { live_blocks, live_bytes, alloc_blocks, alloc_bytes };
        let interval = self.profile.period;
        let live = scaled(totals.live_blocks, totals.live_bytes, interval);
        let alloc = scaled(totals.alloc_blocks, totals.alloc_bytes, interval);
        let values = [alloc.0, alloc.1, live.0, live.1];
        let size = totals
            .block_bytes()
            .map(|size| Label { key: self.size_label, value: LabelValue::Number(size, self.size_label) });
        let values = if self.has_alloc { &values[..] } else { &values[2..] };
        self.profile.samples.push(stack, values, size.as_slice());
    }

    /// Reads a line of `/proc/self/maps`, or of what other systems have for it. Lines of another kind are
    /// passed over, and so is what is not executable or no file.
    ///
    /// # Errors
    /// When the range ends before it begins.
    pub fn map(&mut self, line: &TextLine<'_>) -> Result<(), ReadError> {
        let text = String::from_utf8_lossy(line.bytes);
        let mut words = Words(text.trim_ascii());
        let range = words.next();
        let Some((start, limit)) = range.strip_suffix(':').unwrap_or(range).split_once('-') else {
            return Ok(());
        };
        let (Ok(start), Ok(limit)) = (line.address(start), line.address(limit)) else { return Ok(()) };
        if limit < start {
            return Err(line.wrong(format!("the mapping {} ends before it begins", quoted(range))));
        }
        let mut file_offset = 0;
        // Some programs write only the range and the file, which may be a name without a directory.
        let permissions = words.0.split(' ').next().unwrap_or_default();
        if is_permissions(permissions) {
            let (_permissions, offset) = (words.next(), words.next());
            let (_device, _inode) = (words.next(), words.next());
            if !permissions.contains('x') {
                return Ok(());
            }
            file_offset = line.address(offset)?;
        }
        let file = words.0.strip_suffix(" (deleted)").unwrap_or(words.0);
        if !file.is_empty() {
            let file = self.profile.strings.intern(file);
            let mapping = Mapping { start, limit, file_offset, file, ..Mapping::default() };
            self.mappings.push((start, limit, self.profile.add_mapping(mapping)));
        }
        Ok(())
    }

    /// The profile, in which each location knows its mapping.
    pub fn finish(mut self) -> Profile {
        if self.below_zero > 0 {
            let rows =
                if self.below_zero == 1 { "1 row has" } else { &format!("{} rows have", self.below_zero) };
            self.profile.comments.push(format!(
                "{rows} a count below 0, as of mappings that were unmapped in parts, and shown as 0"
            ));
        }
        self.mappings.sort_unstable_by_key(|it| it.0);
        for id in self.profile.location_ids() {
            let address = self.profile.location(id).address;
            let behind = self.mappings.partition_point(|it| it.0 <= address);
            let mapping = behind.checked_sub(1).map(|at| self.mappings[at]);
            self.profile.location_mut(id).mapping = mapping.filter(|it| address < it.1).map(|it| it.2);
        }
        if self.mappings.is_empty() {
            self.profile.source.lacks(Missing::Mappings);
        } else {
            self.profile.source.lacks(Missing::BuildIds);
        }
        self.profile
    }
}

/// Whether this is what may be done with a mapping: `r-xp`.
fn is_permissions(word: &str) -> bool {
    word.len() >= 3
        && word.bytes().all(|it| b"rwxsp-".contains(&it))
        && word.bytes().any(|it| it == b'-' || it == b'p')
}

/// Words of a line, one at a time; the rest of it stays at hand, since a path may hold blanks.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a str {
        let (word, rest) = self.0.split_once(|it: char| it.is_ascii_whitespace()).unwrap_or((self.0, ""));
        self.0 = rest.trim_ascii_start();
        word
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;

    fn line(text: &str) -> TextLine<'_> {
        lines(Format::Jemalloc, text.as_bytes()).next().unwrap()
    }

    #[test]
    fn samples_stand_for_more_than_themselves() {
        // 58 of 10,000 blocks of 112 bytes, one sample in 16 KiB.
        assert_eq!(scaled(58, 6496, 16_384), (8513, 953_523));
        assert_eq!(scaled(1, 1 << 30, 16_384), (1, 1 << 30));
        for interval in [-1, 0, 1] {
            assert_eq!(scaled(58, 6496, interval), (58, 6496));
        }
        assert_eq!(scaled(0, 7, 9), (0, 7));
        assert_eq!(scaled(7, 0, 9), (7, 0));
        assert_eq!(scaled(i64::MAX, 1, i64::MAX), (i64::MAX, i64::MAX));
    }

    #[test]
    fn mapped_files_are_read_from_what_systems_write() {
        let mut native = Native::new(Format::Jemalloc, "jemalloc", 1, false);
        for text in [
            "55f6b246b000-55f6b246c000 r--p 00000000 fe:00 11167201                   /tmp/demo",
            "55f6b246c000-55f6b246d000 r-xp 00001000 fe:00 11167201                   /tmp/a demo (deleted)",
            "7f0000000000-7f0000001000 r-xp 00000000 00:00 0",
            "40000000-40015000: /lib/ld-2.3.2.so",
            "50000000-50015000: libfoo.so.1",
            "60000000-60001000 r-xp 00000000 00:00 7 relative/app",
            "70000000-70001000 r--p 00000000 00:00 7 relative/app",
            "7f2e1872d000-7f2e1872f000 r-xp 00000000 00:00 0                          [vdso]",
            "",
            "VmFlags: rd ex mr mw me",
            "0x200000 0x203000 3 0 r-- /usr/bin/demo",
        ] {
            native.map(&line(text)).unwrap();
        }
        let mut stack = Vec::new();
        native.stack(&line("x"), "0x55f6b246c001 55f6b246d000 0x55f6b246d002 0", &mut stack).unwrap();
        let profile = native.finish();
        let found: Vec<_> = profile.mappings().iter().map(|it| profile.string(it.file)).collect();
        assert_eq!(found, ["/tmp/a demo", "/lib/ld-2.3.2.so", "libfoo.so.1", "relative/app", "[vdso]"]);
        assert_eq!(profile.mappings()[0].file_offset, 0x1000);
        let of: Vec<_> = profile.locations().iter().map(|it| (it.address, it.mapping.is_some())).collect();
        assert_eq!(
            of,
            [(0x55f6_b246_c000, true), (0x55f6_b246_cfff, true), (0x55f6_b246_d001, false), (0, false)]
        );
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let mut native = Native::new(Format::Jemalloc, "jemalloc", 1, false);
        let error = native.map(&line("2000-1000 r-xp 0 0:0 1 /x")).unwrap_err().to_string();
        assert_eq!(
            error,
            "this jemalloc heap dump is not valid: line 1: the mapping `2000-1000` ends before it begins"
        );
    }
}
