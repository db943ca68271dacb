//! Whose code the labels of frames are, where no frame says it.

use std::collections::HashSet;

use highwater_analyze::Code;
use highwater_names::function::{Owner, owner};

/// Whose code each label is. `known` has what a frame says: whose code it is, and whether its source file is
/// known.
pub(crate) fn codes(labels: &[String], known: &[Option<(Code, bool)>]) -> Vec<Code> {
    let parts: Vec<Parts<'_>> = labels.iter().map(|it| Parts::new(it)).collect();
    let code = |(it, known): (&Parts<'_>, &Option<(Code, bool)>)| {
        known.unwrap_or_else(|| (Code::new(Some(it.function), it.file, None), it.file.is_some()))
    };
    let codes: Vec<(Code, bool)> = parts.iter().zip(known).map(code).collect();
    let own = own_crates(&parts, &codes);
    let code = |(it, (code, has_source)): (&Parts<'_>, (Code, bool))| {
        let is_other = code == Code::Own && !has_source && !own.is_empty();
        let is_foreign = is_other && it.crate_name().is_some_and(|it| !own.contains(it));
        if is_foreign { Code::Dependency } else { code }
    };
    parts.iter().zip(codes).map(code).collect()
}

/// The function of a label, without its source position.
pub(crate) fn function(label: &str) -> &str {
    Parts::new(label).function
}

/// A label's source file and function.
struct Parts<'a> {
    file: Option<&'a str>,
    function: &'a str,
}

impl<'a> Parts<'a> {
    fn new(label: &'a str) -> Self {
        let place = label.split_once(' ').and_then(|(place, function)| {
            let (file, line) = place.rsplit_once(':')?;
            let is_line = !line.is_empty() && line.bytes().all(|it| it.is_ascii_digit());
            is_line.then_some((file, function))
        });
        place.map_or(Self { file: None, function: label }, |(file, function)| Self {
            file: Some(file),
            function,
        })
    }

    fn crate_name(&self) -> Option<&'a str> {
        match owner(self.function) {
            Owner::Path(name) => Some(name),
            Owner::Impl { of, implements } => of.or(implements),
            Owner::Bare => None,
        }
    }
}

/// The crates whose source is the program's own. Without any source, the crates that have a `main`. They
/// distinguish the other functions without source.
fn own_crates<'a>(parts: &[Parts<'a>], codes: &[(Code, bool)]) -> HashSet<&'a str> {
    let own = parts.iter().zip(codes).filter(|(_, code)| code.0 == Code::Own);
    let with_source = own.clone().filter(|(_, code)| code.1).filter_map(|it| it.0.crate_name());
    let with_source: HashSet<&str> = with_source.collect();
    if !with_source.is_empty() {
        return with_source;
    }
    let is_main = |it: &&Parts<'_>| it.function.split_once("::").is_some_and(|it| it.1 == "main");
    own.map(|it| it.0).filter(is_main).filter_map(Parts::crate_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_source_are_told_apart_by_their_crates() {
        let codes = |labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|it| (*it).to_owned()).collect();
            super::codes(&labels, &vec![None; labels.len()])
        };
        use Code::{Dependency, Own, Runtime};
        assert_eq!(
            codes(&[
                "std::rt::lang_start",
                "shop::main",
                "tokio::run",
                "<shop::A as serde::De>::de",
                "start"
            ]),
            [Runtime, Own, Dependency, Own, Own]
        );
        assert_eq!(codes(&["shop::serve", "tokio::run"]), [Own, Own], "nothing tells them apart");
        assert_eq!(
            codes(&["src/a.rs:7 shop::serve", "shop::run", "tokio::run", "tokio-1.2.3/src/a.rs:7 tokio::f"]),
            [Own, Own, Dependency, Dependency]
        );
    }
}
