//! Names for addresses, in the way in which `go tool pprof` asks for them: `0x1f0+0x2e8`, answered line by line.

use std::fmt::Write;

use highwater::Modules;

use crate::names;
use crate::reply::{Answer, Reply};
use crate::service::Service;

pub(super) async fn answer(service: &Service, asked: Vec<u8>) -> Answer {
    service.captures.run(move || Reply::text(symbols(&asked))).await
}

/// The first line says that there are names at all. What is no address is passed over.
fn symbols(asked: &[u8]) -> String {
    let mut text = "num_symbols: 1\n".to_owned();
    let modules = Modules::capture();
    for word in asked.split(|&byte| byte == b'+').filter_map(|word| std::str::from_utf8(word).ok()) {
        let digits = word.trim().strip_prefix("0x").unwrap_or(word.trim());
        let Ok(address) = u64::from_str_radix(digits, 16) else { continue };
        // The asker took one off already. The function that was compiled, and not one that was inlined into it, is
        // what a line with one name can say.
        let place = modules.address_of_file(address);
        if let Some(call) = names::calls(place.saturating_add(1)).pop() {
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
