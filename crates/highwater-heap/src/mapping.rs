//! The kernel's list of the process's mappings, with how much of each is resident.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;

/// A mapping of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub range: Range<usize>,
    pub is_readable: bool,
    pub is_writable: bool,
    pub is_executable: bool,
    pub is_shared: bool,
    /// The file's path, the kernel's name in brackets, or empty.
    pub name: String,
    pub resident_bytes: u64,
    pub swapped_bytes: u64,
    /// Resident bytes in huge pages.
    pub huge_bytes: u64,
}

impl Mapping {
    pub(crate) fn bytes(&self) -> usize {
        self.range.end.saturating_sub(self.range.start)
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        !self.is_shared && (self.name.is_empty() || self.name.starts_with("[anon"))
    }

    pub(crate) fn is_file(&self) -> bool {
        self.name.starts_with('/')
    }
}

/// All mappings of this process, by rising addresses.
///
/// # Errors
/// When the kernel does not give the list.
pub(crate) fn all() -> io::Result<Vec<Mapping>> {
    parse(BufReader::new(File::open("/proc/self/smaps")?))
}

fn parse(mut list: impl BufRead) -> io::Result<Vec<Mapping>> {
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if list.read_until(b'\n', &mut line)? == 0 {
            return Ok(mappings);
        }
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        if let Some(mapping) = head(&text) {
            mappings.push(mapping);
        } else if let (Some(mapping), Some((key, value))) = (mappings.last_mut(), field(&text)) {
            match key {
                "Rss" => mapping.resident_bytes = value,
                "Swap" => mapping.swapped_bytes = value,
                "AnonHugePages" => mapping.huge_bytes = value,
                _ => {}
            }
        }
    }
}

/// The line that begins a mapping: range, rights, offset, device, inode and name.
fn head(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |digits| usize::from_str_radix(digits, 16).ok();
    let range = address(start)?..address(end)?;
    let rights = rest.as_bytes().get(..4)?;
    // The name may contain spaces.
    let mut name = rest;
    for _ in 0..4 {
        name = name.trim_start().split_once(' ').map_or("", |it| it.1);
    }
    Some(Mapping {
        range,
        is_readable: rights[0] == b'r',
        is_writable: rights[1] == b'w',
        is_executable: rights[2] == b'x',
        is_shared: rights[3] == b's',
        name: name.trim_start().to_owned(),
        ..Mapping::default()
    })
}

/// A number of kilobytes: `Rss:    4 kB`.
fn field(line: &str) -> Option<(&str, u64)> {
    let (key, value) = line.split_once(':')?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((key, kilobytes * 1024))
}

/// A field of `/proc/self/status` in bytes, such as `VmRSS`.
pub(crate) fn status(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().filter_map(field).find(|it| it.0 == key).map(|it| it.1)
}

/// Bytes that the system can give to programs without swapping.
pub(crate) fn available_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    text.lines().filter_map(field).find(|it| it.0 == "MemAvailable").map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_has_its_name_and_its_numbers() {
        let list = "55e0-55f0 r-xp 00001000 08:01 17                         /opt/a b/demo (deleted)\n\
                    Size:                 64 kB\nRss:                  12 kB\nSwap:                  4 kB\n\
                    VmFlags: rd ex\n\
                    7f00-7f10 rw-p 00000000 00:00 0 \nRss:                   8 kB\nAnonHugePages:         2 kB\n\
                    7f20-7f30 rw-s 00000000 00:01 9          /memfd:jit (deleted)\nRss:  0 kB\n";
        let all = parse(list.as_bytes()).unwrap();
        let shown: Vec<_> =
            all.iter().map(|it| (it.name.as_str(), it.resident_bytes, it.swapped_bytes)).collect();
        assert_eq!(
            shown,
            [("/opt/a b/demo (deleted)", 12288, 4096), ("", 8192, 0), ("/memfd:jit (deleted)", 0, 0)]
        );
        assert!(all[0].is_executable && !all[0].is_writable && all[1].is_anonymous() && all[2].is_shared);
        assert_eq!((all[1].range.clone(), all[1].huge_bytes), (0x7f00..0x7f10, 2048));
    }

    #[test]
    fn this_process_has_mappings_whose_sum_is_its_resident_set() {
        let counted = || status("VmRSS").unwrap();
        // Other tests allocate meanwhile, so the numbers are compared when the process stood still.
        let read = || {
            let before = counted();
            let sum: u64 = all().unwrap().iter().map(|it| it.resident_bytes).sum();
            (before.abs_diff(counted()) < 1 << 20).then_some((sum, before))
        };
        let (sum, counted) = (0..1_000).find_map(|_| read()).expect("a moment without other tests");
        assert!(sum.abs_diff(counted) < 4 << 20, "{sum} and {counted}");
        assert!(available_bytes().unwrap() > 1 << 20);
    }
}
