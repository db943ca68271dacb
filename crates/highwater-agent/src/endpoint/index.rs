//! The page that lists the others.

use std::fmt::Write;

use super::ENTRIES;
use crate::reply::Reply;

/// The page. It holds nothing from outside of this program, so there is nothing to escape.
pub(super) fn page() -> Reply {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>/debug/pprof/</title>\
         <h1>/debug/pprof/</h1><p>Open a profile with <code>go tool pprof</code> or <code>highwater top</code>.\
         <table>\n",
    );
    for entry in ENTRIES {
        // Writing to a string does not fail.
        let _ = writeln!(page, "<tr><td><a href=\"{0}\">{0}</a><td>{1}", entry.path, entry.about);
    }
    page.push_str("</table></html>\n");
    Reply { content_type: "text/html; charset=utf-8", file: None, body: page.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_listed() {
        let page = String::from_utf8(page().body).unwrap();
        for entry in ENTRIES {
            assert!(page.contains(&format!("href=\"{}\"", entry.path)), "{}", entry.path);
        }
    }
}
