//! Dumps of an allocator that records its own frames: its callers are named, with any amount of symbols.

use std::path::Path;
use std::process::Command;

use highwater_analyze::{GroupBy, Query, top};
use highwater_profile::Limits;
use highwater_symbol::symbolize;
use highwater_tests::succeed;

use crate::programs::tool;
use crate::subject::only;

/// A program whose global allocator is jemalloc, linked like in the jemalloc crates; it dumps its heap to a
/// file.
const PROGRAM: &str = r#"
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_char, c_int, c_void, CString};

#[link(name = "jemalloc", kind = "static")]
unsafe extern "C" {
    fn mallocx(size: usize, flags: c_int) -> *mut c_void;
    fn rallocx(at: *mut c_void, size: usize, flags: c_int) -> *mut c_void;
    fn sdallocx(at: *mut c_void, size: usize, flags: c_int);
    fn mallctl(name: *const c_char, old: *mut c_void, old_len: *mut usize, new: *mut c_void, new_len: usize) -> c_int;
}
#[link(name = "stdc++")]
unsafe extern "C" {}

struct Jemalloc;
fn flags(layout: &Layout) -> c_int { layout.align().trailing_zeros() as c_int }
unsafe impl GlobalAlloc for Jemalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { mallocx(layout.size(), flags(&layout)).cast() }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { sdallocx(at.cast(), layout.size(), flags(&layout)) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { rallocx(at.cast(), size, flags(&layout)).cast() }
    }
}
#[global_allocator]
static GLOBAL: Jemalloc = Jemalloc;

mod work {
    #[inline(never)]
    pub fn grow(rows: &mut Vec<Vec<u8>>) { for _ in 0..1000 { rows.push(Vec::with_capacity(1000)); } }
    #[inline(never)]
    pub fn names(n: usize) -> Vec<String> { (0..n).map(|it| format!("name number {it}")).collect() }
    #[inline(never)]
    pub fn boxes(n: usize) -> Vec<Box<[u64; 64]>> { (0..n).map(|_| Box::new([1; 64])).collect() }
}

fn main() {
    let mut rows = Vec::new();
    work::grow(&mut rows);
    let (names, boxes) = (work::names(20000), work::boxes(2000));
    let path = CString::new(std::env::args().nth(1).unwrap()).unwrap();
    let mut path = path.as_ptr();
    let failed = unsafe {
        mallctl(c"prof.dump".as_ptr(), std::ptr::null_mut(), std::ptr::null_mut(), (&raw mut path).cast(), size_of::<*const c_char>())
    };
    assert_eq!(failed, 0);
    println!("{} {} {}", rows.len(), names.len(), boxes.len());
}
"#;

/// The functions that rows are about, without closures in them, and their shares.
fn functions(directory: &Path, arguments: &str) -> Vec<(String, f64)> {
    tool(directory, &format!("rustc --edition 2024 -O demo.rs -o demo {arguments}"));
    let dump = directory.join("demo.heap");
    let mut demo = Command::new(directory.join("demo"));
    demo.arg(&dump).env("MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:12");
    succeed(&mut demo);
    let mut profile = highwater_profile::file::read(&dump, &Limits::default()).unwrap();
    assert_eq!(symbolize(&mut profile, &only(&[])).unwrap().missing().count(), 0);
    let answer = top(&profile, &Query { by: GroupBy::Generic, ..Query::default() }).unwrap();
    let mut rows: Vec<(String, f64)> = Vec::new();
    for row in &answer.rows {
        let name = row.key.label.split("::{closure}").next().unwrap().to_owned();
        match rows.iter_mut().find(|it| it.0 == name) {
            Some(known) => known.1 += row.flat_fraction,
            None => rows.push((name, row.flat_fraction)),
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

#[test]
fn a_release_build_names_the_functions_that_a_debug_build_names() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("demo.rs"), PROGRAM).unwrap();
    let names = |rows: &[(String, f64)]| rows.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    for arguments in [
        "-g",
        // Cargo's defaults for a release build, and a common addition.
        "-C debuginfo=0 -C strip=debuginfo",
        "-C debuginfo=0 -C strip=debuginfo -C lto=fat -C codegen-units=1 -C panic=abort",
    ] {
        let rows = functions(directory.path(), arguments);
        assert_eq!(
            names(&rows),
            ["demo::work::boxes", "demo::work::grow", "demo::work::names"],
            "{arguments}"
        );
        assert!(rows.iter().all(|it| it.1 > 0.2), "{arguments}: {rows:?}");
    }
}
