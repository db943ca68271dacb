//! Limits that were not kept, in words.

use std::fmt::Write;

use super::calls;
use super::fix::{self, Way};
use crate::finding::{Excess, ExcessSite, Limit};

/// All that one test did not keep, and what can be done in the `way` that it was checked.
pub(crate) fn text(found: &[Excess], way: Way) -> String {
    let Some(first) = found.first() else { return String::new() };
    let mut text = format!("MEMORY  {}\n", first.test);
    for excess in found {
        let _ = writeln!(text, "  {}", headline(excess));
        text += &sites(&excess.sites);
    }
    let left = found.iter().find(|it| it.limit == Limit::BlocksLeft);
    text + &match left {
        Some(left) => fix::of_blocks(left.sites.iter().map(|it| it.allocated.as_slice()), way),
        None => "  fix: allocate less, or raise the limit\n".to_owned(),
    }
}

/// What was not kept, and by how much.
pub(crate) fn headline(excess: &Excess) -> String {
    let Excess { allowed, found, .. } = *excess;
    match excess.limit {
        Limit::BlocksLeft => {
            let bytes = excess.sites.iter().map(|it| it.bytes).sum();
            format!("{}, {}, left after {} ms", blocks(found), size(bytes), excess.waited_ms)
        }
        Limit::Blocks => {
            format!("{} allocated, {} above max_blocks = {allowed}", blocks(found), found - allowed)
        }
        Limit::Bytes => format!("{} allocated, {} above max_bytes", size(found), size(found - allowed)),
        Limit::Peak => format!("{} live at the peak, {} above max_peak", size(found), size(found - allowed)),
    }
}

/// One line for each of the largest sites.
pub(crate) fn sites(sites: &[ExcessSite]) -> String {
    let mut text = String::new();
    for each in sites.iter().take(Excess::MOST_SITES) {
        let _ = writeln!(text, "          {}", site(each));
    }
    if sites.len() > Excess::MOST_SITES {
        let _ = writeln!(text, "          … and {} sites more", sites.len() - Excess::MOST_SITES);
    }
    text
}

/// What a site allocated, and where it is.
fn site(site: &ExcessSite) -> String {
    let blocks = if site.blocks == 0 { String::new() } else { format!("{:>10}  ", blocks(site.blocks)) };
    let path = calls::path(&site.allocated);
    let of = site.container.as_ref().map_or_else(String::new, |name| format!("{name} at "));
    format!(
        "{blocks}{:>9}  {of}{}",
        size(site.bytes),
        if path.is_empty() { "somewhere without names" } else { &path }
    )
}

/// A number of blocks.
pub(crate) fn blocks(number: u64) -> String {
    format!("{number} block{}", if number == 1 { "" } else { "s" })
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, scale)| bytes >= *scale) {
        // One decimal, cut off.
        Some((unit, scale)) => {
            format!("{}.{} {unit}", bytes / scale, u128::from(bytes % scale) * 10 / u128::from(scale))
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Frame, Origin};

    fn excess(limit: Limit, allowed: u64, found: u64, sites: usize) -> Excess {
        let frame = |line| Frame::at("mine::grow", "/x/src/grow.rs", line, Origin::Own);
        let site =
            |line| ExcessSite { blocks: 2, bytes: 1536, allocated: vec![frame(line)], container: None };
        let sites = (1..=sites).map(|it| site(u32::try_from(it).unwrap())).collect();
        Excess { test: "tests::a".to_owned(), limit, allowed, found, waited_ms: 503, sites }
    }

    #[test]
    fn a_limit_is_told_with_its_sites() {
        assert_eq!(
            text(&[excess(Limit::BlocksLeft, 0, 2, 1)], Way::Attribute),
            "MEMORY  tests::a\n  2 blocks, 1.5 KiB, left after 503 ms\n\
             \x20           2 blocks    1.5 KiB  /x/src/grow.rs:1 mine::grow\n\
             \x20 fix: free them; or allow them, in highwater.toml:\n\
             \x20         [[leaktest.allow]]\n\
             \x20         blocks = \"mine::grow\"\n\
             \x20         reason = \"why this may stay\"\n\
             \x20      or in this test:\n\
             \x20         #[highwater_leaktest::test(allow(blocks = \"mine::grow\"))]\n"
        );
        let mut typed = excess(Limit::BlocksLeft, 0, 2, 1);
        typed.sites[0].container = Some("Vec<mine::Entry>".to_owned());
        assert!(
            text(&[typed], Way::Guard).contains("1.5 KiB  Vec<mine::Entry> at /x/src/grow.rs:1 mine::grow\n")
        );
        let many =
            text(&[excess(Limit::Blocks, 3, 5, 10), excess(Limit::Peak, 4096, 1 << 20, 1)], Way::Guard);
        assert!(many.contains("  5 blocks allocated, 2 above max_blocks = 3\n"), "{many}");
        assert!(many.contains("  1.0 MiB live at the peak, 1020.0 KiB above max_peak\n"), "{many}");
        assert!(many.contains("… and 2 sites more") && many.contains("raise the limit"), "{many}");
        assert_eq!(text(&[], Way::Guard), "");
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!([0, 1023, 1024, u64::MAX].map(size), ["0 B", "1023 B", "1.0 KiB", "17179869183.9 GiB"]);
    }
}
