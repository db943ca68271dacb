//! One expression, compiled again for each of 100 lines.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

#[inline(never)]
fn words(line: &str) -> usize {
    let words = regex::Regex::new(r"\b[\p{Alphabetic}_][\w-]*\b").expect("an expression");
    words.find_iter(line).count()
}

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    println!("{}", (0..100).map(|it| words(&format!("line number {it} of a text"))).sum::<usize>());
}
