//! What was found out about this very build of the program, kept on the disk for the processes that follow.
//!
//! A runner such as cargo-nextest starts a process for each test. To read the program's debug information
//! takes each of them a quarter of a second and more, for the same answers. So they are kept in a file beside
//! the program, `.highwater/NAME`, by the build id that the linker wrote ([`identity`]). Nothing depends on
//! that file: one that is missing, damaged ([`table`]), of another build or another version is as good as
//! none, and is written anew where that is allowed.

mod frames;
mod identity;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::finding::Frame;
use table::Table;

/// The directory beside a program in which its file is.
const DIRECTORY: &str = ".highwater";
/// A file is not made larger than this.
const MOST_BYTES: usize = 16 << 20;

/// What kinds of answers there are. A record's number is the kind and the place in the program.
#[derive(Clone, Copy)]
enum Kind {
    /// What the constants tell.
    Constants = 1,
    /// The calls at an address.
    Frames = 2,
    /// The names of the functions at an address.
    Names = 3,
    /// From this address on the code is of one kind.
    Code = 4,
}

impl Kind {
    fn key(self, place: usize) -> u64 {
        /// Bits of a place. Programs are smaller than this.
        const PLACE_BITS: u32 = 56;
        (self as u64) << PLACE_BITS | place as u64
    }
}

/// What is known of one program.
#[derive(Debug)]
struct Learnt {
    addresses: Range<usize>,
    identity: Vec<u8>,
    path: PathBuf,
    table: Option<Table>,
    is_damaged: AtomicBool,
    /// What this process found out.
    news: Mutex<BTreeMap<u64, Vec<u8>>>,
    code: OnceLock<Code>,
}

/// The places at which another kind of code begins, in their order.
type Code = Vec<(usize, u8)>;

/// The kind of unknown code.
pub(crate) const UNKNOWN: u8 = 0;

/// How often this process has asked the program itself.
static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// How often this process has read the program's constants, symbols or debug information, because nobody had
/// before.
pub(crate) fn number_of_lookups() -> usize {
    LOOKUPS.load(Ordering::Relaxed)
}

fn looked_up<T>(find: impl FnOnce() -> T) -> T {
    LOOKUPS.fetch_add(1, Ordering::Relaxed);
    find()
}

/// What is known of this program. `None` where nothing can be kept.
fn own() -> Option<&'static Learnt> {
    static OWN: LazyLock<Option<Learnt>> = LazyLock::new(|| {
        let program = highwater_hooks::program()?;
        let path = std::env::current_exe().ok()?;
        let identity = identity::identify(&program, &path)?;
        let path = path.parent()?.join(DIRECTORY).join(path.file_name()?);
        Some(Learnt::new(program.addresses, identity, path))
    });
    OWN.as_ref()
}

impl Learnt {
    fn new(addresses: Range<usize>, identity: Vec<u8>, path: PathBuf) -> Self {
        let table = fs::read(&path).ok().and_then(|it| Table::read(it, &identity));
        let (is_damaged, news) = (AtomicBool::new(false), Mutex::new(BTreeMap::new()));
        Self { addresses, identity, path, table, is_damaged, news, code: OnceLock::new() }
    }

    /// The place of an address in the program.
    fn place(&self, address: usize) -> Option<usize> {
        self.addresses.contains(&address).then(|| address - self.addresses.start)
    }

    /// What the file has, as long as no damage was found in it.
    fn in_file<T>(&self, ask: impl FnOnce(&Table) -> Result<Option<T>, table::Damaged>) -> Option<T> {
        let table = self.table.as_ref().filter(|_| !self.is_damaged.load(Ordering::Relaxed))?;
        ask(table).unwrap_or_else(|table::Damaged| {
            self.is_damaged.store(true, Ordering::Relaxed);
            None
        })
    }

    fn news(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        // Each change is one insertion, whole even when a test panicked around it.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer for `key`: from the file, or by `find`, and then kept.
    fn answer<T>(
        &self,
        key: u64,
        decode: impl FnOnce(&[u8]) -> Option<T>,
        encode: impl FnOnce(&T) -> Vec<u8>,
        find: impl FnOnce() -> T,
    ) -> T {
        if let Some(known) = self.in_file(|it| Ok(it.get(key)?.and_then(decode))) {
            return known;
        }
        let found = looked_up(find);
        self.news().insert(key, encode(&found));
        found
    }

    /// The kind of code that is at a place. `read` yields the kinds of all places.
    fn code_at(&self, place: usize, read: impl FnOnce() -> Code) -> u8 {
        let key = Kind::Code.key(place);
        let known = self.in_file(|it| {
            let found = it.at_or_before(key)?.filter(|(it, _)| *it >= Kind::Code.key(0));
            Ok(found.and_then(|(_, content)| content.first().copied()))
        });
        known.unwrap_or_else(|| {
            let code = self.code.get_or_init(|| {
                let mut code = looked_up(read);
                code.sort_unstable();
                // What is in front of all is of no kind.
                code.insert(0, (0, UNKNOWN));
                code.dedup_by_key(|it| it.1);
                code
            });
            code[code.partition_point(|it| it.0 <= place).saturating_sub(1)].1
        })
    }

    /// Writes what this process found out, with what others have written meanwhile.
    fn save(&self) {
        let mut news = std::mem::take(&mut *self.news());
        for (place, kind) in self.code.get().into_iter().flatten() {
            news.insert(Kind::Code.key(*place), vec![*kind]);
        }
        if news.is_empty() {
            return;
        }
        let others = fs::read(&self.path).ok().and_then(|it| Table::read(it, &self.identity));
        for (key, content) in others.iter().flat_map(Table::records) {
            news.entry(key).or_insert_with(|| content.to_owned());
        }
        if news.values().map(|it| it.len() + size_of::<[u64; 3]>()).sum::<usize>() > MOST_BYTES {
            return;
        }
        // Where it may not be written the next process finds out for itself.
        if self.path.parent().is_some_and(|it| fs::create_dir_all(it).is_ok()) {
            let write = |out: &mut dyn std::io::Write| table::write(out, &self.identity, &news);
            let _ = highwater_profile::file::write_atomically(&self.path, write);
        }
    }
}

/// What the program's constants tell, `find` if nobody has found out yet.
pub(crate) fn constants(find: impl FnOnce() -> [bool; 3]) -> [bool; 3] {
    let decode = |bytes: &[u8]| <[u8; 3]>::try_from(bytes).ok().map(|it| it.map(|it| it == 1));
    match own() {
        Some(own) => own.answer(Kind::Constants.key(0), decode, |it| it.map(u8::from).to_vec(), find),
        None => looked_up(find),
    }
}

/// The calls at an address, `find` if nobody has found out yet.
pub(crate) fn frames(address: usize, find: impl FnOnce() -> Vec<Frame>) -> Vec<Frame> {
    match own().and_then(|own| Some((own, own.place(address)?))) {
        Some((own, place)) => {
            own.answer(Kind::Frames.key(place), frames::decode, |it| frames::encode(it), find)
        }
        None => find(),
    }
}

/// The names of the functions at an address, `find` if nobody has found out yet.
pub(crate) fn names(address: usize, find: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let decode = |bytes: &[u8]| {
        let text = str::from_utf8(bytes).ok()?;
        Some(text.split_terminator('\n').map(str::to_owned).collect())
    };
    let encode =
        |names: &Vec<String>| names.iter().flat_map(|it| [it.as_bytes(), b"\n"]).collect::<Vec<_>>().concat();
    match own().and_then(|own| Some((own, own.place(address)?))) {
        Some((own, place)) => own.answer(Kind::Names.key(place), decode, encode, find),
        None => find(),
    }
}

/// The kind of code that is at an address of the program, where `read` yields the kinds of all its places.
/// `None` for an address that is not the program's.
pub(crate) fn code_at(address: usize, read: impl FnOnce() -> Code) -> Option<u8> {
    let own = own()?;
    Some(own.code_at(own.place(address)?, read))
}

/// Keeps what this process found out for those that follow.
pub(crate) fn save() {
    // Nothing was asked of a process that runs no test.
    if number_of_lookups() > 0
        && let Some(own) = own()
    {
        own.save();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(path: &std::path::Path, identity: &str) -> Learnt {
        Learnt::new(0x1000..0x9000, identity.into(), path.to_owned())
    }

    /// The answer for 7, which is `found` where nobody knows, and whether it had to be found.
    fn ask(learnt: &Learnt, found: u8) -> (u8, bool) {
        let mut was_found = false;
        let find = || {
            was_found = true;
            found
        };
        let answer = learnt.answer(7, |it| it.first().copied(), |it| vec![*it], find);
        (answer, was_found)
    }

    #[test]
    fn what_one_process_finds_out_the_next_one_knows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".highwater/program");
        let first = learnt(&path, "build");
        assert_eq!(ask(&first, 1), (1, true));
        // Two at once: the one that writes last keeps what the other has written.
        let second = learnt(&path, "build");
        assert_eq!(second.code_at(0x20, || vec![(0x30, 3), (0x10, 2)]), 2);
        first.save();
        second.save();
        let third = learnt(&path, "build");
        assert_eq!(ask(&third, 9), (1, false));
        let nothing = || unreachable!("it is in the file");
        let code = |place| third.code_at(place, nothing);
        assert_eq!([code(0xf), code(0x10), code(0x2f), code(0x30), code(0x7000)], [0, 2, 2, 3, 3]);
        third.save();
        let other = learnt(&path, "another build");
        assert_eq!(ask(&other, 9), (9, true), "a file of another build is not believed");
        other.save();
        assert_eq!(ask(&learnt(&path, "another build"), 8), (9, false));
    }

    #[test]
    fn damaged_files_are_ignored_and_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        let first = learnt(&path, "build");
        ask(&first, 1);
        first.save();
        let whole = fs::read(&path).unwrap();
        let damages = (0..whole.len()).map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            bytes
        });
        for damaged in damages.chain([vec![], whole[..whole.len() / 2].to_vec(), vec![0xff; 500]]) {
            fs::write(&path, damaged).unwrap();
            let second = learnt(&path, "build");
            assert_eq!(ask(&second, 2), (2, true));
            second.save();
            assert_eq!(ask(&learnt(&path, "build"), 3), (2, false));
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_to_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "text").unwrap();
        let learnt = learnt(&file.join("program"), "build");
        assert_eq!(ask(&learnt, 1), (1, true));
        learnt.save();
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
    }
}
