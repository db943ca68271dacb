//! The workloads, which are the same under every allocator.

#[cfg(feature = "workloads")]
mod btree;
mod deep;
#[cfg(feature = "workloads")]
mod json;
mod mix;
mod pair;
#[cfg(feature = "workloads")]
mod requests;
mod shared_mix;
#[cfg(feature = "workloads")]
mod syn;

use std::path::Path;

use crate::failure::Failure;
use crate::work::Workload;

/// Slots of the random mixes, each with one live block.
const SLOTS: usize = 10_000;

/// Number of stack frames below the deep mix.
const FRAMES: usize = 60;

/// The workload with this name. `sources` is the directory of Rust sources for `syn`.
///
/// # Errors
/// When there is no such workload, or its input is missing.
pub fn named(name: &str, sources: Option<&Path>) -> Result<Box<dyn Workload>, Failure> {
    Ok(match name {
        "pair" => Box::new(pair::Pair::default()),
        "mix" => Box::new(mix::Mix::new(SLOTS, 1)),
        "deep-mix" => Box::new(deep::Deep { inner: mix::Mix::new(SLOTS, 1), frames: FRAMES }),
        "shared-mix" => Box::new(shared_mix::SharedMix::new(SLOTS)),
        _ => return more(name, sources),
    })
}

#[cfg(feature = "workloads")]
fn more(name: &str, sources: Option<&Path>) -> Result<Box<dyn Workload>, Failure> {
    Ok(match (name, sources) {
        ("json", _) => Box::new(json::Json::new()),
        ("btree", _) => Box::new(btree::BTree::new()),
        ("requests", _) => Box::new(requests::Requests::new()?),
        ("syn", Some(directory)) => Box::new(syn::Syn::new(directory)?),
        ("syn", None) => return Err(Failure::Usage("syn needs --sources".to_owned())),
        _ => return Err(Failure::Usage(format!("there is no workload {name}"))),
    })
}

#[cfg(not(feature = "workloads"))]
fn more(name: &str, _: Option<&Path>) -> Result<Box<dyn Workload>, Failure> {
    Err(Failure::Usage(format!("there is no workload {name} in a build without the feature `workloads`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every workload that counts its own allocations, with its expected live blocks.
    #[test]
    fn own_counts_add_up() {
        for name in ["pair", "mix", "deep-mix", "shared-mix"] {
            let mut workload = named(name, None).unwrap();
            workload.run(50_000).unwrap();
            let once = workload.own().unwrap();
            workload.run(50_000).unwrap();
            let twice = workload.own().unwrap();
            assert_eq!((once.alloc_blocks, twice.alloc_blocks), (50_000, 100_000), "{name}");
            assert!(twice.alloc_bytes > once.alloc_bytes, "{name}");
            assert!((0..=SLOTS as i64).contains(&twice.live_blocks), "{name}: {twice:?}");
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(named("nothing", None).is_err());
    }

    #[cfg(feature = "workloads")]
    #[test]
    fn workloads_with_libraries_run() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (name, operations) in [("json", 1), ("btree", 1_000), ("requests", 100), ("syn", 1)] {
            let mut workload = named(name, Some(&sources)).unwrap();
            workload.run(operations).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        }
        assert!(named("syn", None).is_err() && named("syn", Some(Path::new("/nowhere"))).is_err());
    }
}
