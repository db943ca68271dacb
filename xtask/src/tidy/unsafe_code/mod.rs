//! Unsafe code is only in the listed places, and each use says why it is sound.
//!
//! Three rules: only the places of [`PLACES`] hold unsafe code, and each of them does; the root of every
//! other library and program forbids it; every unsafe block and impl has a `// SAFETY:` comment and every
//! public unsafe function a `# Safety` section.

mod uses;

use syn::{AttrStyle, Attribute, Meta};

use self::uses::{Kind, Use};
use super::finding::Finding;
use super::tree::{Source, Tree};

/// A part of the tree that may hold unsafe code, and why.
struct Place {
    prefix: &'static str,
    reason: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        prefix: "crates/highwater-recorder/",
        reason: "an allocator is an unsafe trait, and the recorder behind it keeps its memory without an allocator",
    },
    Place {
        prefix: "crates/highwater-unwind/",
        reason: "a walk reads the stack of its own thread, and the tables of the modules that are loaded",
    },
    Place {
        prefix: "crates/highwater-lockfree/",
        reason: "memory comes from the operating system, and threads share it without a lock",
    },
    Place {
        prefix: "crates/highwater-cpu/",
        reason: "a signal handler is installed, and gets the registers of the code that it interrupted as a raw pointer",
    },
    Place {
        prefix: "crates/highwater-heap/",
        reason: "the words of an allocator's heaps are read in a copy of the process, and allocators are asked by their symbols",
    },
    Place {
        prefix: "crates/highwater-ledger/",
        reason: "an allocator is an unsafe trait, and the words of live blocks are read",
    },
    Place {
        prefix: "crates/highwater-hooks/",
        reason: "a function in front of the C library's is found by its symbol and called with raw pointers",
    },
    Place {
        prefix: "crates/highwater-preload/",
        reason: "functions with the names of the C library's are called by programs, with raw pointers",
    },
    Place {
        prefix: "crates/highwater-leaktest/src/entry/start.rs",
        reason: "the harness has to begin before `main`, which is asked for by the name of a section",
    },
    Place {
        prefix: "tests/bench/src/",
        reason: "the benchmark compares with wrappers that do nothing and that count, which are allocators too",
    },
    Place {
        prefix: "tests/programs/",
        reason: "test programs ask the allocator for what no safe code asks for, and wrap it to count along",
    },
];

/// Applies the three rules with the listed places.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, PLACES)
}

fn check_with(tree: &Tree, places: &[Place]) -> Vec<Finding> {
    let is_placed = |path: &str| places.iter().any(|place| path.starts_with(place.prefix));
    let mut findings = Vec::new();
    let mut holders = Vec::new();
    for source in tree.sources() {
        let found = uses::find(&source.syntax);
        if !found.is_empty() {
            holders.push(source.path.as_str());
        }
        if is_placed(&source.path) {
            findings.extend(found.iter().filter_map(|each| unproven(each, source)));
        } else {
            let outside = |each: &Use| {
                let advice =
                    format!("{} outside the places for it: move it into highwater-recorder", each.kind);
                Finding::new(&source.path, each.line, advice)
            };
            findings.extend(found.iter().map(outside));
        }
    }
    let idle = places.iter().filter(|place| !holders.iter().any(|path| path.starts_with(place.prefix)));
    findings.extend(idle.map(|place| {
        let advice = format!("no unsafe code is here ({}): take the place off tidy's list", place.reason);
        Finding::new(place.prefix, 0, advice)
    }));
    for root in tree.crates.iter().flat_map(|each| &each.roots).filter(|root| !is_placed(root)) {
        let source = tree.sources().iter().find(|source| source.path == *root);
        // A place that is one file of a crate rules out that the crate's root forbids what that file holds.
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let holds_place = places.iter().any(|place| place.prefix.starts_with(&format!("{folder}/")));
        let levels = if holds_place { &["forbid", "deny"][..] } else { &["forbid"] };
        let refuses = |source: &Source| source.syntax.attrs.iter().any(|it| refuses_unsafe_code(it, levels));
        if source.is_some_and(|source| !refuses(source)) {
            let level = levels.last().unwrap_or(&"forbid");
            findings.push(Finding::new(
                root,
                1,
                format!("add `#![{level}(unsafe_code)]` to this crate root"),
            ));
        }
    }
    findings
}

/// The places as a table, for the page about the house.
pub fn table(_: &Tree) -> String {
    let mut text = String::from("| place | why unsafe code is there |\n|---|---|\n");
    for Place { prefix, reason } in PLACES {
        text.push_str(&format!("| `{prefix}` | {reason} |\n"));
    }
    text
}

fn refuses_unsafe_code(attribute: &Attribute, levels: &[&str]) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    matches!(attribute.style, AttrStyle::Inner(_))
        && levels.iter().any(|level| list.path.is_ident(level))
        && list.tokens.clone().into_iter().any(|token| token.to_string() == "unsafe_code")
}

/// The missing proof of this use, if it is missing.
fn unproven(each: &Use, source: &Source) -> Option<Finding> {
    let advice = match each.kind {
        Kind::Block | Kind::Impl => {
            let lines: Vec<&str> = source.text.lines().collect();
            let explained =
                has_safety_comment(&lines, each.line) || has_safety_comment(&lines, each.statement_line);
            (!explained).then_some("write a `// SAFETY:` comment directly above that says why this is sound")
        }
        Kind::PublicFunction { documented } => {
            (!documented).then_some("add a `# Safety` section that says what the caller must uphold")
        }
        Kind::Function | Kind::Trait | Kind::ExternBlock | Kind::Attribute | Kind::Module => None,
    };
    advice.map(|advice| Finding::new(&source.path, each.line, advice))
}

/// Whether the comment lines that end directly above `line` (1-based; attributes may stand between), or the
/// line itself, give a proof.
fn has_safety_comment(lines: &[&str], line: usize) -> bool {
    let index = line.saturating_sub(1).min(lines.len().saturating_sub(1));
    let gives_proof =
        |line: &&str| line.split_once("//").is_some_and(|(_, comment)| comment.contains("SAFETY:"));
    let stands_above = |line: &&&str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[")
    };
    lines.get(index).is_some_and(gives_proof)
        || lines[..index].iter().rev().take_while(stands_above).any(gives_proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    const HERE: &[Place] = &[Place { prefix: "crates/runtime/", reason: "test" }];

    fn found(path: &str, text: &str) -> Vec<Finding> {
        let proven = "//! r\n// SAFETY: Nothing is shared.\nunsafe impl Send for A {}";
        let roots = vec!["crates/runtime/src/lib.rs".to_owned(), "crates/other/src/lib.rs".to_owned()];
        let files = [
            ("crates/runtime/src/lib.rs", proven),
            ("crates/other/src/lib.rs", "//! o\n#![forbid(unsafe_code)]"),
            (path, text),
        ];
        check_with(&Tree::of(&files, vec![Crate { roots, ..Crate::default() }]), HERE)
    }

    #[test]
    fn proven_code_in_its_place_passes() {
        let text = r#"//! a
            /// Reads.
            ///
            /// # Safety
            /// `p` is readable.
            #[inline]
            pub unsafe fn read(p: *const u8) -> u8 {
                // SAFETY: The caller says so,
                // and nobody else writes.
                #[cfg(unix)]
                let value =
                    unsafe { p.read() };
                match value {
                    // SAFETY: As above.
                    0 => unsafe { p.read() },
                    other => other,
                }
            }
            trait Other { fn pointer(&self) -> unsafe fn(); }
        "#;
        assert_eq!(found("crates/runtime/src/read.rs", text), []);
    }

    #[test]
    fn unsafe_code_elsewhere_is_found_in_each_of_its_forms() {
        for text in [
            "//! a\nfn a() { unsafe { b() } }",
            "//! a\nunsafe fn a() {}",
            "//! a\nunsafe impl Send for A {}",
            "//! a\nunsafe trait A {}",
            "//! a\nunsafe extern \"C\" { fn a(); }",
            "//! a\n#[unsafe(no_mangle)] extern \"C\" fn a() {}",
            "//! a\n#[cfg_attr(unix, unsafe(no_mangle))] extern \"C\" fn a() {}",
            "//! a\nfn a() { println!(\"{}\", unsafe { b() }) }",
            "//! a\nimpl A { unsafe fn a() {} }",
            "//! a\nmacro_rules! a { () => { unsafe { b() } } }",
        ] {
            let findings = found("crates/other/src/a.rs", text);
            assert_eq!(findings.len(), 1, "{text}: {findings:?}");
            assert_eq!((findings[0].line, findings[0].path.as_str()), (2, "crates/other/src/a.rs"), "{text}");
        }
    }

    #[test]
    fn the_word_alone_is_no_unsafe_code() {
        let text =
            "//! unsafe { }\n#![deny(unsafe_code)]\n// unsafe { b() }\nconst A: &str = \"unsafe { }\";";
        assert_eq!(found("crates/other/src/a.rs", text), []);
    }

    #[test]
    fn an_unproven_block_or_impl_is_found() {
        for text in [
            "//! a\nfn a() { unsafe { b() } }",
            "//! a\nunsafe impl Send for A {}",
            "//! a\n// SAFETY: too far away\n\nunsafe impl Send for A {}",
            "//! a\n// SAFETY: of another\nfn f() {}\nunsafe impl Send for A {}",
        ] {
            let findings = found("crates/runtime/src/a.rs", text);
            assert_eq!(findings.len(), 1, "{text}");
            assert!(findings[0].advice.contains("// SAFETY:"), "{findings:?}");
        }
    }

    #[test]
    fn a_public_unsafe_function_without_its_contract_is_found() {
        for text in
            ["//! a\n/// Reads.\npub unsafe fn a() {}", "//! a\nimpl A { /// Reads.\n pub unsafe fn a() {} }"]
        {
            let findings = found("crates/runtime/src/a.rs", text);
            assert_eq!(findings.len(), 1, "{text}");
            assert!(findings[0].advice.contains("# Safety"), "{findings:?}");
        }
    }

    #[test]
    fn a_root_that_does_not_forbid_is_found() {
        let findings = found("crates/other/src/lib.rs", "//! o\n#![deny(unsafe_code)]");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("forbid"));
    }

    #[test]
    fn the_root_above_a_single_file_denies() {
        const FILE: &[Place] = &[Place { prefix: "crates/other/src/start.rs", reason: "test" }];
        let found = |level: &str| {
            let root = format!("//! o\n#![{level}(unsafe_code)]");
            let start = "//! s\n// SAFETY: Nothing is shared.\nunsafe impl Send for A {}";
            let files = [("crates/other/src/lib.rs", root.as_str()), ("crates/other/src/start.rs", start)];
            let roots = vec!["crates/other/src/lib.rs".to_owned()];
            check_with(&Tree::of(&files, vec![Crate { roots, ..Crate::default() }]), FILE).len()
        };
        assert_eq!((found("deny"), found("forbid"), found("warn")), (0, 0, 1));
    }

    #[test]
    fn a_place_that_needs_no_exception_any_more_is_found() {
        let findings = found("crates/runtime/src/lib.rs", "//! r");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("take the place off"));
    }
}
