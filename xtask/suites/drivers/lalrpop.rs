//! The parser generator, on the grammar of its own parser.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let mut arguments = std::env::args().skip(1);
    let profile = arguments.next().expect("where the profile goes");
    let sources = arguments.next().expect("where the sources are");
    let grammar = std::path::Path::new(&sources).join("src/parser/lrgrammar.lalrpop");
    let out = std::path::Path::new(&profile).with_extension("out");
    let _profiler = highwater::Profiler::new(&profile);
    let mut configuration = lalrpop::Configuration::new();
    configuration.force_build(true).set_out_dir(&out).process_file(&grammar).expect("a grammar");
    println!("{}", grammar.display());
}
