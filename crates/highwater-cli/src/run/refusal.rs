//! Why a program cannot be recorded, found out before it starts: from its file, where the loader will look
//! too.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _, elf};

use super::script;
use crate::error::CliError;

/// Scripts in a row, each the interpreter of the one before, that the kernel follows.
const MOST_SCRIPTS: usize = 5;

/// What helps where a program has its own allocator or no loader.
const REBUILD: &str = "build it with highwater::Alloc if it is a Rust program (docs/START.md)";

/// Refuses a program that would run without being recorded.
pub(super) fn check(program: &Path) -> Result<(), CliError> {
    let refused = |path: &Path, reason: String| CliError::Run { program: path.display().to_string(), reason };
    let mut path = program.to_owned();
    for _ in 0..MOST_SCRIPTS {
        let unreadable = |source| CliError::Unreadable { path: path.clone(), source };
        if let Some(reason) = privileges(&path) {
            return Err(refused(&path, reason));
        }
        let mut file = File::open(&path).map_err(unreadable)?;
        let mut content = Vec::new();
        file.by_ref().take(4096).read_to_end(&mut content).map_err(unreadable)?;
        if content.starts_with(&elf::ELFMAG) {
            file.read_to_end(&mut content).map_err(unreadable)?;
            return reason(&content).map_or(Ok(()), |it| Err(refused(&path, it)));
        }
        match script::interpreter(&content) {
            Some(interpreter) => path = interpreter,
            // A file of text without such a line is run by the shell.
            None if !content.is_empty() && !content.contains(&0) => path = "/bin/sh".into(),
            None => {
                return Err(refused(
                    &path,
                    "it is neither a program for this system nor a script".to_owned(),
                ));
            }
        }
    }
    Err(refused(&path, "too many scripts that start each other".to_owned()))
}

/// Why the loader would not preload anything into a program with the rights of its file.
#[cfg(unix)]
fn privileges(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    const SET_USER: u32 = 0o4000;
    const SET_GROUP: u32 = 0o2010;
    let found = fs::metadata(path).ok()?;
    let sets_user = found.mode() & SET_USER != 0 && found.uid() != rustix::process::geteuid().as_raw();
    let sets_group =
        found.mode() & SET_GROUP == SET_GROUP && found.gid() != rustix::process::getegid().as_raw();
    (sets_user || sets_group).then(|| {
        "it runs with its owner's rights (setuid or setgid), and the loader preloads nothing into such a program; run it as its owner".to_owned()
    })
}

#[cfg(not(unix))]
fn privileges(_: &Path) -> Option<String> {
    None
}

/// Why a program with this content cannot be recorded.
fn reason(content: &[u8]) -> Option<String> {
    let header = match elf::FileHeader64::<Endianness>::parse(content) {
        Ok(header) => header,
        Err(_) if content.get(4) == Some(&1) => {
            return Some(format!("it is a 32-bit program, and this command records {} ones", OWN.1));
        }
        Err(error) => return Some(format!("the file is damaged: {error}")),
    };
    let Ok(endian) = header.endian() else { return Some("the file is damaged".to_owned()) };
    let machine = header.e_machine(endian);
    if machine != OWN.0 {
        let name = machine_name(machine);
        return Some(format!(
            "it is built for {name}, and this command records {} programs; use one built for {name}",
            OWN.1
        ));
    }
    let Ok(segments) = header.program_headers(endian, content) else {
        return Some("the file is damaged".to_owned());
    };
    let loader = segments.iter().find_map(|it| it.interpreter(endian, content).ok().flatten());
    let Ok(object) = object::File::parse(content) else { return Some("the file is damaged".to_owned()) };
    let Some(loader) = loader else {
        if object.section_by_name(".go.buildinfo").is_some() {
            return Some("it is a static Go program, into which nothing can be preloaded; serve its own profiles with net/http/pprof, and read those with highwater top http://host:port/debug/pprof/heap".to_owned());
        }
        return Some(format!(
            "it is statically linked: nothing can be preloaded into it; link it dynamically with glibc, or {REBUILD}"
        ));
    };
    if String::from_utf8_lossy(loader).contains("ld-musl") {
        return Some(format!(
            "it is built for musl, and the preloaded library needs glibc; build it for glibc, or {REBUILD}"
        ));
    }
    own_allocator(&object).map(|name| {
        format!(
            "it has {name} inside, whose blocks do not come from the C library; build it with the system's allocator, or use that allocator's own profiler (highwater reads jemalloc's, gperftools' and Go's), or {REBUILD}"
        )
    })
}

/// Functions by which an allocator inside of a program is known, with its name.
const ALLOCATORS: [(&str, &str); 9] = [
    ("je_malloc", "jemalloc"),
    ("_rjem_malloc", "jemalloc"),
    ("_rjem_je_malloc_default", "jemalloc"),
    ("mi_malloc", "mimalloc"),
    ("tc_malloc", "tcmalloc"),
    ("TCMallocInternalMalloc", "tcmalloc"),
    ("rpmalloc", "rpmalloc"),
    ("sn_malloc", "snmalloc"),
    ("je_malloc_default", "jemalloc"),
];

/// The allocator that a program has inside, by the functions that it defines.
fn own_allocator(object: &object::File<'_>) -> Option<&'static str> {
    let is_defined = |it: &object::Symbol<'_, '_>| !it.is_undefined() && it.address() != 0;
    let symbols = object.symbols().chain(object.dynamic_symbols()).filter(is_defined);
    let names = symbols.filter_map(|it| it.name().ok().map(str::to_owned));
    let known = names.into_iter().find_map(|name| ALLOCATORS.iter().find(|it| it.0 == name).map(|it| it.1));
    // What the program exports goes before what is preloaded.
    let mut exported = object.dynamic_symbols().filter(is_defined);
    known.or_else(|| exported.any(|it| it.name() == Ok("malloc")).then_some("a malloc of its own"))
}

/// The machine that this command is built for, and its name.
const OWN: (elf::Machine, &str) = if cfg!(target_arch = "aarch64") {
    (elf::EM_AARCH64, "64-bit Arm")
} else {
    (elf::EM_X86_64, "64-bit x86")
};

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_X86_64 => "64-bit x86".to_owned(),
        elf::EM_386 => "32-bit x86".to_owned(),
        elf::EM_AARCH64 => "64-bit Arm".to_owned(),
        elf::EM_ARM => "32-bit Arm".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        elf::EM_PPC64 => "POWER".to_owned(),
        elf::EM_S390 => "IBM Z".to_owned(),
        other => format!("another machine (number {} of ELF)", other.0),
    }
}
