//! What a file begins with, for those who tell formats apart.

/// How much of a file is looked at for what stands at its beginning.
const HEAD: usize = 4096;

/// The beginning of a file.
pub(super) fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(HEAD)]
}

/// The first line of a text, without its end.
pub(super) fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

/// Whether a word stands anywhere in a text.
pub(super) fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|it| it == word)
}
