//! Text with commas in it, read as records by 800 readers.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut fields = 0;
    for reader in 0..800_usize {
        let line = |at: usize| format!("let value{at} = call({reader}, {at}, \"{}\"), other,\n", "x".repeat(at % 90));
        let text: String = (0..120).map(line).collect();
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        fields += reader.records().map(|it| it.map_or(0, |it| it.len())).sum::<usize>();
    }
    println!("{fields}");
}
