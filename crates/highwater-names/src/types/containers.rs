//! What the functions of collections and pointers, known ones and the user's own, say of the blocks that they
//! allocate.

use crate::function::own_name;

use crate::types::collections::{
    ALLOCATING, ALLOCATING_TRAITS, COLLECTIONS, Collection, Holds, Keeps, MAKE_ROOM, POINTERS, WRAPPERS,
};
use crate::types::known::{Does, Known};
use crate::types::name::{self, Step};
use crate::types::source_module;

/// What a block holds that the functions of a type or a function allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// The type argument at this position, counted from 0.
    Argument(usize),
    /// This type, whatever the arguments are.
    Fixed(String),
}

/// A user's own rule: what the functions of a type allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRule {
    /// Path of the type or of the function, without type arguments: `mine::arena::Arena`.
    pub path: String,
    /// What its blocks hold.
    pub element: Element,
}

/// What `function` says of the block that is allocated below it; `None` for a function of no known
/// collection. Line tables give inlined functions without their path; `file` says then whose they are.
pub(super) fn of(function: &str, file: Option<&str>, rules: &[ContainerRule]) -> Option<Known> {
    let (steps, of_trait) = name::steps(function);
    if let Some(module) = file.filter(|_| is_bare(function)).and_then(source_module::of) {
        return of_bare(steps.first()?, &module);
    }
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        if at > 0 {
            path.push_str("::");
        }
        path.push_str(step.name);
        if let Some(rule) = rules.iter().find(|rule| rule.path == path) {
            return Some(by_rule(rule, &steps[at..]));
        }
        if path == COLLECT {
            return collect(step);
        }
        let Some(collection) = COLLECTIONS.iter().find(|collection| collection.path == path) else {
            continue;
        };
        let allocates = of_trait.is_none_or(|name| ALLOCATING_TRAITS.contains(&name));
        if !allocates && POINTERS.contains(&collection.name) {
            return None;
        }
        // The traits that the standard library specializes its collections by are called by the collection
        // alone.
        let is_special = of_trait.is_some_and(|name| name.starts_with("Spec"));
        let known = by_table(collection, step);
        let does = if is_special { Does::MakeRoom } else { does(own_name(function)) };
        return Some(finished(known, does, steps[at + 1..].last().unwrap_or(step).name));
    }
    None
}

const COLLECT: &str = "core::iter::traits::iterator::Iterator::collect";

/// Whether a name has no path: `push<demo::Session>`.
fn is_bare(function: &str) -> bool {
    !function.starts_with('<') && !function.split('<').next().is_some_and(|own| own.contains("::"))
}

/// What a function without a path says that belongs to the source of `module`.
fn of_bare(step: &Step<'_>, module: &str) -> Option<Known> {
    if step.name == "collect" && COLLECT.strip_suffix("::collect").is_some_and(|it| it.starts_with(module)) {
        return collect(step);
    }
    let mut module = module;
    let collection = loop {
        let is_there = |it: &&Collection| it.path.rsplit_once("::").is_some_and(|(path, _)| path == module);
        match COLLECTIONS.iter().find(is_there) {
            Some(collection) => break collection,
            // Parts of a collection lie in modules below it: `alloc::vec::spec_from_iter`.
            None => module = module.rsplit_once("::")?.0,
        }
    };
    // What a pointer points to is called by functions of the same file.
    if POINTERS.contains(&collection.name) && !ALLOCATING.contains(&step.name) {
        return None;
    }
    Some(finished(by_table(collection, step), does(step.name), step.name))
}

fn does(own_name: &str) -> Does {
    if MAKE_ROOM.contains(&own_name) { Does::MakeRoom } else { Does::Anything }
}

fn finished(known: Known, does: Does, own_name: &str) -> Known {
    let known = Known { does, ..known };
    match (own_name, known.element.as_deref()) {
        ("into_boxed_slice" | "into_boxed_str", _) => known.into_slice(),
        // Bare names do not say that the argument is the element of a slice.
        (own_name, Some(element)) if MAKE_SLICES.contains(&own_name) && !known.container.ends_with("]>") => {
            let pointer = known.container.split('<').next().unwrap_or_default();
            Known { container: format!("{pointer}<[{element}]>"), ..known }
        }
        _ => known,
    }
}

/// The collection that `collect` makes: its second type argument.
fn collect(step: &Step<'_>) -> Option<Known> {
    let (steps, _) = name::steps(step.arguments.get(1)?);
    let path = name::path(&steps);
    let collection = COLLECTIONS.iter().find(|collection| collection.path == path)?;
    Some(Known { does: Does::Collect, ..by_table(collection, steps.last()?) })
}

/// Functions of a pointer that allocate for a slice.
const MAKE_SLICES: [&str; 6] = [
    "allocate_for_slice",
    "allocate_for_slice_in",
    "copy_from_slice",
    "from_slice",
    "new_uninit_slice",
    "new_zeroed_slice",
];

/// Whether `function` belongs to a collection of the standard library, as far as its path says, known or not.
pub(super) fn is_in_collection(function: &str) -> bool {
    // Pointers are none: they hand calls of traits on.
    const PATHS: [&str; 6] = [
        "alloc::raw_vec::",
        "alloc::vec::",
        "alloc::string::",
        "alloc::collections::",
        "hashbrown::",
        "std::collections::",
    ];
    let path = function.trim_start_matches('<');
    PATHS.iter().any(|prefix| path.starts_with(prefix))
}

/// What a method of a type with type arguments says that calls the allocator itself: `Block<Message>::new`.
pub(super) fn of_direct(function: &str) -> Option<Known> {
    let (steps, _) = name::steps(function);
    let at = steps.iter().rposition(|step| step.name.starts_with(|it: char| it.is_ascii_uppercase()))?;
    let element = argument(&steps[at], 0)?;
    let path = name::path(&steps[..=at]);
    let arguments = steps[at].arguments.join(", ");
    let container = name::short(&format!("{path}<{arguments}>"));
    Some(Known { element: Some(element), container, keeps: Keeps::None, path: "", does: Does::Anything })
}

fn by_rule(rule: &ContainerRule, steps: &[Step<'_>]) -> Known {
    let element = match &rule.element {
        Element::Fixed(text) => Some(text.clone()),
        // A function of a type without arguments may have some itself: `Arena::alloc::<Node>`.
        Element::Argument(at) => {
            steps.iter().find(|step| !step.arguments.is_empty()).and_then(|step| argument(step, *at))
        }
    };
    let name = steps.first().map_or("", |step| step.name);
    let container = element.as_ref().map_or_else(|| name.to_owned(), |element| format!("{name}<{element}>"));
    Known { element, container, keeps: Keeps::Same, path: "", does: Does::Anything }
}

fn by_table(collection: &Collection, step: &Step<'_>) -> Known {
    let Collection { path, name, holds, keeps } = *collection;
    let known = step
        .arguments
        .first()
        .and_then(|text| wrapped(text, keeps))
        .unwrap_or_else(|| known(name, holds, step, keeps));
    Known { path, ..known }
}

/// What lies in a wrapper of a collection's own.
fn wrapped(text: &str, keeps: Keeps) -> Option<Known> {
    let (steps, _) = name::steps(uninitialized(text));
    let path = name::path(&steps);
    let (_, name, holds) = WRAPPERS.iter().find(|wrapper| wrapper.0 == path)?;
    // Wrappers lie in wrappers: an `Arc` of a task.
    let inner = steps.last()?.arguments.first().and_then(|text| wrapped(text, keeps));
    // Collections of collections' nodes are made by the latter: no other one is around them.
    let known = inner.unwrap_or(known(name, *holds, steps.last()?, keeps));
    known.element.is_some().then_some(known)
}

fn known(name: &str, holds: Holds, step: &Step<'_>, keeps: Keeps) -> Known {
    let (element, arguments) = match holds {
        Holds::Fixed(text) => (Some(text.to_owned()), None),
        Holds::First => first(name, step),
        Holds::Pair => {
            let both = argument(step, 0).zip(argument(step, 1));
            let both = both.map(|(key, value)| format!("{key}, {value}"));
            (both.as_ref().map(|both| format!("({both})")), both)
        }
    };
    let container = arguments.map_or_else(|| name.to_owned(), |arguments| format!("{name}<{arguments}>"));
    let known = Known { element, container, keeps, path: "", does: Does::Anything };
    match known.element.as_deref().and_then(pair_of) {
        // A table of pairs is a map, and a map to nothing is a set.
        Some((key, "()" | "SetValZST")) if MAPS.contains(&name) => Known {
            container: format!("{}<{key}>", name.replace("Map", "Set").replace("HashTable", "HashSet")),
            element: Some(key.to_owned()),
            ..known
        },
        Some((key, value)) if name == "HashTable" => {
            let container = format!("HashMap<{key}, {value}>");
            Known { container, ..known }
        }
        _ => known,
    }
}

const MAPS: [&str; 4] = ["HashTable", "HashMap", "BTreeMap", "IndexMap"];

/// The first argument as an element, and as the argument of what keeps it: elements of a slice lie in a
/// block, and not a slice.
fn first(name: &str, step: &Step<'_>) -> (Option<String>, Option<String>) {
    let Some(whole) = argument(step, 0) else { return (None, None) };
    let inner = whole.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let element = match inner.map(|inner| (inner, name::array_element(inner))) {
        Some((inner, None)) => inner,
        Some((_, Some(element))) if name == "SmallVec" => element,
        _ => &whole,
    };
    (Some(element.to_owned()), Some(whole))
}

/// A type argument as people write it, unless it is a parameter's name, a number, or says where the
/// collection allocates.
fn argument(step: &Step<'_>, at: usize) -> Option<String> {
    let text = uninitialized(step.arguments.get(at)?);
    let is_number = text.starts_with(|letter: char| letter.is_ascii_digit());
    (!is_number && !name::is_parameter(text) && !name::is_default(text)).then(|| name::short(text))
}

/// The type inside `MaybeUninit`, which says nothing about a block.
fn uninitialized(text: &str) -> &str {
    let inner = text.strip_prefix("core::mem::maybe_uninit::MaybeUninit<");
    inner.and_then(|inner| inner.strip_suffix('>')).unwrap_or(text)
}

/// The parts of a pair: `u64` and `String` of `(u64, String)`.
fn pair_of(element: &str) -> Option<(&str, &str)> {
    let inner = element.strip_prefix('(')?.strip_suffix(')')?;
    let mut parts = name::arguments(inner);
    let both = (parts.next()?, parts.next()?);
    parts.next().is_none().then_some(both)
}
