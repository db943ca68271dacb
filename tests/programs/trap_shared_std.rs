//! A program that frees through the standard library; the test builds it with `-C prefer-dynamic`.

#[global_allocator]
static ALLOC: highwater_recorder::Alloc = highwater_recorder::Alloc::new().exact();

fn main() {
    let words: Vec<String> = (0..1_000).map(|number| format!("{number} words")).collect();
    // The standard library allocates, reallocates and frees in each of these calls.
    std::env::set_current_dir(std::env::temp_dir()).expect("there is one");
    let here = std::env::current_dir().expect("there is one");
    let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || words.len());
    let count = thread.expect("a thread").join().expect("no panic");
    println!("{count} words, {}", here.display());
    // Recorded, or said to be refused.
    if highwater_recorder::has_shared_std() {
        eprintln!("refused: prefer-dynamic; the mode is {:?}", highwater_recorder::mode());
        assert!(!highwater_recorder::set_mode(highwater_recorder::Mode::Exact));
    } else {
        assert!(highwater_recorder::counts().alloc_blocks >= 1_000);
    }
}
