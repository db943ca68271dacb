//! Programs that cannot be recorded: the command says so before they start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::succeed;

use super::{Run, compile};

/// Runs a program that is to be refused before it starts, and returns why.
fn refused(program: &str) -> String {
    let run_with = Run::new(&[], &[program]);
    assert_eq!(
        (run_with.output.status.code(), run_with.output.stdout.len()),
        (Some(2), 0),
        "{program}: {}",
        run_with.errors()
    );
    assert!(run_with.files().is_empty(), "{program}");
    let said = run_with.errors();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(program.rsplit('/').next().unwrap()), "{said} does not name {program}");
    said
}

#[test]
fn what_cannot_be_recorded_is_refused_before_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    fs::write(at("hello.c"), "int puts(const char *);\nint main(void) { puts(\"hello\"); }\n").unwrap();
    let own = "void *malloc(unsigned long n) { static char room[1 << 20]; static long used; return room + (used += (n + 15) & ~15L) - ((n + 15) & ~15L); }\nvoid free(void *p) {}\n";
    fs::write(at("own.c"), format!("{own}int main(void) {{ return malloc(3) == 0; }}\n")).unwrap();
    fs::write(at("je.c"), "void *_rjem_malloc(unsigned long n) { return 0; }\nint main(void) { return _rjem_malloc(1) != 0; }\n").unwrap();
    let hello = at("hello.c");
    compile(&hello, &at("dynamic"), &[]);
    compile(&hello, &at("static"), &["-static"]);
    compile(&hello, &at("musl"), &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    compile(&at("own.c"), &at("own"), &["-rdynamic"]);
    compile(&at("je.c"), &at("je"), &[]);

    // The program itself is fine; each of the others has one fault.
    let accepted = Run::new(&["--exact"], &[&text("dynamic")]);
    assert_eq!(accepted.output.stdout, b"hello\n", "{}", accepted.errors());

    let mut other = fs::read(at("dynamic")).unwrap();
    // e_machine.
    other[18..20].copy_from_slice(&183_u16.to_le_bytes());
    fs::write(at("other"), &other).unwrap();
    fs::write(at("script"), format!("#!{}\n", text("static"))).unwrap();
    fs::write(at("damaged"), &fs::read(at("dynamic")).unwrap()[..60]).unwrap();
    fs::write(at("data"), [0_u8; 100]).unwrap();
    for name in ["other", "script", "damaged", "data"] {
        succeed(Command::new("chmod").arg("+x").arg(at(name)));
    }
    assert!(refused(&text("static")).contains("statically linked"));
    assert!(refused(&text("musl")).contains("musl"));
    assert!(refused(&text("own")).contains("a malloc of its own inside"));
    assert!(refused(&text("je")).contains("jemalloc inside"));
    assert!(refused(&text("other")).contains("64-bit Arm"));
    assert!(refused(&text("damaged")).contains("damaged"));
    assert!(refused(&text("data")).contains("neither a program"));
    assert!(refused(&text("hello.c")).contains("may not be executed"));
    assert!(refused(&text("none")).contains("No such file"));
    assert!(refused("no-such-program-anywhere").contains("PATH"));
    // It is what the script would start.
    let script = Run::new(&[], &[&text("script")]);
    assert!(script.errors().contains("static: it is statically linked"), "{}", script.errors());
}

/// A program with the rights of another user: a copy of one, or if that cannot be made, one of the system's.
fn setuid_program(directory: &Path) -> PathBuf {
    const NOBODY: &str = "65534";
    let copy = directory.join("setuid");
    fs::copy("/bin/true", &copy).unwrap();
    // It takes the bit away, which is set behind it.
    let is_given = Command::new("chown").arg(NOBODY).arg(&copy).output().unwrap().status.success();
    if !is_given {
        return PathBuf::from("/usr/bin/su");
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    copy
}

#[test]
fn a_program_with_the_rights_of_another_user_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let program = setuid_program(directory.path());
    let said = refused(program.to_str().unwrap());
    assert!(said.contains("setuid"), "{said}");
    // The same without the bit is recorded.
    let plain = directory.path().join("plain");
    fs::copy("/bin/true", &plain).unwrap();
    let run_with = Run::new(&["--exact"], &[plain.to_str().unwrap()]);
    assert_eq!((run_with.output.status.code(), run_with.errors()), (Some(0), String::new()));
}

#[test]
fn a_program_that_cannot_be_recorded_is_run_all_the_same_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (source, program) = (directory.path().join("main.c"), directory.path().join("main"));
    fs::write(&source, "int puts(const char *);\nint main(void) { puts(\"hello\"); return 7; }\n").unwrap();
    compile(&source, &program, &["-static"]);
    let run_with = Run::new(&["--if-possible"], &[program.to_str().unwrap()]);
    assert_eq!((run_with.output.status.code(), &*run_with.output.stdout), (Some(7), &b"hello\n"[..]));
    assert!(run_with.errors().contains("not recorded") && run_with.errors().contains("statically linked"));
    assert!(run_with.files().is_empty(), "{:?}", run_with.files());
}
