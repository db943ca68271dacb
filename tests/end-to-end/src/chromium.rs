//! Pages in headless Chromium: the text of a page when it has finished loading.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{run_with_timeout, target_directory};

/// Opens a page, whose address may end in `fragment`, and returns the text of its element `id`.
///
/// # Panics
/// When Chromium is missing or fails, or the page has no such element.
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

/// Takes a screenshot of a page or a drawing in a window of this size, and saves it as `<name>.png` in the
/// target directory's `screenshots`.
///
/// # Panics
/// When Chromium is missing or fails, or the screenshot has another size or is empty.
pub fn picture(name: &str, document: &str, is_svg: bool, size: (u32, u32)) {
    let directory = target_directory().join("screenshots");
    fs::create_dir_all(&directory).expect("a directory for pictures");
    let path = directory.join(format!("{name}.png"));
    screenshot(document, is_svg, size, &path);
    let picture = fs::read(&path).expect("the picture");
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
    let number = |at: usize| picture[at..at + 4].iter().fold(0, |sum, it| sum << 8 | u32::from(*it));
    assert_eq!((number(16), number(20)), size, "{name}");
    assert!(picture.len() > 10_000, "{name} is nearly empty: {} bytes", picture.len());
}

fn screenshot(document: &str, is_svg: bool, (width, height): (u32, u32), picture: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(if is_svg { "drawing.svg" } else { "page.html" });
    fs::write(&path, document).unwrap();
    let arguments = [
        "--hide-scrollbars".to_owned(),
        format!("--window-size={width},{height}"),
        format!("--screenshot={}", picture.display()),
    ];
    run(&path, "", directory.path(), &arguments);
}

fn open(page: &Path, fragment: &str, directory: &Path) -> String {
    // Virtual time advances as fast as the page is idle, up to this many milliseconds.
    run(page, fragment, directory, &["--virtual-time-budget=60000".to_owned(), "--dump-dom".to_owned()])
}

fn run(page: &Path, fragment: &str, directory: &Path, arguments: &[String]) -> String {
    let mut chromium = Command::new("chromium");
    chromium.args([
        "--headless",
        // Tests run as root in containers, where the sandbox is not available. Chromium opens only the test's
        // own files.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-unsafe-swiftshader",
        "--no-first-run",
        "--allow-file-access-from-files",
    ]);
    chromium.args(arguments);
    chromium.arg(format!("--user-data-dir={}", directory.join("browser").display()));
    chromium.arg(format!("file://{}{fragment}", page.display()));
    chromium.env("HOME", directory);
    run_with_timeout(&mut chromium, Duration::from_secs(120)).unwrap_or_else(|it| panic!("{}", it.message()))
}

/// A text as a string literal for a script in a page.
///
/// # Panics
/// Never: every text is a string of JSON.
pub fn script_string(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace("</", "<\\/").replace("<!--", "<\\!--")
}
