//! The page that lists the others.

use std::fmt::Write;

use super::ENTRIES;
use crate::reply::Reply;

/// The page. It holds nothing from outside of this program, so there is nothing to escape. Its links are relative: the agent
/// does not know under which address and below which path its pages are seen.
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

/// The way from this page to one with this path.
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
