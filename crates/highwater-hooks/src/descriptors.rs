//! Who opened each descriptor of the process, and where.
//!
//! A table by the descriptors' numbers, in memory of its own. `open` and `close` may be called in a handler
//! of signals and in a child of `fork`, so nothing here takes a lock, allocates, or changes `errno`. A number
//! is written to by the thread that the kernel has given it; a reader takes a copy, and takes it again when
//! the number was given anew meanwhile.
//!
//! A descriptor is open as long as it leads to the file that it was opened for. So one that was closed past
//! the hooks is noticed.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use crate::about::about_descriptor;
use crate::live::{Counted, Live};
use crate::next::{error_number, set_error_number};
use crate::stack::{self, MOST_FRAMES};
use crate::thread::Thread;
use crate::{calling_thread, observer, registry};

/// Numbers in one piece of the table.
const IN_CHUNK: usize = 64;
/// Pieces. Descriptors with higher numbers are not followed.
const CHUNKS: usize = 1024;

static TABLE: [AtomicPtr<Chunk>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
static FOLLOWS: AtomicBool = AtomicBool::new(false);
static LAST_SERIAL: AtomicU64 = AtomicU64::new(0);
/// One more than the highest number that was written down.
static END: AtomicUsize = AtomicUsize::new(0);

type Chunk = [Slot; IN_CHUNK];

/// What is known of the descriptor of one number. All zero when there is none.
struct Slot {
    /// 0 while nothing is written down.
    serial: AtomicU64,
    scope: AtomicU64,
    live: AtomicPtr<Live>,
    opener: AtomicU64,
    device: AtomicU64,
    inode: AtomicU64,
    count: AtomicU32,
    frames: [AtomicUsize; MOST_FRAMES],
}

/// A descriptor that was opened in a scope and is open.
#[derive(Clone, Debug)]
pub struct Descriptor {
    number: u32,
    serial: u64,
    opener: Option<Thread>,
    stack: Box<[usize]>,
}

impl Descriptor {
    /// Its number, as the kernel has it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its place among all descriptors that were seen to be opened, from 1. Never used twice.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The thread that opened it, if it was seen to start.
    pub fn opener(&self) -> Option<&Thread> {
        self.opener.as_ref()
    }

    /// Where it was opened, as [`Thread::spawn_stack`] has it.
    pub fn open_stack(&self) -> &[usize] {
        &self.stack
    }
}

/// From now on descriptors are followed. Those that are open already are the process's.
pub fn follow_descriptors() {
    if FOLLOWS.swap(true, Ordering::AcqRel) {
        return;
    }
    /// A process inherits few descriptors, with low numbers.
    const MOST_INHERITED: usize = 256;
    let closed = libc::pollfd { fd: 0, events: 0, revents: 0 };
    let mut asked = [closed; MOST_INHERITED];
    for (number, each) in (0..).zip(&mut asked) {
        each.fd = number;
    }
    // SAFETY: the array has this many entries. Nothing is waited for.
    unsafe { libc::poll(asked.as_mut_ptr(), MOST_INHERITED as libc::nfds_t, 0) };
    for each in asked.iter().filter(|it| it.revents & libc::POLLNVAL == 0) {
        opened(each.fd);
    }
}

/// A descriptor that is open and was not seen to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenDescriptor {
    /// Its number, as the kernel has it.
    pub number: u32,
    /// What it leads to, as [`about_descriptor`](crate::about_descriptor) has it.
    pub about: String,
}

/// Descriptors that were opened past the hooks, by the system call itself or by the C library for itself.
pub fn unseen_descriptors() -> Vec<UnseenDescriptor> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let numbers: Vec<u32> =
        entries.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok()).collect();
    let unknown = numbers.into_iter().filter(|it| !is_known(*it));
    // The directory itself was among them.
    unknown.filter_map(|number| Some(UnseenDescriptor { number, about: about_descriptor(number)? })).collect()
}

/// A file, by what the kernel tells files apart. `None` for a number that is not open.
fn identity(number: usize) -> Option<(u64, u64)> {
    let number = i32::try_from(number).ok()?;
    // SAFETY: nothing but integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the record is ours. Any number may be asked for.
    let result = unsafe { libc::fstat(number, &raw mut stat) };
    (result == 0).then_some((stat.st_dev, stat.st_ino))
}

/// The place of a number, if its piece of the table is there.
#[inline]
fn slot(number: usize) -> Option<&'static Slot> {
    let chunk = TABLE.get(number / IN_CHUNK)?.load(Ordering::Acquire);
    // SAFETY: a piece that is in the table is never unmapped, and its memory was zero, which is a value of
    // its type.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[number % IN_CHUNK])
}

/// The same, and the piece is made if it is not there.
fn slot_or_new(number: usize) -> Option<&'static Slot> {
    let place = TABLE.get(number / IN_CHUNK)?;
    if place.load(Ordering::Acquire).is_null() {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, wherever the kernel likes.
        let new = unsafe { libc::mmap(ptr::null_mut(), size_of::<Chunk>(), protection, flags, -1, 0) };
        if new == libc::MAP_FAILED {
            return None;
        }
        let taken =
            place.compare_exchange(ptr::null_mut(), new.cast(), Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !taken {
            // SAFETY: nobody else knows of this memory.
            unsafe { libc::munmap(new, size_of::<Chunk>()) };
        }
    }
    slot(number)
}

impl Slot {
    /// Forgets what is written down, and counts it out of its scope.
    fn clear(&self) {
        if self.serial.swap(0, Ordering::AcqRel) != 0 {
            self.count_out();
        }
    }

    fn count_out(&self) {
        let live = self.live.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: what counts for a scope is never freed.
        if let Some(live) = unsafe { live.as_ref() } {
            live.remove_one(Counted::Descriptors);
        }
    }

    /// A copy of what is written down, with the identity of the file. `None` when it is not of `scope`.
    fn read(&self, number: usize, scope: u64) -> Option<(Descriptor, u64, (u64, u64))> {
        loop {
            let serial = self.serial.load(Ordering::Acquire);
            if serial == 0 || self.scope.load(Ordering::Relaxed) != scope {
                return None;
            }
            let opener = self.opener.load(Ordering::Relaxed);
            let file = (self.device.load(Ordering::Relaxed), self.inode.load(Ordering::Relaxed));
            let count = (self.count.load(Ordering::Relaxed) as usize).min(MOST_FRAMES);
            let stack = self.frames[..count].iter().map(|it| it.load(Ordering::Relaxed)).collect();
            fence(Ordering::Acquire);
            if self.serial.load(Ordering::Relaxed) == serial {
                let number = u32::try_from(number).ok()?;
                return Some((Descriptor { number, serial, opener: None, stack }, opener, file));
            }
        }
    }
}

/// A function in front of the C library's has opened this descriptor; a negative number is none.
#[inline]
pub(crate) fn opened(number: i32) {
    if FOLLOWS.load(Ordering::Relaxed)
        && let Ok(number) = usize::try_from(number)
    {
        note(number);
    }
}

fn note(number: usize) {
    let error = error_number();
    if !registry::is_disowned()
        && let Some(slot) = slot_or_new(number)
    {
        // What was closed past the hooks.
        slot.clear();
        // The observer asks the registry.
        if !registry::is_held_here() {
            observer::notes();
        }
        let (scope, live) = calling_thread::scope();
        slot.scope.store(scope, Ordering::Relaxed);
        let counts = live.filter(|it| scope != 0 && it.add_one(scope, Counted::Descriptors));
        if let Some(live) = counts {
            let (device, inode) = identity(number).unwrap_or_default();
            slot.device.store(device, Ordering::Relaxed);
            slot.inode.store(inode, Ordering::Relaxed);
            slot.opener.store(calling_thread::number().unwrap_or(0), Ordering::Relaxed);
            let mut frames = [0; MOST_FRAMES];
            let count = stack::walk(&mut frames);
            for (place, frame) in slot.frames.iter().zip(&frames[..count]) {
                place.store(*frame, Ordering::Relaxed);
            }
            slot.count.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
            slot.live.store(ptr::from_ref(live).cast_mut(), Ordering::Relaxed);
        }
        END.fetch_max(number + 1, Ordering::Relaxed);
        slot.serial.store(LAST_SERIAL.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Release);
    }
    set_error_number(error);
}

/// A function in front of the C library's is about to close this descriptor.
#[inline]
pub(crate) fn closes(number: i32) {
    if FOLLOWS.load(Ordering::Relaxed)
        && let Ok(number) = usize::try_from(number)
        && let Some(slot) = slot(number)
        && !registry::is_disowned()
    {
        slot.clear();
    }
}

/// The descriptors of a scope that are open.
pub(crate) fn in_scope(scope: u64) -> Vec<Descriptor> {
    let mut found = Vec::new();
    for number in 0..END.load(Ordering::Relaxed) {
        let Some(slot) = slot(number) else { continue };
        let Some((mut descriptor, opener, file)) = slot.read(number, scope) else { continue };
        if identity(number) == Some(file) {
            descriptor.opener = registry::thread(opener);
            found.push(descriptor);
        } else if slot
            .serial
            .compare_exchange(descriptor.serial, 0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            // It was closed past the hooks.
            slot.count_out();
        }
    }
    found.sort_unstable_by_key(|it| it.serial);
    found
}

/// Whether a descriptor was seen to be opened, by its number.
pub(crate) fn is_known(number: u32) -> bool {
    usize::try_from(number).ok().and_then(slot).is_some_and(|it| it.serial.load(Ordering::Relaxed) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scope, sees_descriptors};
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::thread;

    /// What `open` leaves open, by the numbers of descriptors.
    fn left<T>(open: impl FnOnce() -> T) -> (T, Scope, Vec<u32>) {
        follow_descriptors();
        assert!(sees_descriptors());
        let scope = Scope::new();
        let entered = scope.enter();
        let value = open();
        drop(entered);
        let numbers = scope.descriptors().iter().map(Descriptor::number).collect();
        (value, scope, numbers)
    }

    #[test]
    fn what_is_open_is_known_in_every_way_of_opening() {
        type Open = fn() -> Vec<OwnedFd>;
        let opens: [(&str, Open); 6] = [
            ("file", || vec![File::open("/dev/null").unwrap().into()]),
            ("listener", || vec![TcpListener::bind("127.0.0.1:0").unwrap().into()]),
            ("datagrams", || vec![UdpSocket::bind("127.0.0.1:0").unwrap().into()]),
            ("pair", || UnixStream::pair().map(|(a, b)| vec![a.into(), b.into()]).unwrap()),
            ("pipe", || std::io::pipe().map(|(a, b)| vec![a.into(), b.into()]).unwrap()),
            ("copy", || {
                let file = File::open("/dev/null").unwrap();
                vec![file.try_clone().unwrap().into()]
            }),
        ];
        for (name, open) in opens {
            let (kept, scope, numbers) = left(open);
            let expected: Vec<u32> = kept.iter().map(|it| it.as_raw_fd().cast_unsigned()).collect();
            assert_eq!(numbers, expected, "{name}");
            assert!(scope.descriptors().iter().all(|it| it.open_stack().len() > 3), "{name}");
            drop(kept);
            assert_eq!((scope.live_descriptors(), scope.descriptors().len()), (0, 0), "{name}");
        }
    }

    #[test]
    fn what_is_closed_past_the_hooks_is_not_open() {
        let (number, scope, numbers) = left(|| File::open("/dev/null").unwrap().into_raw_fd());
        assert_eq!(numbers, [number.cast_unsigned()]);
        // SAFETY: the descriptor is owned by nobody else.
        unsafe { libc::syscall(libc::SYS_close, number) };
        assert_eq!(scope.descriptors().len(), 0);
        assert_eq!(scope.live_descriptors(), 0);
    }

    #[test]
    fn another_file_of_the_same_number_is_another_descriptor() {
        let (number, scope, _) = left(|| File::open("/dev/null").unwrap().into_raw_fd());
        let other = File::open("/dev/zero").unwrap();
        // SAFETY: the descriptor is owned by nobody else, and is not closed by this value's owner.
        unsafe { libc::syscall(libc::SYS_dup3, other.as_raw_fd(), number, 0) };
        assert_eq!(scope.descriptors().len(), 0);
        // SAFETY: the descriptor is owned by nobody else.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }

    #[test]
    fn an_opener_that_has_ended_is_known() {
        let name = |it: &Descriptor| it.opener().map(Thread::number);
        let (kept, scope, _) = left(|| thread::spawn(|| File::open("/dev/null").unwrap()).join().unwrap());
        assert!(scope.descriptors().iter().all(|it| name(it).is_some()) && scope.live_descriptors() == 1);
        drop(kept);
    }

    #[test]
    fn descriptors_past_the_hooks_are_unseen() {
        follow_descriptors();
        // SAFETY: takes no memory but its name's.
        let number = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/dev/null".as_ptr(), 0) };
        let number = i32::try_from(number).unwrap();
        let unseen = |number: i32| unseen_descriptors().iter().any(|it| it.number == number.cast_unsigned());
        assert!(unseen(number) && !unseen(0));
        // SAFETY: the descriptor is owned by nobody else.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
        assert!(!unseen(number));
    }
}
