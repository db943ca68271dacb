//! Names of functions and files like in a large program, and the table of strings for them.

use std::collections::HashMap;

use super::random::Random;

/// The strings of a profile, each once.
pub struct Strings {
    all: Vec<String>,
    positions: HashMap<String, u64>,
}

impl Default for Strings {
    /// A table with the empty string at index 0.
    fn default() -> Self {
        Self { all: vec![String::new()], positions: HashMap::from([(String::new(), 0)]) }
    }
}

impl Strings {
    /// The index of `text`, which is added if it is new.
    pub fn intern(&mut self, text: &str) -> u64 {
        if let Some(&position) = self.positions.get(text) {
            return position;
        }
        let position = self.all.len() as u64;
        self.all.push(text.to_owned());
        self.positions.insert(text.to_owned(), position);
        position
    }

    /// All strings in the order of their indexes.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(String::as_str)
    }
}

const CRATES: [&str; 12] = [
    "alloc",
    "core",
    "std",
    "hyper",
    "tokio",
    "serde_json",
    "service",
    "storage",
    "codec",
    "planner",
    "cache",
    "wire",
];
const NOUNS: [&str; 12] = [
    "Buffer", "Index", "Request", "Session", "Segment", "Column", "Batch", "Router", "Lease", "Cursor",
    "Shard", "Frame",
];
const VERBS: [&str; 12] = [
    "push", "grow", "decode", "insert", "fetch", "merge", "reserve", "parse", "extend", "clone", "collect",
    "flush",
];

/// Name, linker name and source file of the function numbered `id`.
pub fn function(id: u64, random: &mut Random) -> [String; 3] {
    let mut pick = |of: &[&'static str; 12]| of[random.below(12) as usize];
    let (crate_name, noun, verb) = (pick(&CRATES), pick(&NOUNS), pick(&VERBS));
    let module = format!("{}_{}", pick(&VERBS), id % 400);
    let name = format!("{crate_name}::{module}::{noun}<T,A>::{verb}_{id}");
    let mangled = format!(
        "_RNvMs_Cs{id:x}_{}{crate_name}{}{module}{}{noun}{verb}_{id}",
        crate_name.len(),
        module.len(),
        noun.len()
    );
    let file = match crate_name {
        "alloc" | "core" | "std" => {
            format!("/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/{crate_name}/src/{module}.rs")
        }
        "hyper" | "tokio" | "serde_json" => {
            format!(
                "/home/builder/.cargo/registry/src/index-6f17d22bba15001f/{crate_name}-1.4.2/src/{module}.rs"
            )
        }
        _ => format!("crates/{crate_name}/src/{module}.rs"),
    };
    [name, mangled, file]
}
