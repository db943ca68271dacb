//! How the recorder walked the stacks, in one line.

use std::collections::BTreeMap;

use crate::number;

/// The walking methods by mapped file, and the share of incomplete stacks. `None` if the file does not say.
pub(crate) fn walks(meta: &BTreeMap<String, i64>) -> Option<String> {
    let fact = |name: &str| meta.get(name).copied().and_then(|it| u64::try_from(it).ok());
    let files = |number: u64| number::count(usize::try_from(number).unwrap_or(usize::MAX), "file");
    let mut parts = Vec::new();
    match (fact("frame_pointer_mappings")?, fact("table_mappings")?) {
        // Nothing was recorded.
        (0, 0) if fact("system_walks") == Some(0) => return None,
        (0, 0) => {}
        (0, tables) => parts.push(format!("walked by unwind tables in {}", files(tables))),
        (pointers, 0) => parts.push(format!("walked by frame pointers in {}", files(pointers))),
        (pointers, tables) => {
            let tables = number::grouped(tables);
            parts.push(format!(
                "walked by frame pointers in {}, by unwind tables in {tables}",
                files(pointers)
            ));
        }
    }
    if let (Some(truncated), Some(samples @ 1..)) = (fact("truncated_stacks"), fact("samples")) {
        parts.push(format!("{} cut off at the root", number::percent(truncated as f64 / samples as f64)));
    }
    if let Some(system @ 1..) = fact("system_walks") {
        let walks = number::count(usize::try_from(system).unwrap_or(usize::MAX), "walk");
        parts.push(format!("{walks} by the system's unwinder"));
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(facts: &[(&str, i64)]) -> Option<String> {
        walks(&facts.iter().map(|&(name, value)| (name.to_owned(), value)).collect())
    }

    #[test]
    fn methods_and_incomplete_stacks_are_reported() {
        let facts = [("frame_pointer_mappings", 1), ("table_mappings", 2), ("samples", 1000)];
        let text = |more: &[(&str, i64)]| line(&[&facts[..], more].concat()).unwrap();
        assert_eq!(
            text(&[("truncated_stacks", 25), ("system_walks", 0)]),
            "walked by frame pointers in 1 file, by unwind tables in 2; 2.5% cut off at the root"
        );
        assert_eq!(
            text(&[("frame_pointer_mappings", 0), ("truncated_stacks", 0), ("system_walks", 1200)]),
            "walked by unwind tables in 2 files; 0.0% cut off at the root; 1,200 walks by the system's unwinder"
        );
        assert_eq!(text(&[("table_mappings", 0)]), "walked by frame pointers in 1 file");
    }

    #[test]
    fn files_without_counts_have_no_line() {
        assert_eq!(line(&[("samples", 3), ("truncated_stacks", 1)]), None);
        assert_eq!(line(&[("frame_pointer_mappings", 0), ("table_mappings", 0), ("system_walks", 0)]), None);
        let elsewhere = [("frame_pointer_mappings", 0), ("table_mappings", 0), ("system_walks", 7)];
        assert_eq!(line(&elsewhere).as_deref(), Some("7 walks by the system's unwinder"));
    }
}
