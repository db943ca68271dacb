//! Names in front of a heap profile of C's allocators: what `jeprof --raw` and gperftools' `pprof --raw`
//! write.
//!
//! ```text
//! --- symbol
//! binary=/usr/bin/demo
//! 0x000055b2fff3f247 outer--inner
//! ---
//! --- heap
//! heap_v2/524288
//! ```
//!
//! Calls that were inlined stand behind the function that they are in. Addresses are the stacks' addresses,
//! less one but for the leaf's.

use std::collections::HashMap;

use crate::location::Line;
use crate::profile::Profile;
use crate::utf8;

/// What such a file begins with.
const START: &[u8] = b"--- symbol";

/// What stands between the names and the profile.
const PROFILES: [&[u8]; 4] = [b"--- heap", b"--- growth", b"--- heapz", b"--- growthz"];

/// Names of functions by address, the outermost first.
pub(crate) type Names = HashMap<u64, Vec<String>>;

/// The names that stand in front of a profile, and the profile; no names and all of the file where there are
/// none.
pub(crate) fn split(bytes: &[u8]) -> (Names, &[u8]) {
    let mut names = Names::new();
    if !bytes.starts_with(START) {
        return (names, bytes);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let (line, behind) = match rest.iter().position(|it| *it == b'\n') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = behind;
        let line = line.trim_ascii();
        if PROFILES.contains(&line) {
            return (names, rest);
        }
        if let Some((address, list)) = utf8::text(line).split_once(' ')
            && let Some(digits) = address.strip_prefix("0x")
            && let Ok(address) = u64::from_str_radix(digits, 16)
        {
            let list = list.split("--").map(str::trim).filter(|it| !it.is_empty());
            names.insert(address, list.map(without_address).map(str::to_owned).collect());
        }
    }
    (names, bytes)
}

/// A name without the address that some versions put behind a function: `main<00000000000016ed>`.
fn without_address(name: &str) -> &str {
    let is_address = |text: &str| text.len() >= 8 && text.bytes().all(|it| it.is_ascii_hexdigit());
    match name.strip_suffix('>').and_then(|it| it.rsplit_once('<')) {
        Some((function, address)) if is_address(address) => function,
        _ => name,
    }
}

/// Gives the locations of a profile their names.
pub(crate) fn apply(names: &Names, profile: &mut Profile) {
    if names.is_empty() {
        return;
    }
    for id in profile.location_ids() {
        let location = profile.location(id);
        // A location's address is one less than in the file.
        let behind = location.address.wrapping_add(1);
        let Some(list) = names.get(&location.address).or_else(|| names.get(&behind)) else { continue };
        if location.lines.is_empty() {
            let functions: Vec<_> =
                list.iter().rev().map(|name| profile.add_function(name, name, "")).collect();
            profile.location_mut(id).lines = functions.into_iter().map(|it| Line::new(it, 0)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Format, Limits, read};

    #[test]
    fn names_in_front_of_a_profile_are_its_locations() {
        let profile = "heap profile: 1: 24 [1: 24] @ heapprofile\n1: 24 [1: 24] @ 0x1001 0x2001 0x3001\n";
        let file = format!(
            "--- symbol\nbinary=/bin/demo\n0x0000000000001001 grab\n0x2000 outer--inner<0000000000001200>\n---\n--- heap\n{profile}"
        );
        let profile = read(file.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((profile.source.format, profile.samples.total(3)), (Format::Gperftools, 24));
        let mut names = Vec::new();
        for id in profile.location_ids() {
            profile.location_names(id, |it| names.push(it.into_owned()));
        }
        assert_eq!(names, ["grab", "inner", "outer", "0x3000"]);
        let dump = "--- symbol\n---\n--- heap\nheap_v2/1\n t*: 1: 2 [0: 0]\n@ 0x1\n t*: 1: 2 [0: 0]\n";
        assert_eq!(read(dump.as_bytes(), &Limits::default()).unwrap().source.format, Format::Jemalloc);
    }
}
