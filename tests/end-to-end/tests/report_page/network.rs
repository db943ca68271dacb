//! The page makes no network requests, and its policy would prevent them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use highwater_tests::chromium::text_of;

use crate::pages::Place;

/// Reports what was loaded besides the page, when everything is loaded.
const SCRIPT: &str = r#"
<script>
  addEventListener("load", () => {
    const answer = document.createElement("pre");
    answer.id = "answer";
    answer.textContent = performance.getEntriesByType("resource").length;
    document.body.append(answer);
  });
</script>
"#;

/// Counts connections.
struct Listener {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                // The browser gets an answer, so that it does not wait for one.
                if let Ok(mut stream) = stream {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                }
            }
        });
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[test]
fn the_page_asks_for_nothing_and_may_not() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let loaded = |page: &str| text_of(&page.replace("</body>", &format!("{SCRIPT}</body>")), "", "answer");
    assert_eq!(loaded(&page), "0");

    // Elements that would make requests: a picture and a script.
    let listener = Listener::new();
    let port = listener.port;
    let asking = page.replace(
        "<main>",
        &format!(
            "<img src='http://127.0.0.1:{port}/picture'><script>fetch('http://127.0.0.1:{port}/x').catch(() => 0)</script><main>"
        ),
    );
    assert_ne!(asking, page);
    loaded(&asking);
    assert_eq!(listener.connections(), 0, "the policy forbids it");
    // The planted fault: without the policy, the requests are made.
    let begin = asking.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let end = begin + asking[begin..].find('>').unwrap() + 1;
    loaded(&format!("{}{}", &asking[..begin], &asking[end..]));
    assert!(listener.connections() > 0, "without it they are made");
}

#[test]
fn the_page_of_a_large_profile_is_small_enough_to_open_at_once() {
    let place = Place::new();
    place.large("large.pb.gz");
    let page = place.page("large.pb.gz");
    assert!(page.len() <= 2 << 20, "{}", page.len());
    assert!(page.contains("smaller frames are not on this page"));
    let counted = page.replace(
        "</body>",
        "<pre id='answer'></pre><script>document.getElementById('answer').textContent = document.querySelectorAll('*').length</script></body>",
    );
    let elements: usize = text_of(&counted, "", "answer").parse().unwrap();
    // A browser lays out some ten thousand elements in less than half a second.
    assert!((1_000..10_000).contains(&elements), "{elements}");
}
