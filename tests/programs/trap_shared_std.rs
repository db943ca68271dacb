//! A program that frees through the standard library; the test builds it with `-C prefer-dynamic`.

#[global_allocator]
static ALLOC: highwater_runtime::Alloc = highwater_runtime::Alloc::new().exact();

fn main() {
    let words: Vec<String> = (0..1_000).map(|number| format!("{number} words")).collect();
    // The standard library allocates, reallocates and frees in each of these calls.
    std::env::set_current_dir(std::env::temp_dir()).expect("there is one");
    let here = std::env::current_dir().expect("there is one");
    let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || words.len());
    let count = thread.expect("a thread").join().expect("no panic");
    println!("{count} words, {}", here.display());
    // Recording works, or is refused with a message.
    if highwater_runtime::has_shared_std() {
        eprintln!("refused: prefer-dynamic; the mode is {:?}", highwater_runtime::mode());
        assert!(!highwater_runtime::set_mode(highwater_runtime::Mode::Exact));
    } else {
        assert!(highwater_runtime::counts().alloc_blocks >= 1_000);
    }
}
