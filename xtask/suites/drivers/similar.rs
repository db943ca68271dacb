//! Differences between 40 successive versions of a text of 1,500 lines, by line, as unified diffs.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn version(number: usize) -> String {
    let line = |at: usize| {
        let changed = if (at * 7 + number) % 90 == 0 { number } else { 0 };
        format!("fn line_{at}() -> usize {{ call({at}, {changed}) }} // {}\n", "z".repeat(at % 30))
    };
    (0..1_500).filter(|at| (at + number) % 200 != 0).map(line).collect()
}

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut length = 0;
    for number in 0..40 {
        let (old, new) = (version(number), version(number + 1));
        let difference = similar::TextDiff::from_lines(&old, &new);
        length += difference.unified_diff().header("old", "new").to_string().len();
    }
    println!("{length}");
}
