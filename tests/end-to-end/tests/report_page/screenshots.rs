//! Screenshots of the pages for people: light and dark, at the width of a desktop screen and of a phone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use highwater_tests::chromium::picture;
use highwater_tests::codeindex::Series;
use highwater_tests::{highwater, succeed};

use crate::pages::Place;

/// The file that the command writes about these files; paths are relative to the workspace's root.
fn written(arguments: &[&str], files: &[PathBuf], out: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(out);
    let mut command = Command::new(highwater());
    succeed(command.args(arguments).args(files).arg("-o").arg(&path));
    let root = highwater_tests::repository();
    fs::read_to_string(path).unwrap().replace(&format!("{}/", root.display()), "")
}

#[test]
fn pictures_are_made_of_every_view() {
    let place = Place::new();
    let series = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let dark = series.replace("</body>", "<script>document.getElementById('theme').click()</script></body>");
    picture("page-dark", &dark, false, (1280, 1000));
    picture("page-phone", &series, false, (500, 1600));
}

/// README's three pictures are copies of these.
#[test]
fn pictures_are_made_of_a_real_program_that_leaks() {
    let series = Series::with_fault("leak");
    let files = series.files();
    let ends = [files[0].clone(), files[files.len() - 1].clone()];
    picture("report", &written(&["report"], &files, "page.html"), false, (1200, 1250));
    picture("report-diff", &written(&["report"], &ends, "page.html"), false, (1200, 1250));
    picture("flame", &written(&["flame", "--icicle"], &ends[1..], "flame.svg"), true, (1200, 560));
    picture("flame-diff", &written(&["flame", "--diff", "--icicle"], &ends, "flame.svg"), true, (1200, 560));
    picture("plot", &written(&["plot"], &files, "plot.svg"), true, (1100, 600));
}
