//! Threads in system calls that the kernel never restarts: a signal would end the call, and with it the
//! thread.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{self, epoll};
use rustix::thread::nanosleep;
use rustix::time::Timespec;

use super::named;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(30);

fn timespec(time: Duration) -> Timespec {
    Timespec::try_from(time).unwrap()
}

#[test]
fn leak_in_recv_with_a_timeout() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap(); // leak: fd socket udp
    socket.set_read_timeout(Some(LONG)).unwrap();
    named("recv").spawn(move || socket.recv(&mut [0])).unwrap(); // leak: recv
}

#[test]
fn leak_in_read_with_a_timeout() {
    let (mut stream, other) = UnixStream::pair().unwrap(); // leak: fd socket unix × 2
    stream.set_read_timeout(Some(LONG)).unwrap();
    std::mem::forget(other);
    named("read").spawn(move || stream.read(&mut [0])).unwrap(); // leak: read
}

#[test]
fn leak_in_a_loop_of_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // leak: fd socket tcp*listening
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap(); // leak: fd socket tcp* to
    stream.set_read_timeout(Some(LONG)).unwrap();
    std::mem::forget(listener);
    named("reads").spawn(move || while stream.read(&mut [0; 64]).is_ok_and(|it| it > 0) {}).unwrap(); // leak: reads
}

#[test]
fn leak_in_epoll_wait() {
    let queue = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let wait = move || epoll::wait(&queue, spare_capacity(&mut Vec::with_capacity(8)), None).unwrap();
    named("epoll_wait").spawn(wait).unwrap(); // leak: epoll_wait
}

#[test]
fn leak_in_poll() {
    named("poll").spawn(|| event::poll(&mut [], None)).unwrap(); // leak: poll
}

#[test]
fn leak_in_pause() {
    named("pause").spawn(event::pause).unwrap(); // leak: pause
}

#[test]
fn leak_in_nanosleep() {
    named("nanosleep").spawn(|| drop(nanosleep(&timespec(LONG)))).unwrap(); // leak: nanosleep
}

#[test]
fn clean_recv_that_times_out() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    thread::spawn(move || socket.recv(&mut [0]));
}

#[test]
fn clean_read_that_times_out() {
    let (mut stream, other) = UnixStream::pair().unwrap();
    stream.set_read_timeout(Some(SHORT)).unwrap();
    thread::spawn(move || {
        let result = stream.read(&mut [0]);
        drop(other);
        result
    });
}

#[test]
fn clean_poll_that_times_out() {
    thread::spawn(|| event::poll(&mut [], Some(&timespec(SHORT))));
}
