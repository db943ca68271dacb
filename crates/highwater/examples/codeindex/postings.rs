//! A list of ascending line numbers in about one byte each.

/// The line numbers at which a word occurs in the corpus. Each is stored as the difference from the previous
/// one, seven bits a byte, low bits first; the top bit says that another byte follows.
#[derive(Default)]
pub struct Postings {
    bytes: Vec<u8>,
    last: u32,
    len: u32,
}

impl Postings {
    /// Adds a line. A line that is not after the last one is there already.
    pub fn push(&mut self, line: u32) {
        if self.len > 0 && line <= self.last {
            return;
        }
        let mut distance = line - self.last;
        while distance >= 0x80 {
            self.bytes.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        self.bytes.push(distance as u8);
        self.last = line;
        self.len += 1;
    }

    /// Adds lines that are all after the present ones.
    pub fn append(&mut self, other: &Self) {
        let mut rest = other.iter();
        if let Some(first) = rest.next() {
            self.push(first);
            self.bytes.extend_from_slice(rest.bytes);
            self.last = other.last;
            self.len += other.len - 1;
        }
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The lines, ascending.
    pub fn iter(&self) -> Lines<'_> {
        Lines { bytes: &self.bytes, last: 0 }
    }

    /// Frees the memory reserved for further lines.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// Decoder of [`Postings`].
pub struct Lines<'a> {
    bytes: &'a [u8],
    last: u32,
}

impl Iterator for Lines<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let end = self.bytes.iter().position(|byte| byte & 0x80 == 0)?;
        let (number, rest) = self.bytes.split_at(end + 1);
        self.last += number.iter().rev().fold(0, |sum, byte| sum << 7 | u32::from(byte & 0x7f));
        self.bytes = rest;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postings(lines: &[u32]) -> Postings {
        let mut postings = Postings::default();
        lines.iter().for_each(|&line| postings.push(line));
        postings
    }

    #[test]
    fn lines_are_unique_and_in_order() {
        let lines = [0, 1, 127, 255, 256, 16_640, 5_000_000, u32::MAX];
        assert_eq!(postings(&lines).iter().collect::<Vec<_>>(), lines);
        let repeated = postings(&[0, 0, 7, 7, 7, 300, 300]);
        assert_eq!((repeated.iter().collect(), repeated.len()), (vec![0, 7, 300], 3));
    }

    #[test]
    fn appending_equals_pushing_one_by_one() {
        for (first, second) in
            [(&[][..], &[5, 900][..]), (&[5, 900], &[]), (&[5, 900], &[901, 70_000, 70_001])]
        {
            let mut joined = postings(first);
            joined.append(&postings(second));
            joined.push(80_000);
            let all = [first, second, &[80_000]].concat();
            assert_eq!((joined.iter().collect::<Vec<_>>(), joined.len()), (all.clone(), all.len()));
        }
    }
}
