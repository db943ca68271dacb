//! The limits of the process itself, which `ulimit`, `prlimit` and service managers set.

use super::level::{LimitKind, MemoryLevel};
use super::system::{System, kibibytes};

/// The resident set of this process in bytes; `None` if the system does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    kibibytes(&System::here().read("/proc/self/status")?, "VmRSS")
}

/// `RLIMIT_AS` for the address space, and `RLIMIT_DATA` for its private writable part. Beyond either limit
/// the kernel maps no more memory, so an allocation fails and the program aborts. `RLIMIT_RSS` has no effect
/// on Linux.
/// <https://man7.org/linux/man-pages/man2/getrlimit.2.html>
pub(super) fn levels(system: &System) -> Vec<MemoryLevel> {
    let Some(limits) = system.read("/proc/self/limits") else { return Vec::new() };
    let of = |line: &str| soft_limit(&limits, line);
    let [address_space, data] = ["Max address space", "Max data size"].map(of);
    if address_space.or(data).is_none() {
        return Vec::new();
    }
    let Some(status) = system.read("/proc/self/status") else { return Vec::new() };
    let level = |kind, name: &str, limit: Option<u64>, used: &str| {
        Some(MemoryLevel::new(kind, name.to_owned(), kibibytes(&status, used)?, limit?))
    };
    let address_space = level(LimitKind::AddressSpace, "RLIMIT_AS", address_space, "VmSize");
    let data = level(LimitKind::Data, "RLIMIT_DATA", data, "VmData");
    address_space.into_iter().chain(data).collect()
}

/// The first number of a line of `/proc/self/limits`; the file says `unlimited` if there is no limit.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_resident() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().unwrap() > 100 * 1024);
        }
    }
}
