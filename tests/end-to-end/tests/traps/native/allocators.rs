//! Allocators in shared libraries: they are recorded, and nothing of the recorder's own comes from them.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use super::{Run, compile, recorded};

/// An allocator of a shared library: no headers of glibc's, and sizes rounded up to 64.
const SHARED_ALLOCATOR: &str = r#"
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static char *next, *end;
int is_forbidden;
size_t malloc_usable_size(void *p) { return p ? ((size_t *)p)[-2] : 0; }
void *memalign(size_t align, size_t n) {
    if (is_forbidden) write(2, "an allocation\n", 14);
    if (!next) next = mmap(0, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), end = next + (1 << 30);
    if (align < 16) align = 16;
    char *p = (char *)(((size_t)next + 16 + align - 1) / align * align);
    n = (n + 63) / 64 * 64;
    if (p + n > end) return 0;
    next = p + n;
    ((size_t *)p)[-2] = n;
    return p;
}
void *malloc(size_t n) { return memalign(16, n); }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void free(void *p) {}
void *realloc(void *p, size_t n) {
    void *q = malloc(n);
    size_t before = malloc_usable_size(p);
    if (p && q) memcpy(q, p, before < n ? before : n);
    return q;
}
"#;

#[test]
fn an_allocator_in_a_shared_library_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("shared.c"), SHARED_ALLOCATOR).unwrap();
    compile(&at("shared.c"), &at("libshared.so"), &["-shared", "-fPIC"]);
    let main = "#include <stdlib.h>\nint main(void) { for (int i = 0; i < 1000; i++) { char *p = malloc(i); p = realloc(p, i + 70); free(p); } return 0; }\n";
    fs::write(at("main.c"), main).unwrap();
    let library = at("libshared.so");
    compile(&at("main.c"), &at("main"), &[library.to_str().unwrap()]);
    let program = at("main");
    let run_with = Run::new(&["--exact"], &[program.to_str().unwrap()]);
    assert_eq!(run_with.output.status.code(), Some(0), "{}", run_with.errors());
    let [blocks, bytes, freed_blocks, ..] = recorded(&run_with.meta("heap.pb.gz"));
    let asked: i64 = (0..1000).map(|it| it + it + 70).sum();
    // The compiler's own library allocates a block when it is loaded.
    assert!((2000..2005).contains(&blocks) && freed_blocks >= 2000, "{blocks} {freed_blocks}");
    assert!((asked..asked + 100_000).contains(&bytes), "{bytes} of {asked}");
    let sampled = Run::new(&["--interval", "1KiB"], &[program.to_str().unwrap()]);
    let [blocks, ..] = recorded(&sampled.meta("heap.pb.gz"));
    assert!((2000..2005).contains(&blocks), "{blocks}");
}

/// A second thread is ended by a signal, from where on nothing may be allocated.
const FORBIDDING: &str = r"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
extern int is_forbidden;
static void *kept;
static void *work(void *unused) { kept = malloc(100); is_forbidden = 1; raise(SIGTERM); return 0; }
int main(void) { pthread_t thread; pthread_create(&thread, 0, work, 0); pthread_join(thread, 0); return 0; }
";

#[test]
fn the_profile_is_written_in_the_signal_handler_of_any_thread_without_the_programs_allocator() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("shared.c"), SHARED_ALLOCATOR).unwrap();
    compile(&at("shared.c"), &at("libshared.so"), &["-shared", "-fPIC"]);
    fs::write(at("main.c"), FORBIDDING).unwrap();
    let library = at("libshared.so");
    compile(&at("main.c"), &at("main"), &["-pthread", library.to_str().unwrap()]);
    let program = at("main");
    for options in [&["--exact"][..], &["--interval", "1KiB"]] {
        let run_with = Run::new(options, &[program.to_str().unwrap()]);
        assert_eq!(run_with.output.status.signal(), Some(15), "{}", run_with.errors());
        assert_eq!(run_with.errors(), "", "{options:?}");
        let [blocks, ..] = recorded(&run_with.meta("heap.pb.gz"));
        assert!(blocks >= 1, "{blocks}");
    }
}
