//! What reading may cost.

use crate::read_error::ReadError;

/// What reading may cost. Input files are not trusted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that a compressed file may unpack to. Default 1 GiB.
    pub max_unpacked_bytes: u64,
    /// Bytes of memory that reading may take, the unpacked data included. Default 8 GiB.
    ///
    /// Readers ask [`Limits::check`] as the profile grows. What a table reserves ahead, and what one row
    /// needs for itself, comes on top: the process may be larger by a few megabytes and by a fraction of the
    /// limit, never by a multiple.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_unpacked_bytes: 1 << 30, max_memory_bytes: 8 << 30 }
    }
}

impl Limits {
    /// Frames that a stack may have. Deeper ones are a fault of the file: no recorder keeps this many.
    pub const MAX_STACK_FRAMES: usize = 1 << 16;

    /// How far a file may be unpacked: both limits hold.
    pub fn unpacked_bytes(&self) -> u64 {
        self.max_unpacked_bytes.min(self.max_memory_bytes)
    }

    /// Says whether reading may go on when `used_bytes` are in use. Unpacked data, `profile` so far
    /// ([`Profile::heap_bytes`](crate::Profile::heap_bytes)) and what the reader keeps beside it count.
    ///
    /// # Errors
    /// [`ReadError::OutOfMemory`] beyond the limit.
    pub fn check(&self, used_bytes: u64) -> Result<(), ReadError> {
        if used_bytes > self.max_memory_bytes {
            return Err(ReadError::OutOfMemory { limit_bytes: self.max_memory_bytes });
        }
        Ok(())
    }
}
