//! Types in names of functions: the path that a function belongs to, with the type arguments at each step.

use crate::brackets;
use crate::function::own_name;

/// A step of a path: `Vec<u8>` is the name `Vec` with one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub name: &'a str,
    pub arguments: Vec<&'a str>,
}

/// The steps of a function's path, and the name of the trait whose method it is. Of a method
/// (`<Type as Trait>::f`) the type's steps come first, and the method's follow.
pub(super) fn steps(function: &str) -> (Vec<Step<'_>>, Option<&str>) {
    let mut text = function;
    let (mut steps, mut of_trait) = (Vec::new(), None);
    if let Some((qualified, behind)) = text.strip_prefix('<').and_then(brackets::split_closing) {
        let (of, implements) = match brackets::split_words(qualified, " as ") {
            Some((of, implements)) => (of, Some(implements)),
            None => (qualified, None),
        };
        push_steps(strip_reference(of), &mut steps);
        of_trait = implements.map(own_name);
        text = behind.trim_start_matches("::");
    }
    push_steps(text, &mut steps);
    (steps, of_trait)
}

fn push_steps<'a>(path: &'a str, steps: &mut Vec<Step<'a>>) {
    for part in brackets::segments(path) {
        match part.split_once('<') {
            // `a::<u8>`: the arguments belong to the step before.
            Some(("", rest)) if !steps.is_empty() && !part.starts_with("<impl ") => {
                let inner = rest.strip_suffix('>').unwrap_or(rest);
                if let Some(last) = steps.last_mut() {
                    last.arguments.extend(arguments(inner));
                }
            }
            Some((name, rest)) if !name.is_empty() => {
                let inner = rest.strip_suffix('>').unwrap_or(rest);
                steps.push(Step { name, arguments: arguments(inner).collect() });
            }
            _ => steps.push(Step { name: part, arguments: Vec::new() }),
        }
    }
}

/// The arguments between the brackets of a type. Lifetimes are none.
pub(super) fn arguments(inner: &str) -> impl Iterator<Item = &str> {
    let all = brackets::arguments(inner).unwrap_or_default();
    all.into_iter().filter(|argument| !argument.is_empty() && !argument.starts_with('\''))
}

/// A path without type arguments: `alloc::vec::Vec`.
pub(super) fn path(steps: &[Step<'_>]) -> String {
    steps.iter().map(|step| step.name).collect::<Vec<_>>().join("::")
}

/// The type of an array's elements, of what stands between its brackets: `u8` of `u8; 4`.
pub(super) fn array_element(inner: &str) -> Option<&str> {
    brackets::split_words(inner, "; ").map(|(element, _)| element)
}

fn strip_reference(text: &str) -> &str {
    let text = text.trim_start_matches(['&', '*']);
    let text = match text.strip_prefix('\'').and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => rest,
        None => text,
    };
    text.strip_prefix("mut ").or_else(|| text.strip_prefix("const ")).unwrap_or(text)
}

/// Whether an argument is the name of a parameter (`T`, `K`, `_`), and so no type.
pub(super) fn is_parameter(argument: &str) -> bool {
    let mut letters = argument.chars();
    let first = letters.next();
    match first {
        Some('_') => argument.len() == 1,
        Some(letter) => {
            letter.is_ascii_uppercase()
                && argument.len() <= 2
                && letters.all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
        }
        None => true,
    }
}

/// A type as people write it: `alloc::vec::Vec<u8, alloc::alloc::Global>` is `Vec<u8>`. Paths of the standard
/// library go, and so do its allocator and its hasher; paths of other crates stay.
pub fn short(text: &str) -> String {
    let text = environment_names(text.trim());
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !is_path_letter(letter)).unwrap_or(rest.len());
        if end == 0 {
            let Some(next) = rest.chars().next() else { break };
            rest = &rest[next.len_utf8()..];
            // What stands in front of a default argument goes with it.
            let behind = rest.trim_start();
            let stays = next != ',' || !starts_with_default(behind);
            if stays {
                out.push(next);
            } else {
                rest = &behind[default_length(behind)..];
            }
        } else {
            out.push_str(short_path(&rest[..end]));
            rest = &rest[end..];
        }
    }
    out
}

/// Debug information names closures and futures by their environment; functions' names say what they are.
fn environment_names(text: &str) -> String {
    text.replace("{closure_env#", "{closure#")
        .replace("{async_fn_env#0}", "{async_fn}")
        .replace("{async_block_env#", "{async_block#")
}

fn is_path_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | ':' | '#')
}

const DEFAULTS: [&str; 6] = [
    "alloc::alloc::Global",
    "hashbrown::raw::inner::alloc::inner::Global",
    "std::hash::random::RandomState",
    "std::collections::hash::map::RandomState",
    "hashbrown::DefaultHashBuilder",
    "allocator_api2::stable::alloc::global::Global",
];

/// Whether an argument says where a collection allocates or how it hashes, and not what it holds.
pub(super) fn is_default(text: &str) -> bool {
    default_length(text) == text.len()
}

fn starts_with_default(text: &str) -> bool {
    default_length(text) > 0
}

fn default_length(text: &str) -> usize {
    let fits =
        |default: &&&str| text.strip_prefix(**default).is_some_and(|rest| !rest.starts_with(is_path_letter));
    DEFAULTS.iter().find(fits).map_or(0, |default| default.len())
}

/// The last step of a path of the standard library; other paths as they are.
fn short_path(path: &str) -> &str {
    const OURS: [&str; 4] = ["alloc::", "core::", "std::", "hashbrown::"];
    if OURS.iter().any(|prefix| path.starts_with(prefix)) && !path.ends_with("::") {
        path.rsplit("::").next().unwrap_or(path)
    } else {
        path
    }
}
