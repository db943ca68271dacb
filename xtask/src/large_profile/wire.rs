//! The parts of the protocol buffer wire format that a profile needs.

/// A message while its fields are added.
#[derive(Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Adds a number.
    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.0.extend(number(field, value));
        self
    }

    /// Adds a message.
    pub fn message(mut self, field: u64, message: &Self) -> Self {
        delimited(&mut self.0, field, &message.0);
        self
    }

    /// Adds several numbers as one packed field.
    pub fn packed(mut self, field: u64, values: &[u64]) -> Self {
        let mut content = Vec::with_capacity(values.len() * 3);
        for &value in values {
            varint(&mut content, value);
        }
        delimited(&mut self.0, field, &content);
        self
    }

    /// The bytes of this message as a field of another.
    pub fn as_field(&self, field: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + 6);
        delimited(&mut out, field, &self.0);
        out
    }
}

/// The bytes of a field with a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, field << 3);
    varint(&mut out, value);
    out
}

/// The bytes of a field with a text.
pub fn text(field: u64, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 6);
    delimited(&mut out, field, text.as_bytes());
    out
}

fn delimited(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_the_format_defines_them() {
        // The first two are the examples in the format's own description.
        assert_eq!(number(1, 150), [0x08, 0x96, 0x01]);
        assert_eq!(text(2, "testing"), *b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        assert_eq!(inner.as_field(3), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().message(3, &inner).0, inner.as_field(3));
        assert_eq!(Message::default().packed(6, &[3, 270, 86_942]).0, [0x32, 6, 3, 0x8e, 2, 0x9e, 0xa7, 5]);
    }
}
