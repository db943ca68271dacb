//! A dump and its program on one machine: each site gets the same name as in the allocator's own tool.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::succeed;
use tempfile::TempDir;

use super::support::{functions, top};

/// The program behind the goldens, built in a temporary directory.
fn program() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("sites");
    let source = highwater_tests::repository().join("tests/golden/programs/sites.c");
    let mut compiler = Command::new("gcc");
    succeed(compiler.args(["-O1", "-g", "-fno-omit-frame-pointer", "-o"]).args([&program, &source]));
    (directory, program)
}

/// The only file in `directory` with this suffix.
fn dump(directory: &Path, end: &str) -> PathBuf {
    let all = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    let all: Vec<PathBuf> = all.filter(|it| it.to_str().unwrap().ends_with(end)).collect();
    let [dump] = &all[..] else { panic!("not one dump: {all:?}") };
    dump.clone()
}

/// Compares the cumulative live bytes of the program's sites.
fn compare(tool: &str, program: &Path, dump: &Path, error: i64) {
    let text = succeed(Command::new(tool).args(["--text", "--show_bytes"]).args([program, dump]));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let name = fields.get(5).filter(|it| it.starts_with("site_") || **it == "main")?;
        Some(((*name).to_owned(), fields[3].parse::<i64>().ok()?))
    };
    let theirs: BTreeMap<String, i64> = text.lines().filter_map(row).collect();
    let mut ours = functions(dump, &["--addresses", "--sample", "live-bytes"]);
    ours.retain(|name, _| name.starts_with("site_") || name == "main");
    assert!(theirs.len() >= 12, "{text}");
    assert_eq!(ours.len(), theirs.len(), "{ours:?}\n{text}");
    for (name, value) in &theirs {
        assert!((0..=error).contains(&(value - ours[name])), "{name}: {} and {value}", ours[name]);
    }
    let order = |values| top(values).into_iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(order(&ours), order(&theirs));
}

#[test]
fn sites_of_jemalloc_have_their_names() {
    let (directory, program) = program();
    let prefix = directory.path().join("heap");
    let setting = format!("prof:true,prof_final:true,lg_prof_sample:12,prof_prefix:{}", prefix.display());
    succeed(Command::new(&program).env("LD_PRELOAD", "libjemalloc.so.2").env("MALLOC_CONF", setting));
    compare("jeprof", &program, &dump(directory.path(), ".heap"), 60);
}

#[test]
fn sites_of_gperftools_have_their_names() {
    let (directory, program) = program();
    let prefix = directory.path().join("heap");
    succeed(Command::new(&program).env("LD_PRELOAD", "libtcmalloc.so.4").env("HEAPPROFILE", prefix));
    compare("google-pprof", &program, &dump(directory.path(), ".heap"), 0);
}
