//! Which pages of the process are resident, from the kernel's list of pages. Asking needs no privilege.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Bits of an entry of the list.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;

/// Entries that are read at a time.
const BATCH: usize = 512;

/// The list of pages of this process.
#[derive(Debug)]
pub(crate) struct Pages {
    list: File,
    pub page_bytes: usize,
}

/// Bytes of a range by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Where {
    pub resident_bytes: u64,
    pub swapped_bytes: u64,
}

impl Pages {
    /// # Errors
    /// When the kernel does not give the list.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { list: File::open("/proc/self/pagemap")?, page_bytes: page_bytes() })
    }

    /// The list's descriptor, for a process that may not use this type.
    pub(crate) fn descriptor(&self) -> i32 {
        self.list.as_raw_fd()
    }

    /// Where the bytes of a range are. A page that is in the range in part counts with that part.
    pub(crate) fn of(&self, range: &Range<usize>) -> io::Result<Where> {
        let mut sum = Where::default();
        let page = self.page_bytes;
        let mut buffer = [0_u8; BATCH * 8];
        let mut at = range.start / page;
        let last = range.end.div_ceil(page);
        while at < last {
            let entries = BATCH.min(last - at);
            let wanted = &mut buffer[..entries * 8];
            self.list.read_exact_at(wanted, at as u64 * 8)?;
            for (index, entry) in wanted.chunks_exact(8).enumerate() {
                let entry = u64::from_ne_bytes(entry.try_into().unwrap_or_default());
                let start = (at + index) * page;
                let part = range.end.min(start + page).saturating_sub(range.start.max(start)) as u64;
                sum.resident_bytes += if entry & PRESENT != 0 { part } else { 0 };
                sum.swapped_bytes += if entry & SWAPPED != 0 { part } else { 0 };
            }
            at += entries;
        }
        Ok(sum)
    }
}

/// Bytes of a page.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: `sysconf` has no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096).max(1)
}

/// Whether an entry of the list says that its page is resident.
pub(crate) const fn is_present(entry: u64) -> bool {
    entry & PRESENT != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_pages_are_resident() {
        let pages = Pages::open().unwrap();
        let page = pages.page_bytes;
        // Larger than any block that an allocator keeps for later: its pages are fresh.
        let mut block: Vec<u8> = Vec::with_capacity(64 << 20);
        let start = block.as_ptr().addr().next_multiple_of(page);
        let offset = start - block.as_ptr().addr();
        block.spare_capacity_mut()[offset..offset + 100 * page].iter_mut().for_each(|it| _ = it.write(1));
        let of = |range| pages.of(&range).unwrap().resident_bytes;
        assert_eq!(of(start..start + 100 * page), 100 * page as u64);
        assert_eq!(of(start + 100..start + page + 300), page as u64 + 200);
        assert_eq!(of(start + 200 * page..start + 900 * page), 0);
    }
}
