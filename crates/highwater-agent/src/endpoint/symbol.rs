//! Names for addresses, in the protocol of `go tool pprof`: `0x1f0+0x2e8`, answered line by line.

use std::fmt::Write;

use highwater::Modules;

use crate::reply::{Answer, Reply, TEXT};
use crate::service::Service;

/// The answer without its body.
pub(super) fn head() -> Reply {
    Reply::head(TEXT)
}

pub(super) async fn answer(service: &Service, asked: Vec<u8>) -> Answer {
    service.captures.run(move || Reply::text(symbols(&asked))).await
}

/// The first line says that names are available. Text that is not an address is skipped.
fn symbols(asked: &[u8]) -> String {
    let mut text = "num_symbols: 1\n".to_owned();
    let words = asked.split(|&byte| byte == b'+').filter_map(|word| std::str::from_utf8(word).ok());
    let digits = words.map(|word| word.trim().strip_prefix("0x").unwrap_or(word.trim()));
    let addresses: Vec<u64> = digits.filter_map(|it| u64::from_str_radix(it, 16).ok()).collect();
    let modules = Modules::capture();
    // The client already subtracted one from the return address.
    let place = |address: u64| modules.address_of_file(address).saturating_add(1);
    let known = highwater_resolver::calls_of(addresses.iter().map(|&it| place(it)));
    for address in addresses {
        // A line holds one name. That is the compiled function, not one that was inlined into it.
        if let Some(call) = known.get(&place(address)).and_then(|it| it.last()) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{address:#x} {}", call.function);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_addresses_are_named_and_others_left_out() {
        let known = symbols as fn(&[u8]) -> String as usize;
        let text = symbols(format!("{known:#x}+zzz+0x1+{known:x}+").as_bytes());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "num_symbols: 1");
        assert!(lines[1].starts_with(&format!("{known:#x} ")) && lines[1].contains("symbol"), "{text}");
        assert_eq!(lines[1], lines[2]);
    }
}
