//! Names of generic functions: with their arguments in either mangling, and without them if instances have to
//! be one row.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use highwater_analyze::{GroupBy, Query, top};

use crate::programs::tool;
use crate::subject::{Subject, only};

const PROGRAM: &str = r#"
use std::hint::black_box;

pub struct Session(u64);
pub struct Shelf<T> { all: Vec<T> }
impl<T> Shelf<T> {
    #[inline(never)]
    pub fn put(&mut self, one: T) { self.all.push(one); }
}

pub struct W<V>(V);
pub trait Tr<K> { fn go(&self, key: K) -> usize; }
impl<K, V> Tr<K> for W<V> {
    #[inline(never)]
    fn go(&self, key: K) -> usize { black_box(&key); size_of::<(K, V)>() }
}
impl<T> W<T> {
    #[inline(never)]
    pub fn wrap<U>(&self, other: U) -> usize { black_box(&other); size_of::<(T, U)>() }
}

#[inline(never)]
fn sum<T, const N: usize>(all: &[T; N]) -> usize {
    // The compiler does not know which function this is, so it cannot inline the function.
    let each: &dyn Fn(&T) -> usize = black_box(&|it: &T| black_box(it) as *const T as usize % 7);
    all.iter().map(each).sum()
}

fn main() {
    let mut sessions = Shelf { all: Vec::new() };
    let mut words = Shelf { all: Vec::new() };
    for word in std::env::args() {
        sessions.put(Session(word.len() as u64));
        words.put(word);
    }
    let total = W(3u8).go("x") + W(3u8).wrap(7i64) + sum(&[Session(1), Session(2)]);
    println!("{total} {} {}", sessions.all.len() + sessions.all[0].0 as usize, words.all.len());
}
"#;

const LEGACY: &str = "-Z unstable-options -C symbol-mangling-version=legacy";
const V0: &str = "-C symbol-mangling-version=v0";

const EXPECTED: [&str; 6] = [
    "<demo::W<u8> as demo::Tr<&str>>::go",
    "demo::Shelf<alloc::string::String>::put",
    "demo::Shelf<demo::Session>::put",
    "demo::W<u8>::wrap::<i64>",
    "demo::sum::<demo::Session, 2>",
    "demo::sum::<demo::Session, 2>::{closure#0}",
];

fn build(directory: &Path, arguments: &str) -> PathBuf {
    std::fs::write(directory.join("demo.rs"), PROGRAM).unwrap();
    tool(directory, &format!("rustc --edition 2024 -C opt-level=1 demo.rs -o demo {arguments}"));
    directory.join("demo")
}

/// Every name that some address of the program has.
fn names(directory: &Path, arguments: &str) -> BTreeSet<String> {
    let mut subject = Subject::new(&build(directory, arguments), 30_000);
    subject.run(&only(&[]));
    subject.places().concat().into_iter().map(|it| it.name).collect()
}

#[test]
fn arguments_are_shown_in_both_manglings_alike() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [format!("{V0} -g"), format!("{LEGACY} -g"), V0.to_owned()] {
        let names = names(directory.path(), &arguments);
        for expected in EXPECTED {
            assert!(names.contains(expected), "{arguments}: {expected} is not in {names:#?}");
        }
        let of_vector = |it: &&String| it.starts_with("alloc::vec::Vec<demo::Session>::");
        assert!(
            !arguments.contains("-g") || names.iter().any(|it| of_vector(&it)),
            "{arguments}: {names:#?}"
        );
    }
    // Line tables have the arguments but not the parameters; the result is not guessed.
    let lines = names(directory.path(), &format!("{LEGACY} -C debuginfo=line-tables-only"));
    for expected in [
        "<demo::W<V> as demo::Tr<K>>::go::<&str, u8>",
        "demo::Shelf<demo::Session>::put",
        "demo::W<u8>::wrap::<i64>",
    ] {
        assert!(lines.contains(expected), "{expected} is not in {lines:#?}");
    }
    // Without debug information, the arguments are unknown.
    let bare = names(directory.path(), &format!("{LEGACY} -C debuginfo=0 -C strip=debuginfo"));
    assert!(
        bare.contains("demo::Shelf<T>::put") && !bare.iter().any(|it| it.contains("demo::Session")),
        "{bare:#?}"
    );
}

#[test]
fn instances_are_one_row_whatever_is_known_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let rows = |arguments: &str| -> BTreeSet<String> {
        let mut subject = Subject::new(&build(directory.path(), arguments), 30_000);
        subject.run(&only(&[]));
        let query =
            Query { by: GroupBy::Generic, limit: None, min_fraction: 0.0, leaf: true, ..Query::default() };
        let answer = top(&subject.profile, &query).unwrap();
        answer
            .rows
            .into_iter()
            .map(|it| it.key.label)
            .filter(|it| it.contains("demo::") && !it.contains("main"))
            .collect()
    };
    let expected: BTreeSet<String> = [
        "<demo::W as demo::Tr>::go",
        "demo::Shelf::put",
        "demo::W::wrap",
        "demo::sum",
        "demo::sum::{closure}",
    ]
    .map(str::to_owned)
    .into();
    let bare = "-C debuginfo=0 -C strip=debuginfo";
    for arguments in
        [format!("{LEGACY} {bare}"), format!("{V0} {bare}"), format!("{LEGACY} -g"), format!("{V0} -g")]
    {
        let rows = rows(&arguments);
        assert!(expected.is_subset(&rows), "{arguments}: {rows:#?}");
    }
}
