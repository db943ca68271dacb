//! Descriptors that a test leaves open, and some that only look as if it did.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::mem::forget;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{LazyLock, Mutex, Once, OnceLock};
use std::thread;
use std::time::Duration;

use super::{named, stay};

/// A path that is nobody else's.
fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("leak-corpus-{}-{name}", std::process::id()))
}

/// A new file that has no name any more.
fn scratch(name: &str) -> File {
    let path = path(name);
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(&path).unwrap();
    fs::remove_file(path).unwrap();
    file
}

#[test]
fn leak_file_forgotten() {
    forget(File::open("/proc/self/status").unwrap()); // leak: fd file /proc/
}

#[test]
fn leak_file_as_a_raw_descriptor() {
    let _number = File::open("/dev/null").unwrap().into_raw_fd(); // leak: fd device /dev/null
}

#[test]
fn leak_file_in_a_box() {
    Box::leak(Box::new(File::open("/dev/zero").unwrap())); // leak: fd device /dev/zero
}

#[test]
fn leak_file_kept_in_a_list() {
    static KEPT: Mutex<Vec<File>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap().push(File::open("/proc/self/stat").unwrap()); // leak: fd file /proc/
}

#[test]
fn leak_three_files_of_one_line() {
    for _ in 0..3 {
        forget(File::open("/dev/null").unwrap()); // leak: fd device /dev/null × 3
    }
}

#[test]
fn leak_copy_of_a_file_that_is_closed() {
    let file = File::open("/dev/null").unwrap();
    forget(file.try_clone().unwrap()); // leak: fd device /dev/null
}

#[test]
fn leak_directory() {
    forget(fs::read_dir("/").unwrap()); // leak: fd directory /
}

#[test]
fn leak_listener() {
    forget(TcpListener::bind("127.0.0.1:0").unwrap()); // leak: fd socket tcp 127.0.0.1
}

#[test]
fn leak_accepted_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    forget(listener.accept().unwrap()); // leak: fd socket tcp
}

#[test]
fn leak_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    forget(TcpStream::connect(listener.local_addr().unwrap()).unwrap()); // leak: fd socket tcp
}

#[test]
fn leak_datagram_socket() {
    forget(UdpSocket::bind("127.0.0.1:0").unwrap()); // leak: fd socket udp
}

#[test]
fn leak_half_of_a_pair() {
    let (one, _other) = UnixStream::pair().unwrap(); // leak: fd socket unix
    forget(one);
}

#[test]
fn leak_both_ends_of_a_pipe() {
    forget(std::io::pipe().unwrap()); // leak: fd pipe × 2
}

#[test]
fn leak_opened_by_a_thread_that_is_joined() {
    thread::spawn(|| forget(File::open("/dev/null").unwrap())).join().unwrap(); // leak: fd device /dev/null
}

#[test]
fn leak_opened_by_a_grandchild() {
    let child = || thread::spawn(|| forget(UdpSocket::bind("127.0.0.1:0").unwrap())).join().unwrap(); // leak: fd socket udp
    thread::spawn(child).join().unwrap();
}

#[test]
fn leak_held_by_a_thread_that_stays() {
    let file = File::open("/dev/null").unwrap(); // leak: fd device /dev/null
    let hold = move || {
        let _file = file;
        stay();
    };
    named("holder").spawn(hold).unwrap(); // leak: holder
}

#[test]
fn leak_replaced_file_is_none_and_its_copy_is() {
    let (old, new) = (scratch("replaced"), File::open("/dev/null").unwrap());
    let copy = old.try_clone().unwrap(); // leak: fd file
    drop(old);
    forget(copy);
    drop(new);
}

#[test]
fn leak_in_a_cycle() {
    struct Node(
        #[expect(dead_code, reason = "it is only kept")] File,
        std::cell::RefCell<Option<std::rc::Rc<Node>>>,
    );
    let node = std::rc::Rc::new(Node(File::open("/dev/null").unwrap(), None.into())); // leak: fd device /dev/null
    *node.1.borrow_mut() = Some(std::rc::Rc::clone(&node));
}

#[test]
fn leak_of_a_runtime_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        forget(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()); // leak: fd socket tcp 127.0.0.1
    });
}

#[test]
fn clean_file_closed() {
    let mut file = scratch("closed");
    file.write_all(b"text").unwrap();
}

#[test]
fn clean_many_files_closed() {
    for _ in 0..200 {
        drop(File::open("/dev/null").unwrap());
    }
}

#[test]
fn clean_listener_closed_by_its_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || drop(listener.accept().unwrap()));
    drop(TcpStream::connect(address).unwrap());
    thread.join().unwrap();
}

#[test]
fn clean_closed_by_a_detached_thread_within_the_grace() {
    let file = File::open("/dev/null").unwrap();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(60));
        drop(file);
    });
}

#[test]
fn clean_handed_to_a_thread_that_closes_it() {
    let (sender, receiver) = std::sync::mpsc::channel::<File>();
    let thread = thread::spawn(move || receiver.iter().for_each(drop));
    sender.send(File::open("/dev/null").unwrap()).unwrap();
    drop(sender);
    thread.join().unwrap();
}

#[test]
fn clean_closed_while_panicking() {
    let result = std::panic::catch_unwind(|| {
        let _file = File::open("/dev/null").unwrap();
        panic!("on purpose");
    });
    assert!(result.is_err());
}

#[test]
fn clean_kept_by_a_lazy_lock() {
    static FILE: LazyLock<File> = LazyLock::new(|| File::open("/dev/null").unwrap());
    assert!(FILE.as_raw_fd() > 2);
}

#[test]
fn clean_kept_by_a_once_lock() {
    static SOCKET: OnceLock<UdpSocket> = OnceLock::new();
    SOCKET.get_or_init(|| UdpSocket::bind("127.0.0.1:0").unwrap());
}

#[test]
fn clean_kept_by_a_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| forget(File::open("/dev/null").unwrap()));
}

/// Opens files for the process, for any test that asks.
fn opener() -> std::sync::mpsc::Sender<()> {
    static OPENER: OnceLock<std::sync::mpsc::Sender<()>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        named("opener")
            .spawn(move || receiver.iter().for_each(|()| forget(File::open("/dev/null").unwrap())))
            .unwrap();
        sender
    };
    OPENER.get_or_init(start).clone()
}

#[test]
fn clean_opened_by_a_thread_of_the_process() {
    opener().send(()).unwrap();
    thread::sleep(Duration::from_millis(20));
}

#[test]
fn clean_kept_by_a_thread_local() {
    thread_local!(static FILE: File = File::open("/dev/null").unwrap());
    FILE.with(|it| assert!(it.as_raw_fd() > 2));
}

#[test]
fn clean_runtime_of_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, client) = tokio::join!(listener.accept(), tokio::net::TcpStream::connect(address));
        drop((server.unwrap(), client.unwrap()));
    });
}

#[test]
fn clean_runtime_of_tokio_that_is_kept() {
    static KEPT: Mutex<Vec<tokio::runtime::Runtime>> = Mutex::new(Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    KEPT.lock().unwrap().push(runtime);
}

#[test]
fn clean_sockets_of_smol() {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, client) =
            smol::future::zip(listener.accept(), smol::net::TcpStream::connect(address)).await;
        drop((server.unwrap(), client.unwrap()));
    });
}

#[test]
fn clean_opened_by_a_thread_that_is_allowed() {
    let hold = || {
        let _file = File::open("/dev/null").unwrap();
        stay();
    };
    named("allowed-holder").spawn(hold).unwrap();
}

#[test]
fn clean_descriptor_allowed_by_a_rule() {
    forget(UnixListener::bind(path("allowed")).unwrap());
    fs::remove_file(path("allowed")).unwrap();
}
