//! 30 XML documents with 4,000 elements each, parsed and searched for their texts.

use std::fmt::Write;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut length = 0;
    for document in 0..30_usize {
        let mut text = String::from("<?xml version=\"1.0\"?>\n<root xmlns:a=\"https://example.com/a\">\n");
        for number in 0..4_000_usize {
            let words = "y".repeat((number + document) % 40);
            writeln!(text, "<a:line number=\"{number}\" kind=\"k{}\">one &amp; two {words}<b/></a:line>", number % 5).expect("a line");
        }
        text += "</root>\n";
        let tree = roxmltree::Document::parse(&text).expect("a document");
        length += tree.descendants().filter_map(|node| node.text()).map(str::len).sum::<usize>();
    }
    println!("{length}");
}
