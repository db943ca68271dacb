//! The screen of `highwater live` for a running service.

use highwater_tests::highwater;
use highwater_tests::terminal::Terminal;

use crate::service::Service;

#[test]
fn the_screen_shows_a_growing_service() {
    let service = Service::start();
    service.visit(40);
    let cache = tempfile::tempdir().unwrap();
    let environment = [("XDG_CACHE_HOME", cache.path().to_str().unwrap())];
    let url = format!("http://{}", service.agent);
    let arguments = ["live", &url, "--every", "1h"];
    let mut terminal = Terminal::run(highwater(), &arguments, &environment, (120, 40));
    let is_there = |it: &str| it.contains("Visitors::remember") && !it.contains("working…");
    terminal.wait("who remembers", is_there);
    assert!(service.hoard(64));
    terminal.press(" ");
    terminal.wait_for("following: 2 of 2");
    terminal.press("4");
    // Every block is recorded, so there is no error.
    let text = terminal.wait("the growth", |it| it.contains("+64.0 MiB") && !it.contains("working…"));
    let row = text.lines().find(|it| it.contains("+64.0 MiB") && it.contains("service.rs:"));
    assert!(row.is_some_and(|it| it.contains("Visitors::hoard")), "{text}");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}
