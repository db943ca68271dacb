//! Pages in Chromium, without a screen: what a page says when it has come to rest.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use highwater_tests::run_with_timeout;

/// Opens a page, whose address may end in `fragment`, and returns the text of its element `id`.
pub fn text_of(page: &str, fragment: &str, id: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    fs::write(&path, page).unwrap();
    let document = open(&path, fragment, directory.path());
    let start = format!("<pre id=\"{id}\">");
    let text = document.split_once(&start).and_then(|(_, rest)| rest.split_once("</pre>"));
    let (text, _) = text.unwrap_or_else(|| panic!("the page did not say {id}:\n{document}"));
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

fn open(page: &Path, fragment: &str, directory: &Path) -> String {
    let mut chromium = Command::new("chromium");
    chromium.args([
        "--headless",
        // Tests run as root in containers, where its sandbox cannot be set up; it opens nothing but our files.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-unsafe-swiftshader",
        "--no-first-run",
        "--allow-file-access-from-files",
        // Time passes as fast as the page has nothing to do, up to this many milliseconds.
        "--virtual-time-budget=60000",
        "--dump-dom",
    ]);
    chromium.arg(format!("--user-data-dir={}", directory.join("browser").display()));
    chromium.arg(format!("file://{}{fragment}", page.display()));
    chromium.env("HOME", directory);
    run_with_timeout(&mut chromium, Duration::from_secs(120)).unwrap_or_else(|it| panic!("{}", it.message()))
}

/// A text as a string of a script in a page.
pub fn script_string(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace("</", "<\\/").replace("<!--", "<\\!--")
}
