//! Pictures of the pages, for people to look at: bright and dark, as wide as a desk's screen and as a phone's.

use std::fs;
use std::path::PathBuf;

use crate::pages::Place;
use highwater_tests::chromium;

/// Where the pictures are kept.
fn directory() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let directory = target.parent().unwrap().join("screenshots");
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// A picture is a PNG file of the size that was asked for, with more than one colour in it.
fn check(name: &str, document: &str, is_svg: bool, size: (u32, u32)) {
    let path = directory().join(format!("{name}.png"));
    chromium::screenshot(document, is_svg, size, &path);
    let picture = fs::read(&path).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
    let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    assert_eq!((number(16), number(20)), size, "{name}");
    assert!(picture.len() > 10_000, "{name} is nearly empty: {} bytes", picture.len());
}

#[test]
fn pictures_are_made_of_every_view() {
    let place = Place::new();
    let series = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let dark = series.replace("</body>", "<script>document.getElementById('theme').click()</script></body>");
    check("report", &series, false, (1280, 1000));
    check("report-dark", &dark, false, (1280, 1000));
    check("report-phone", &series, false, (500, 1600));
    check("report-diff", &place.page("0.pb.gz 3.pb.gz"), false, (1280, 900));
    check("flame", &place.written("flame 3.pb.gz", "flame.svg"), true, (1200, 300));
    check("flame-diff", &place.written("flame --diff 0.pb.gz 3.pb.gz", "diff.svg"), true, (1200, 300));
}
