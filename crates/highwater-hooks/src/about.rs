//! What a descriptor leads to, in words: the path of a file, the addresses of a socket, the kind of anything
//! else.
//!
//! The program may close the descriptor at any moment. Nothing is done to it here; only the words may
//! describe what has its number next.

use std::fs;
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// What a descriptor leads to at this moment: a kind, such as `file`, `socket` or `pipe`, and behind it what
/// is known of the one. `None` when it is closed.
pub fn about_descriptor(number: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
    let path = path.to_string_lossy();
    let number = RawFd::try_from(number).ok()?;
    Some(match path.split_once(':') {
        Some(("socket", _)) => format!("socket {}", about_socket(number)),
        Some(("pipe", _)) => format!("pipe{}", end_of_pipe(number)),
        Some(("anon_inode", kind)) => anonymous(kind),
        _ if path.starts_with("/memfd:") => format!("memory file {}", &path["/memfd:".len()..]),
        _ if path.starts_with("/dev/") => format!("device {path}"),
        _ if fs::metadata(&*path).is_ok_and(|it| it.is_dir()) => format!("directory {path}"),
        _ => format!("file {path}"),
    })
}

/// What the kernel calls a descriptor without a file, as its manual calls it.
fn anonymous(kind: &str) -> String {
    let kind = kind.trim_start_matches('[').trim_end_matches(']');
    match kind {
        "eventpoll" => "epoll",
        other => other,
    }
    .to_owned()
}

fn end_of_pipe(number: RawFd) -> &'static str {
    // SAFETY: any number may be asked for, and nothing is changed.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
    match flags & libc::O_ACCMODE {
        _ if flags < 0 => "",
        libc::O_RDONLY => ", the end to read from",
        libc::O_WRONLY => ", the end to write to",
        _ => "",
    }
}

/// An option of a socket that is a number.
fn option(number: RawFd, option: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of::<libc::c_int>()).ok()?;
    // SAFETY: there is space for a number of this size. Any descriptor may be asked.
    let result =
        unsafe { libc::getsockopt(number, libc::SOL_SOCKET, option, (&raw mut value).cast(), &raw mut size) };
    (result == 0).then_some(value)
}

fn about_socket(number: RawFd) -> String {
    let kind = option(number, libc::SO_TYPE);
    let is_listening = option(number, libc::SO_ACCEPTCONN).is_some_and(|it| it != 0);
    let protocol = match (option(number, libc::SO_DOMAIN), kind) {
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_STREAM)) => "tcp",
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_DGRAM)) => "udp",
        (Some(libc::AF_UNIX), _) => return about_unix(number, is_listening),
        (Some(libc::AF_NETLINK), _) => return "netlink".to_owned(),
        _ => return "of another family".to_owned(),
    };
    // SAFETY: the socket is only asked for its addresses, and this value does not close it.
    let socket = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(number) });
    let here = socket.local_addr().map(|it| format!(" {it}")).unwrap_or_default();
    let there = socket.peer_addr().map(|it| format!(" to {it}")).unwrap_or_default();
    let listening = if is_listening { ", listening" } else { "" };
    format!("{protocol}{here}{there}{listening}")
}

fn about_unix(number: RawFd, is_listening: bool) -> String {
    // SAFETY: as above.
    let socket = ManuallyDrop::new(unsafe { UnixStream::from_raw_fd(number) });
    let path = |address: std::io::Result<std::os::unix::net::SocketAddr>| {
        address.ok().and_then(|it| it.as_pathname().map(|it| it.display().to_string()))
    };
    let here = path(socket.local_addr()).map(|it| format!(" {it}")).unwrap_or_default();
    let there = path(socket.peer_addr()).map(|it| format!(" to {it}")).unwrap_or_default();
    let listening = if is_listening { ", listening" } else { "" };
    format!("unix{here}{there}{listening}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    fn about(of: &impl AsRawFd) -> String {
        about_descriptor(of.as_raw_fd().cast_unsigned()).expect("it is open")
    }

    #[test]
    fn descriptors_are_told_by_what_they_lead_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(about(&listener), format!("socket tcp {address}, listening"));
        let client = TcpStream::connect(address).unwrap();
        let own = client.local_addr().unwrap();
        assert_eq!(about(&client), format!("socket tcp {own} to {address}"));
        assert_eq!(about(&UnixStream::pair().unwrap().0), "socket unix");
        let (reader, writer) = std::io::pipe().unwrap();
        assert_eq!(about(&reader), "pipe, the end to read from");
        assert_eq!(about(&writer), "pipe, the end to write to");
        let directory = std::env::temp_dir().canonicalize().unwrap();
        assert_eq!(about(&fs::File::open(&directory).unwrap()), format!("directory {}", directory.display()));
        assert_eq!(about(&fs::File::open("/dev/null").unwrap()), "device /dev/null");
        assert_eq!(anonymous("[eventpoll]"), "epoll");
        assert_eq!(about_descriptor(1_000_000), None);
    }
}
