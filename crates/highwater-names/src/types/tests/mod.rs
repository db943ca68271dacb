//! Stacks as compilers name them, and the types that follow.

mod stacks;

use crate::types::containers::{ContainerRule, Element};
use crate::types::name::short;
use crate::types::of_block::NoType;
use crate::types::typist::{Named, Owner, Typist};

/// The type of a block below these functions, leaf first. A function that begins with `=` is the program's
/// own. Behind ` @ ` stands the file.
fn typed(functions: &[&str]) -> Result<(String, String), NoType> {
    by_rules(&[], functions)
}

fn by_rules(rules: &[ContainerRule], functions: &[&str]) -> Result<(String, String), NoType> {
    let typist = Typist { rules };
    let frames = functions.iter().map(|text| {
        let own = text.strip_prefix('=');
        let (function, file) = own.unwrap_or(text).split_once(" @ ").unzip();
        let function = function.or(own).unwrap_or(text);
        typist.judge(&Named {
            file,
            function: Some(function).filter(|text| !text.is_empty()),
            owner: if own.is_some() { Owner::Program } else { Owner::Library },
            is_rust: function.contains("::"),
        })
    });
    let frames: Vec<_> = frames.collect();
    Typist::type_of(frames.iter()).map(|found| (found.element, found.container))
}

fn ok(element: &str, container: &str) -> Result<(String, String), NoType> {
    Ok((element.to_owned(), container.to_owned()))
}

#[test]
fn what_has_no_type_says_why() {
    for (functions, why) in [
        (&["alloc::raw_vec::RawVec<T,A>::grow_one", "=demo::main"][..], NoType::NoArguments),
        (&["alloc::raw_vec::RawVecInner<A>::finish_grow", "=demo::main"], NoType::NoArguments),
        (&["=", "=demo::main"], NoType::NoNames),
        (&["=demo::arena::Arena::grow", "=demo::main"], NoType::Direct),
        (&["=demo::queue::Block<demo::Message>::new"], NoType::Direct),
        (&["=demo::queue::Block<16>::new @ src/queue.rs"], NoType::Direct),
        (&["=sqlite3MemMalloc", "=sqlite3_open"], NoType::NotRust),
        (&[], NoType::NotRust),
        // A boxed function is called here, and nothing is boxed.
        (
            &[
                "std::thread::local::os::Key::get",
                "<alloc::boxed::Box<dyn core::ops::function::FnOnce<()>> as core::ops::function::FnOnce<()>>::call_once",
            ],
            NoType::Direct,
        ),
        (
            &[
                "call_once<(), dyn core::ops::function::FnOnce<()>, alloc::alloc::Global> @ /rustc/01/library/alloc/src/boxed.rs",
                "=demo::main",
            ],
            NoType::Direct,
        ),
        // A function of the standard library allocates for its caller, and no type of the caller's.
        (&["std::sys::unix::open", "=demo::Reader<demo::Row>::open"], NoType::Direct),
    ] {
        assert_eq!(typed(functions), Err(why), "{functions:?}");
    }
}

#[test]
fn a_rule_of_the_users_names_what_an_arena_holds() {
    let rule = |path: &str, element| ContainerRule { path: path.to_owned(), element };
    let stack =
        ["=demo::arena::Arena<demo::Node>::grow", "=demo::arena::Arena<demo::Node>::add", "=demo::main"];
    let rules = [rule("demo::arena::Arena", Element::Argument(0))];
    assert_eq!(by_rules(&rules, &stack), ok("demo::Node", "Arena<demo::Node>"));
    let method = ["=bumpalo::Bump::new_chunk", "=bumpalo::Bump::alloc::<demo::Leaf>", "=demo::main"];
    let rules = [rule("bumpalo::Bump", Element::Argument(0))];
    assert_eq!(by_rules(&rules, &method), ok("demo::Leaf", "Bump<demo::Leaf>"));
    let rules = [rule("bumpalo::Bump", Element::Fixed("chunk".to_owned()))];
    assert_eq!(by_rules(&rules, &method), ok("chunk", "Bump<chunk>"));
    assert_eq!(by_rules(&[], &method), Err(NoType::Direct));
}

#[test]
fn types_are_written_as_people_write_them() {
    for (text, expected) in [
        ("alloc::vec::Vec<u8, alloc::alloc::Global>", "Vec<u8>"),
        ("(u32, alloc::string::String)", "(u32, String)"),
        (
            "std::collections::hash::map::HashMap<u8, demo::A, std::hash::random::RandomState>",
            "HashMap<u8, demo::A>",
        ),
        ("&mut dyn core::fmt::Write", "&mut dyn Write"),
        ("fn(alloc::string::String) -> demo::A", "fn(String) -> demo::A"),
        ("[core::option::Option<demo::é>; 4]", "[Option<demo::é>; 4]"),
        ("demo::alloc::Global", "demo::alloc::Global"),
        ("u8,", "u8,"),
        ("", ""),
    ] {
        assert_eq!(short(text), expected, "{text}");
    }
}

#[test]
fn odd_names_do_no_harm() {
    for name in [
        "<",
        ">",
        "<<",
        "a<",
        "::",
        "<a as",
        "alloc::vec::Vec<",
        "alloc::vec::Vec<>::push",
        "alloc::vec::Vec<((",
        "é::ü<ß>",
        "alloc::boxed::Box<>",
    ] {
        let _ = typed(&[name, "=demo::main"]);
    }
}
