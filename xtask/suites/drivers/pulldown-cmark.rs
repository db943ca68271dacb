//! 6 MB of Markdown, rendered as HTML.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let part = |at: usize| {
        format!(
            "## Version {at}\n\n- Added `thing{at}` and *more* of it ([#{at}](https://example.com/{at})).\n- Fixed **this**:\n\n\
             > a quotation of {at}\n\n```rust\nlet x = {at};\n```\n\nSome words that make a paragraph, and a [link][l{at}].\n\n[l{at}]: /path\n\n"
        )
    };
    let text: String = (0..24_000).map(part).collect();
    let mut html = String::with_capacity(2 * text.len());
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&text));
    println!("{}", html.len());
}
