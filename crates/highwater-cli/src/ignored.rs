//! Signals that were ignored when the command was started, as by `nohup`. They stay ignored, here and in what
//! the command starts.

/// Whether the command was started with this signal ignored; `None` if the system does not say.
pub(crate) fn is_ignored(signal: i32) -> Option<bool> {
    ignores(&std::fs::read_to_string("/proc/self/status").ok()?, signal)
}

/// Whether a signal is in the set of ignored ones of `/proc/self/status`.
fn ignores(status: &str, signal: i32) -> Option<bool> {
    let set = status.lines().find_map(|it| it.strip_prefix("SigIgn:"))?;
    let set = u64::from_str_radix(set.trim(), 16).ok()?;
    Some(set >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lists_ignored_signals() {
        let status = "Name:\tsh\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001002\nSigCgt:\t0\n";
        assert_eq!([1, 2, 13, 15].map(|it| ignores(status, it)), [false, true, true, false].map(Some));
        assert_eq!(ignores("Name:\tsh\n", 1), None);
    }
}
