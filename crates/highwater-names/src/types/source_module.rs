//! The module that a source file of a library contains: functions that were inlined have names without paths
//! where debug information has lines only, and their file says whose they are.

/// The module of a library's source file: `alloc::vec` of `/rustc/0123/library/alloc/src/vec/mod.rs`, `slab`
/// of `…/slab-0.4.12/src/lib.rs`.
pub(super) fn of(file: &str) -> Option<String> {
    let file = file.strip_suffix(".rs")?;
    let (before, inside) = file.rsplit_once("/src/")?;
    let directory = before.rsplit('/').next()?;
    let is_version = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_digit());
    let package = directory
        .match_indices('-')
        .find(|(at, _)| is_version(&directory[at + 1..]))
        .map_or(directory, |(at, _)| &directory[..at]);
    let mut module = package.replace('-', "_");
    for part in inside.split('/').filter(|part| !matches!(*part, "mod" | "lib")) {
        module.push_str("::");
        module.push_str(part);
    }
    Some(module)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn files_of_the_standard_library_and_of_packages_have_a_module() {
        for (file, module) in [
            ("/rustc/59807616/library/alloc/src/vec/mod.rs", Some("alloc::vec")),
            ("/rustc/59807616/library/alloc/src/boxed/convert.rs", Some("alloc::boxed::convert")),
            ("/rust/deps/hashbrown-0.16.1/src/raw/mod.rs", Some("hashbrown::raw")),
            ("/home/a/.cargo/registry/src/index-1/slab-0.4.12/src/lib.rs", Some("slab")),
            ("/home/a/.cargo/registry/src/index-1/async-task-4.7.1/src/raw.rs", Some("async_task::raw")),
            ("src/main.rs", None),
            ("/usr/src/a.c", None),
        ] {
            assert_eq!(of(file).as_deref(), module, "{file}");
        }
    }
}
