//! Programs whose addresses are looked up.

use std::path::{Path, PathBuf};
use std::process::Command;

const RUST: &str = r#"
use std::collections::BTreeMap;
use std::fmt::Display;

pub struct Index<T> { entries: BTreeMap<String, Vec<T>> }

impl<T: Clone + Display> Index<T> {
    #[inline(always)]
    fn slot(&mut self, key: &str) -> &mut Vec<T> {
        self.entries.entry(key.to_owned()).or_default()
    }
    #[inline(never)]
    pub fn add(&mut self, key: &str, value: T) -> usize {
        let slot = self.slot(key);
        slot.push(value.clone());
        slot.len()
    }
    #[inline(never)]
    pub fn show(&self) -> String {
        self.entries.iter().map(|(key, all)| format!("{key}: {}", sum(all))).collect::<Vec<_>>().join(", ")
    }
}

#[inline(never)]
fn sum<T: Display>(all: &[T]) -> usize {
    all.iter().map(|it| it.to_string().len()).filter(|it| it % 2 == 1).sum()
}

trait Shape { fn area(&self) -> u64; }
struct Square(u64);
struct Disc(u64);
impl Shape for Square { #[inline(never)] fn area(&self) -> u64 { self.0 * self.0 } }
impl Shape for Disc { #[inline(never)] fn area(&self) -> u64 { self.0 * self.0 * 3 } }

mod deep { pub mod er {
    #[inline(never)]
    pub fn recurse(depth: u64, visit: &mut dyn FnMut(u64)) {
        visit(depth);
        if depth > 0 { recurse(depth - 1, visit); }
    }
} }

fn main() {
    let mut index = Index { entries: BTreeMap::new() };
    let mut total = 0;
    for word in std::env::args() {
        total += index.add(&word, word.len());
        let shapes: [Box<dyn Shape>; 2] = [Box::new(Square(total as u64)), Box::new(Disc(2))];
        total += shapes.iter().map(|it| it.area() as usize).sum::<usize>();
    }
    deep::er::recurse(3, &mut |it| total += it as usize);
    println!("{} {total}", index.show());
}
"#;

const CPP: &str = r#"
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace demo {
template <typename K, typename V> class Index {
    std::map<K, std::vector<V>> entries;
    inline __attribute__((always_inline)) std::vector<V> &slot(const K &key) { return entries[key]; }
public:
    __attribute__((noinline)) size_t add(const K &key, V value) {
        auto &all = slot(key);
        all.push_back(value);
        return all.size();
    }
    Index &operator+=(const K &key) { add(key, V()); return *this; }
};
struct Shape { virtual ~Shape() {} virtual long area() const = 0; };
struct Square : Shape { long side; explicit Square(long s) : side(s) {} long area() const override { return side * side; } };
namespace { __attribute__((noinline)) long hidden(const char *text, unsigned n) { return text[0] * (long)n; } }
}
extern "C" __attribute__((noinline)) long plain_c(long value) { return value * 3 + 1; }
static __attribute__((noinline)) long only_here(long value) { return plain_c(value) ^ 5; }
int main(int argc, char **argv) {
    demo::Index<std::string, int> index;
    long total = 0;
    for (int i = 0; i < argc; i++) {
        index += argv[i];
        total += index.add(argv[i], i) + demo::hidden(argv[i], i) + only_here(i);
        std::unique_ptr<demo::Shape> shape(new demo::Square(total));
        auto twice = [&](auto it) { return it->area() * 2; };
        total += twice(shape.get());
    }
    std::printf("%ld\n", total);
}
"#;

/// Runs a tool that the tests need; `cargo xtask test` installs it.
#[track_caller]
pub fn tool(directory: &Path, line: &str) -> String {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap();
    let mut command = Command::new(name);
    command.args(words).current_dir(directory);
    // Only the legacy mangling needs this; the compiler is still the stable one.
    command.env("RUSTC_BOOTSTRAP", "1");
    let output = command.output().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The Rust program, compiled with these additional arguments.
pub fn rust(directory: &Path, arguments: &str) -> PathBuf {
    std::fs::write(directory.join("demo.rs"), RUST).unwrap();
    tool(directory, &format!("rustc --edition 2024 -g -O demo.rs -o demo {arguments}"));
    directory.join("demo")
}

/// The C++ program, compiled with these additional arguments.
pub fn cpp(directory: &Path, arguments: &str) -> PathBuf {
    std::fs::write(directory.join("demo.cpp"), CPP).unwrap();
    tool(directory, &format!("g++ -std=c++17 -g -O2 demo.cpp -o demo {arguments}"));
    directory.join("demo")
}
