//! A tree of 3,000 files in 600 folders, walked by the rules of its .gitignore files.

use std::fs;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let profile = std::env::args().nth(1).expect("where the profile goes");
    let tree = std::path::Path::new(&profile).with_extension("tree");
    for folder in 0..600_usize {
        let path = tree.join(format!("group-{}/folder-{folder}", folder % 20));
        fs::create_dir_all(&path).expect("a folder");
        for file in 0..5 {
            fs::write(path.join(format!("file-{file}.txt")), "words").expect("a file");
        }
        if folder % 7 == 0 {
            fs::write(path.join(".gitignore"), "*-3.txt\n/file-4.*\n!file-0.txt\n").expect("a file");
        }
    }
    fs::create_dir_all(tree.join(".git")).expect("a folder");
    let _profiler = highwater::Profiler::new(profile);
    println!("{}", ignore::Walk::new(&tree).flatten().count());
}
