//! Snapshots that arrive while the screen is open: new files, damaged ones, and servers that answer slowly or
//! not at all.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;

use highwater_tests::codeindex::Series;

use super::{HOME, Live};

/// Gives a file its name when it is complete, like recorders do.
fn put(content: &[u8], directory: &Path, name: &str) {
    let temporary = directory.join(".half.tmp");
    fs::write(&temporary, content).unwrap();
    fs::rename(temporary, directory.join(name)).unwrap();
}

#[test]
fn new_files_appear_and_damaged_ones_do_no_harm() {
    let series = Series::with_fault("leak");
    let contents: Vec<Vec<u8>> = series.files().iter().map(|it| fs::read(it).unwrap()).collect();
    let place = tempfile::tempdir().unwrap();
    let directory = place.path();
    put(&contents[0], directory, "heap-0.pb.gz");
    put(&contents[1], directory, "heap-1.pb.gz");
    let mut live = Live::start(directory.to_str().unwrap(), &["--keep", "4"], (80, 24));
    live.settled("following: 2 of 2");

    put(&contents[2], directory, "heap-2.pb.gz");
    live.settled("following: 3 of 3");
    let half = contents[3].len() / 2;
    put(&contents[3][..half], directory, "heap-3.pb.gz");
    let screen = live.terminal.wait_for("no snapshot: ");
    assert!(screen.contains("following: 3 of 3") && screen.contains("heap-2.pb.gz"), "{screen}");
    put(b"words", directory, "notes.txt");
    live.terminal.wait_for("1 file that is no profile is passed over");
    put(&contents[3], directory, "heap-3.pb.gz");
    live.terminal.press("?");
    live.terminal.press("?");
    live.settled("following: 4 of 4");

    // Four of five are kept; and the files may be deleted.
    put(&contents[4], directory, "heap-4.pb.gz");
    live.settled("heap-4.pb.gz");
    let files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    files.iter().for_each(|it| fs::remove_file(it).unwrap());
    live.terminal.press(HOME);
    let screen = live.settled("back at 1 of 4");
    assert!(screen.contains("heap-1.pb.gz") && screen.contains("kept 4/4"), "{screen}");
}

/// Answers as many requests as there are contents. Leaves further requests waiting, or closes.
fn serve(listener: TcpListener, contents: Vec<Vec<u8>>) {
    let mut waiting: Vec<TcpStream> = Vec::new();
    let mut contents = contents.into_iter();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let Some(content) = contents.next() else {
            waiting.push(stream);
            continue;
        };
        let mut request = [0; 4096];
        // A request this short fits into one read.
        let _ = stream.read(&mut request);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
        // The client may be gone by now.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content));
    }
}

#[test]
fn a_server_that_does_not_answer_freezes_nothing() {
    let series = Series::with_fault("leak");
    let contents: Vec<Vec<u8>> = series.files()[..2].iter().map(|it| fs::read(it).unwrap()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || serve(listener, contents));
    let mut live = Live::start(&url, &["--timeout", "300ms"], (80, 24));
    live.terminal.wait_for("following: 2 of 2");
    live.terminal.wait_for("no snapshot (2 times): the answer was not complete after 0.3 s");
    live.terminal.press("?");
    live.terminal.wait_for("quit (as Ctrl-C)");
    live.terminal.press("?");
    live.terminal.press(HOME);
    live.terminal.wait_for("back at 1 of 2");
    live.terminal.press("q");
    assert_eq!(live.terminal.end().exit_code(), 0);
}

#[test]
fn keys_work_while_a_server_delays_its_answer() {
    let series = Series::with_fault("leak");
    let content = fs::read(&series.files()[0]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked_again, was_asked_again) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content));
        let held = listener.accept();
        asked_again.send(()).unwrap();
        thread::park();
        drop(held);
    });
    // The request ends only with the test.
    let mut live = Live::start(&url, &["--timeout", "1h"], (80, 24));
    live.settled("following: 1 of 1");
    was_asked_again.recv().unwrap();
    live.terminal.press("?");
    live.terminal.wait_for("quit (as Ctrl-C)");
    live.terminal.press("q");
    assert_eq!(live.terminal.end().exit_code(), 0);
}
