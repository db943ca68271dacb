//! What is known of each page of a heap, in memory that no allocator has a part in.

/// What is known of a page.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub used: u32,
    pub cached: u32,
    pub tables: u32,
    pub skipped: u32,
}

/// What is known of each page of a heap, in a mapping of its own.
pub(super) struct Table {
    pages: *mut Page,
    pub count: usize,
}

impl Table {
    pub fn new(count: usize) -> Option<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory in use.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), count * size_of::<Page>(), access, flags, -1, 0) };
        (start != libc::MAP_FAILED).then_some(Self { pages: start.cast(), count })
    }

    pub fn page(&mut self, index: usize) -> Option<&mut Page> {
        // SAFETY: the mapping has as many pages, zeroed or written since, and `self` alone has it.
        (index < self.count).then(|| unsafe { &mut *self.pages.add(index) })
    }

    pub fn get(&self, index: usize) -> Option<Page> {
        // SAFETY: as for `page`.
        (index < self.count).then(|| unsafe { *self.pages.add(index) })
    }

    /// Adds the bytes from `at` to `end` to a field of their pages. `start` is the address of the first page.
    pub fn add(
        &mut self,
        start: usize,
        page_bytes: usize,
        at: usize,
        end: usize,
        field: fn(&mut Page) -> &mut u32,
    ) {
        let mut place = at;
        while place < end {
            let index = (place - start) / page_bytes;
            let next = (start + (index + 1) * page_bytes).min(end);
            if let Some(page) = self.page(index) {
                let field = field(page);
                *field = field.saturating_add((next - place) as u32);
            }
            place = next;
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing refers to it any more.
        unsafe { libc::munmap(self.pages.cast(), self.count * size_of::<Page>()) };
    }
}
