//! The page that lists the other pages.

use std::fmt::Write;

use super::table::ENTRIES;
use crate::reply::Reply;

/// The page. It contains no text from outside of this program, so nothing needs escaping. Its links are
/// relative, because the agent does not know its public address and path.
pub(super) fn page() -> Reply {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>/debug/pprof/</title>\
         <h1>/debug/pprof/</h1><p>Open a profile with <code>go tool pprof</code> or <code>highwater top</code>.\
         <table>\n",
    );
    for entry in ENTRIES {
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "<tr><td><a href=\"{}\">{}</a><td>{}",
            relative(entry.path),
            entry.path,
            entry.about
        );
    }
    page.push_str("</table></html>\n");
    Reply::head("text/html; charset=utf-8").with(page)
}

/// The relative link from this page to the page with this path.
fn relative(path: &str) -> String {
    match path.strip_prefix("/debug/pprof/") {
        Some("") => "./".to_owned(),
        Some(beside) => beside.to_owned(),
        None => format!("../..{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_listed() {
        let page = String::from_utf8(page().body.unwrap()).unwrap();
        for entry in ENTRIES {
            assert!(page.contains(&format!("href=\"{}\">{}<", relative(entry.path), entry.path)), "{page}");
        }
        assert!(!page.contains("href=\"/"), "{page}");
        assert_eq!(relative("/debug/pprof/heap"), "heap");
        assert_eq!(relative("/metrics"), "../../metrics");
    }
}
