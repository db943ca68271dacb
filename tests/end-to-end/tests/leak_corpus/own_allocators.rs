//! A program's own allocator and the one line of the harness: a workspace builds the package that has one,
//! and its tests are checked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build;
use crate::run;

/// An allocator that passes its calls on, as most programs' own do.
const OWN: &str = "
struct Counting;

// SAFETY: every call is passed on as it came.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { std::alloc::System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
";

/// Tests of each kind, under names of their own. The task is found by its block.
fn tests(name: &str) -> String {
    format!(
        "
fn runtime() -> tokio::runtime::Runtime {{
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}}

#[test]
fn {name}_leaks_a_task() {{
    runtime().block_on(async {{
        tokio::spawn(std::future::pending::<()>());
        tokio::task::yield_now().await;
    }});
}}

#[test]
fn {name}_leaks_a_thread() {{
    std::thread::spawn(|| loop {{ std::thread::park() }});
}}

#[highwater_leaktest::test(deny(blocks))]
fn {name}_leaks_a_block() {{
    std::mem::forget(std::hint::black_box(vec![7_u8; 1000]));
}}

#[highwater_leaktest::test(deny(blocks), max_blocks = 1)]
fn {name}_is_clean() {{
    drop(std::hint::black_box(vec![7_u8; 1000]));
}}
"
    )
}

/// An allocator that takes nothing from the C library.
const FOREIGN: &str = "
struct Bump;

static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
static mut MEMORY: [u8; 1 << 26] = [0; 1 << 26];

// SAFETY: each block is a part of its own of the memory.
unsafe impl std::alloc::GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        let size = layout.size() + layout.align();
        let place = NEXT.fetch_add(size, std::sync::atomic::Ordering::Relaxed);
        let memory = (&raw mut MEMORY).cast::<u8>();
        if place + size > 1 << 26 {
            return std::ptr::null_mut();
        }
        let begin = memory.wrapping_add(place);
        begin.wrapping_add(begin.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: std::alloc::Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump;
";

/// The harness's one line, in a library or a program.
const LINE: &str = "#[cfg(test)]\nuse highwater_leaktest as _;\n";

/// A library or a program with such an allocator, and its tests.
fn inside(allocator: &str, name: &str) -> String {
    format!("{LINE}{allocator}\n#[cfg(test)]\nmod tests {{{}}}\n", tests(name))
}

/// Documentation tests with the one line. One of them leaks.
const DOCUMENTED: &str = "
/// ```
/// # use highwater_leaktest as _;
/// std::thread::spawn(|| loop { std::thread::park() });
/// ```
///
/// ```
/// # use highwater_leaktest as _;
/// std::thread::spawn(|| ()).join().unwrap();
/// ```
pub fn documented() {}
";

struct Workspace {
    directory: PathBuf,
}

impl Workspace {
    /// A workspace of these packages. What is there of an earlier run is built again where it differs.
    fn new(packages: &[&str]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-allocators");
        let _ = fs::remove_dir_all(directory.join("packages"));
        let workspace = Self { directory };
        let members: Vec<String> = packages.iter().map(|it| format!("\"packages/{it}\"")).collect();
        let text = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[profile.dev]\ndebug = \"line-tables-only\"\n",
            members.join(", ")
        );
        workspace.write("Cargo.toml", &text);
        // The versions that are there already.
        let lock = build::directory().join("../../Cargo.lock");
        fs::copy(lock, workspace.directory.join("Cargo.lock")).expect("the lock file can be copied");
        for package in packages {
            let harness = build::directory().join("../../crates/highwater-leaktest");
            let manifest = format!(
                "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dev-dependencies]\n\
                 highwater-leaktest = {{ path = '{}' }}\ntokio = {{ version = \"1\", features = [\"rt\"] }}\n",
                harness.display()
            );
            workspace.write(&format!("packages/{package}/Cargo.toml"), &manifest);
        }
        workspace
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    /// What `cargo test` says, with these words behind it.
    fn test(&self, words: &[&str]) -> String {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.directory).args(["test", "--offline", "--no-fail-fast"]).args(words);
        run::clear(&mut cargo);
        cargo.env_remove("CARGO_MANIFEST_DIR").env("CARGO_TARGET_DIR", self.directory.join("target"));
        cargo.env("HIGHWATER_LEAKTEST_GRACE", "300ms");
        let output = cargo.output().expect("cargo starts");
        assert_eq!(output.status.code(), Some(101), "leaks were found: {output:?}");
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat()
    }
}

/// All of what the tests of this name leave is found, and no more.
fn are_checked(name: &str, said: &str) {
    for (test, words) in [
        ("leaks_a_task", "LEAKED 1 task, spawned "),
        ("leaks_a_thread", "LEAKED 1 thread, spawned "),
        ("leaks_a_block", "1 block, 1000 B, left"),
    ] {
        let test = format!("{name}_{test} ... ");
        assert!(said.lines().any(|it| it.contains(&test) && it.contains(words)), "{test}{words}: {said}");
    }
    assert!(said.lines().any(|it| it.contains(&format!("{name}_is_clean ... ok"))), "{said}");
}

#[test]
fn a_workspace_with_own_allocators_builds_and_is_checked() {
    let workspace = Workspace::new(&["plain", "library", "program", "integration", "foreign"]);
    let plain = inside("", "plain");
    workspace.write("packages/plain/src/lib.rs", &format!("{plain}{DOCUMENTED}"));
    // A library that has one, tested from inside and from outside.
    workspace.write("packages/library/src/lib.rs", &inside(OWN, "inside"));
    let outside = "use highwater_leaktest as _;\nuse library as _;\n";
    workspace.write("packages/library/tests/outside.rs", &format!("{outside}{}", tests("outside")));
    workspace.write("packages/program/src/main.rs", &inside(&format!("{OWN}fn main() {{}}\n"), "program"));
    workspace.write("packages/integration/src/lib.rs", "");
    workspace.write(
        "packages/integration/tests/own.rs",
        &format!("use highwater_leaktest as _;\n{OWN}{}", tests("integration")),
    );
    let threads = "\n#[test]\nfn foreign_leaks_a_thread() {\n    std::thread::spawn(|| loop { std::thread::park() });\n}\n";
    workspace.write("packages/foreign/src/lib.rs", &format!("{LINE}{FOREIGN}{threads}"));
    let said = workspace.test(&["--workspace", "--tests"]);
    for name in ["plain", "inside", "outside", "program", "integration"] {
        are_checked(name, &said);
    }
    let documented = workspace.test(&["--doc", "--package", "plain"]);
    assert!(documented.contains("the documentation test ... LEAKED 1 thread, spawned "), "{documented}");
    assert!(documented.contains("1 passed; 1 failed;"), "{documented}");
    // What cannot be checked is reported, and what can be is checked.
    assert!(said.contains("foreign_leaks_a_thread ... LEAKED 1 thread"), "{said}");
    assert!(
        said.contains("error: no allocation is recorded, so tasks and memory cannot be checked"),
        "{said}"
    );
    assert_eq!(said.matches("error: no allocation is recorded").count(), 1, "{said}");
}
