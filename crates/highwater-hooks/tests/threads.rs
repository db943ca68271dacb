//! Threads of every origin are seen to start and to end, in the right scope, with their stacks.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ffi::{c_int, c_void};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use highwater_hooks::{Scope, Spawner, State, file_of, present_stack, status};

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn names(addresses: &[usize]) -> Vec<String> {
    let mut names = Vec::new();
    for address in addresses {
        backtrace::resolve(*address as *mut _, |symbol| {
            names.extend(symbol.name().map(|it| it.to_string()));
        });
    }
    names
}

#[inline(never)]
fn hold(wait: Receiver<()>) {
    let _ = wait.recv();
}

#[inline(never)]
fn spawn_a_holder(wait: Receiver<()>) -> thread::JoinHandle<()> {
    thread::spawn(move || hold(wait))
}

#[test]
fn the_hooks_work_here() {
    assert_eq!(file_of(1), None);
    assert_eq!(status(), Ok(()));
}

#[test]
fn a_thread_is_known_with_its_stacks_until_it_ends() {
    let scope = Scope::new();
    let (release, wait) = mpsc::channel();
    let entered = scope.enter();
    let holder = spawn_a_holder(wait);
    drop(entered);
    assert_eq!(scope.live(), 1);
    let thread = scope.threads().remove(0);
    until("it sleeps", || thread.read().is_some_and(|it| it.state == State::Asleep));
    let spawned = names(thread.spawn_stack());
    assert!(spawned.iter().any(|name| name.contains("spawn_a_holder")), "{spawned:?}");
    let files: Vec<String> = thread.spawn_stack().iter().filter_map(|it| file_of(*it)).collect();
    assert!(
        files.iter().any(|it| it.contains("libc.so")) && files.iter().any(|it| it.contains("threads-")),
        "{files:?}"
    );
    until("it has come to hold", || {
        // On a busy machine its turn to answer may come too late.
        let now = present_stack(&thread).map(|it| names(&it)).unwrap_or_default();
        now.iter().any(|name| name.contains("threads::hold"))
    });
    drop(release);
    holder.join().unwrap();
    assert_eq!(scope.live(), 0, "a thread that was joined has ended");
    assert!(scope.threads().is_empty());
    assert!(present_stack(&thread).is_none());
}

#[inline(never)]
fn poll_once() {
    // SAFETY: no descriptor is asked for.
    unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
}

#[inline(never)]
fn receive_once(socket: &std::net::UdpSocket) {
    let _ = socket.recv(&mut [0]);
}

/// A signal would end these calls, and so the threads.
#[test]
fn a_thread_in_a_call_that_is_never_restarted_is_seen_and_stays() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3600))).unwrap();
    for (run, name) in [
        (Box::new(poll_once) as Box<dyn FnOnce() + Send>, "poll_once"),
        (Box::new(move || receive_once(&socket)), "receive_once"),
    ] {
        let scope = Scope::new();
        let entered = scope.enter();
        thread::spawn(run);
        drop(entered);
        let thread = scope.threads().remove(0);
        until("it sleeps in the call", || {
            let now = present_stack(&thread).map(|it| names(&it)).unwrap_or_default();
            now.iter().any(|it| it.contains(name))
                && thread.read().is_some_and(|it| it.state == State::Asleep)
        });
        for _ in 0..20 {
            assert!(present_stack(&thread).is_some(), "{name}");
        }
        thread::sleep(Duration::from_millis(10));
        assert_eq!(scope.live(), 1, "the thread in {name} ended by being asked");
    }
}

#[test]
fn grandchildren_inherit_and_others_do_not() {
    let (mine, other) = (Scope::new(), Scope::new());
    let (release, wait) = mpsc::channel::<()>();
    let entered = mine.enter();
    thread::spawn(move || {
        drop(thread::spawn(move || {
            let _ = wait.recv();
        }))
    })
    .join()
    .unwrap();
    drop(entered);
    thread::spawn(|| ()).join().unwrap();
    assert_eq!((mine.live(), other.live()), (1, 0));
    let grandchild = mine.threads().remove(0);
    let Spawner::Thread(child) = grandchild.spawner() else { panic!("{grandchild:?}") };
    assert!(child.read().is_none(), "the child has ended");
    assert!(matches!(child.spawner(), Spawner::Thread(_)), "the thread of this test");
    drop(release);
    until("the grandchild ends", || mine.live() == 0);
}

#[test]
fn scopes_nest_and_a_closed_one_takes_no_more() {
    let outer = Scope::new();
    let in_outer = outer.enter();
    let inner = Scope::new();
    let in_inner = inner.enter();
    let (release, wait) = mpsc::channel::<()>();
    let (again, wait_again) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let _ = wait.recv();
        let later = thread::spawn(move || {
            let _ = wait_again.recv();
        });
        let _ = later.join();
    });
    drop(in_inner);
    assert_eq!((outer.live(), inner.live()), (0, 1));
    drop(inner);
    drop(release);
    drop(in_outer);
    assert_eq!(outer.live(), 0);
    drop(again);
    holder.join().unwrap();
}

/// Sets itself anew until the last round of key destructors, and starts a thread in each.
#[test]
fn what_key_destructors_start_still_belongs_to_the_scope() {
    struct AtEnd(mpsc::Sender<usize>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            let sender = self.0.clone();
            drop(thread::spawn(move || {
                thread::sleep(Duration::from_millis(50));
                let _ = sender.send(1);
            }));
        }
    }
    thread_local!(static AT_END: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) });
    let scope = Scope::new();
    let (sender, receiver) = mpsc::channel();
    let entered = scope.enter();
    thread::spawn(move || AT_END.set(Some(AtEnd(sender)))).join().unwrap();
    drop(entered);
    assert!(scope.live() == 1 || receiver.try_recv().is_ok());
    until("it ends", || scope.live() == 0);
}

// SAFETY: the declarations are the ones in threads.h and pthread.h. Both kinds of handles are words on the
// platforms that are hooked.
unsafe extern "C" {
    fn thrd_create(
        thread: *mut c_void,
        routine: extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn thrd_join(thread: libc_pthread, result: *mut c_int) -> c_int;
    fn pthread_create(
        thread: *mut libc_pthread,
        attributes: *const c_void,
        routine: extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(thread: libc_pthread, result: *mut *mut c_void) -> c_int;
}
// SAFETY: as above; it unwinds the thread, which the ABI says.
unsafe extern "C-unwind" {
    fn pthread_exit(result: *mut c_void) -> !;
}

#[allow(non_camel_case_types, reason = "the C library's own word")]
type libc_pthread = usize;

extern "C" fn wait_standard(argument: *mut c_void) -> c_int {
    // SAFETY: the test below gives a receiver that outlives this thread.
    let _ = unsafe { &*argument.cast::<Receiver<()>>() }.recv();
    7
}

extern "C-unwind" fn exit_in_between(argument: *mut c_void) -> *mut c_void {
    // SAFETY: the test below gives a receiver that outlives this thread.
    let _ = unsafe { &*argument.cast::<Receiver<()>>() }.recv();
    // SAFETY: no destructor of this thread is pending.
    unsafe { pthread_exit(std::ptr::null_mut()) }
}

#[test]
fn threads_of_c_are_seen_too() {
    let scope = Scope::new();
    let (release, wait) = mpsc::channel::<()>();
    let mut thread = 0;
    let entered = scope.enter();
    let wait_pointer = (&raw const wait).cast_mut().cast::<c_void>();
    // SAFETY: the receiver is there until the thread is joined.
    assert_eq!(unsafe { thrd_create((&raw mut thread).cast(), wait_standard, wait_pointer) }, 0);
    assert_eq!(scope.live(), 1);
    drop(release);
    let mut result = 0;
    // SAFETY: the thread was started above and is joined once.
    assert_eq!(unsafe { thrd_join(thread, &raw mut result) }, 0);
    assert_eq!((result, scope.live()), (7, 0));

    let (release, wait) = mpsc::channel::<()>();
    let wait_pointer = (&raw const wait).cast_mut().cast::<c_void>();
    // SAFETY: as above.
    let created = unsafe { pthread_create(&raw mut thread, std::ptr::null(), exit_in_between, wait_pointer) };
    drop(entered);
    assert_eq!((created, scope.live()), (0, 1));
    drop(release);
    // SAFETY: as above.
    assert_eq!(unsafe { pthread_join(thread, std::ptr::null_mut()) }, 0);
    assert_eq!(scope.live(), 0, "a thread that called pthread_exit has ended");
}

#[test]
fn a_thread_that_cannot_be_started_leaves_nothing() {
    let scope = Scope::new();
    let entered = scope.enter();
    // More address space than there is.
    let failed = thread::Builder::new().stack_size(1 << 46).spawn(|| ());
    drop(entered);
    assert!(failed.is_err());
    assert_eq!((scope.live(), scope.threads().len()), (0, 0));
}
