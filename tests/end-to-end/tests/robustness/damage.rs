//! Damage to files.

/// One way to damage a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Only this many bytes are left.
    Cut(usize),
    /// One to four bits are flipped; the number selects them.
    Flip(usize),
}

impl Damage {
    /// The damaged content.
    pub fn apply(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Cut(length) => content[..length].to_vec(),
            Self::Flip(seed) => {
                let mut content = content.to_vec();
                let bits = content.len() as u64 * 8;
                // SplitMix64: the same bits in every run.
                let mut state = seed as u64;
                for _ in 0..1 + seed % 4 {
                    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut mixed = state;
                    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    let bit = (mixed ^ (mixed >> 31)) % bits;
                    content[(bit / 8) as usize] ^= 1 << (bit % 8);
                }
                content
            }
        }
    }
}
