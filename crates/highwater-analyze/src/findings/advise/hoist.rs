//! *Hoist*: something that is expensive to build, and is built again and again: a regular expression per call, a client per
//! request.
//!
//! Where the program's own code calls a function of a library whose name says that it builds something, all that is allocated
//! below that call is what one construction after the other takes. When nearly all of it was freed again, they were not
//! kept; and when each took the same blocks ([`repeated`]), they were the same.

use std::collections::{HashMap, HashSet};

use highwater_names::function;
use highwater_names::source::is_in_library;

use super::repeated;
use crate::findings::advise::advice::{Advice, Measure};
use crate::findings::advise::ground::Ground;
use crate::findings::lives::of_size::Allocated;
use crate::frames::class::FrameClass;
use crate::frames::symbols::{Symbol, SymbolId, TextId};
use crate::group::GroupBy;
use crate::queries::rows;
use crate::statistics::sum::Sum;

/// Of what constructions allocated, this share has to have been freed.
const FREED: f64 = 0.9;

/// Lines below a construction that have to allocate for it to be an expensive one.
const LINES: usize = 3;

/// What was allocated has to be so many times what there ever was of it at once, as far as that is known.
const AGAIN: f64 = 8.0;

/// Names of functions that build something.
const BUILDERS: [&str; 14] = [
    "Compile",
    "MustCompile",
    "New",
    "build",
    "compile",
    "connect",
    "create",
    "default",
    "init",
    "new",
    "open",
    "try_build",
    "try_from",
    "try_new",
];
const BUILDER_PREFIXES: [&str; 5] = ["New", "build_", "create_", "new_", "with_"];

/// A call from the program into a library: the line that calls, and the function that is called.
type Call = (SymbolId, TextId);

struct Built {
    sites: Vec<usize>,
    bytes: Sum,
    blocks: Sum,
    live: Sum,
    at_peak: Sum,
}

/// The findings, and which sites belong to them.
pub(super) fn find(ground: &Ground<'_>) -> (Vec<Advice>, Vec<bool>) {
    let sites = &ground.lives.sites;
    let mut frames = Frames::new(sites.symbols.len());
    // In order of appearance, so that equal input gives equal output.
    let mut calls: Vec<(Call, Built)> = Vec::new();
    let mut places: HashMap<Call, usize> = HashMap::new();
    for at in 0..sites.all.len() {
        let of = |id: SymbolId| sites.symbols.get(id);
        let text = |id: TextId| sites.symbols.text(id);
        let Some(call) = frames.call(sites.symbols_of(&sites.all[at]), of, text) else { continue };
        let place = *places.entry(call).or_insert_with(|| {
            let zero = Sum::ZERO;
            calls.push((
                call,
                Built { sites: Vec::new(), bytes: zero, blocks: zero, live: zero, at_peak: zero },
            ));
            calls.len() - 1
        });
        let (built, values) = (&mut calls[place].1, ground.lives.site(at));
        built.sites.push(at);
        built.bytes.add(values.alloc_bytes);
        built.blocks.add(values.alloc_blocks);
        built.live.add(values.live_bytes);
        built.at_peak.add(values.peak_bytes);
    }

    calls.retain(|(_, built)| is_worthwhile(ground, built));
    let by_size = by_size(ground, &calls);
    let mut is_hoisted = vec![false; sites.all.len()];
    let mut findings = Vec::new();
    for ((call, built), by_size) in calls.iter().zip(&by_size) {
        let times = repeated::times(by_size);
        findings.extend(times.and_then(|it| advice(ground, *call, built, it)).inspect(|_| {
            built.sites.iter().for_each(|&at| is_hoisted[at] = true);
        }));
    }
    (findings, is_hoisted)
}

/// Whether something was built that is expensive, and not kept.
fn is_worthwhile(ground: &Ground<'_>, built: &Built) -> bool {
    let allocated = built.bytes.estimate().lower95();
    let at_once = built.live.estimate().upper95().zip(built.at_peak.estimate().upper95());
    let is_again = allocated
        .zip(at_once)
        .is_some_and(|(allocated, (live, at_peak))| allocated >= AGAIN * live.max(at_peak));
    lines(ground, built) >= LINES
        && freed_fraction(built) >= FREED
        && is_again
        && ground.is_worthwhile(built.bytes, built.blocks)
}

fn lines(ground: &Ground<'_>, built: &Built) -> usize {
    let sites = &ground.lives.sites;
    built.sites.iter().filter_map(|&at| sites.cause(&sites.all[at])).collect::<HashSet<_>>().len()
}

fn freed_fraction(built: &Built) -> f64 {
    1.0 - (built.live.value() as f64 / built.bytes.value().max(1) as f64).clamp(0.0, 1.0)
}

/// What each of these calls allocated, by way and size.
fn by_size(ground: &Ground<'_>, calls: &[(Call, Built)]) -> Vec<Vec<Allocated>> {
    let mut call_of: Vec<Option<usize>> = vec![None; ground.lives.sites.all.len()];
    for (at, (_, built)) in calls.iter().enumerate() {
        built.sites.iter().for_each(|&site| call_of[site] = Some(at));
    }
    let mut by_size: Vec<Vec<Allocated>> = calls.iter().map(|_| Vec::new()).collect();
    if !calls.is_empty() {
        for ((site, _), it) in ground.lives.allocated_by_size(|site| call_of[site].is_some()) {
            by_size[call_of[site].unwrap_or(0)].push(it);
        }
    }
    by_size
}

fn advice(ground: &Ground<'_>, (caller, callee): Call, built: &Built, times: i64) -> Option<Advice> {
    let sites = &ground.lives.sites;
    let heaviest = built.sites.iter().max_by_key(|&&at| ground.lives.site(at).alloc_bytes.magnitude())?;
    Some(Advice {
        // The line to change is one, whatever rows stand for elsewhere.
        key: rows::key(GroupBy::Line, &sites.symbols, Some(caller)),
        measure: Measure::Hoist {
            constructor: sites.symbols.text(callee)?.to_owned(),
            times,
            lines: lines(ground, built),
            freed_fraction: freed_fraction(built),
        },
        container: None,
        in_library: false,
        called_from: None,
        saves_bytes: ground.saving(built.bytes),
        saves_blocks: Some(ground.saving(built.blocks)),
        stack: sites.stack(&sites.all[*heaviest]),
    })
}

/// What a frame is to somebody who looks for constructions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Code that the reader can change.
    Program,
    /// A library that builds something.
    Builder,
    /// Another function of a library.
    Library,
    /// Passed over: the standard library, the recorder, code without a name.
    Other,
}

/// Roles of all frames, each found once.
struct Frames {
    roles: Vec<Option<Role>>,
}

impl Frames {
    fn new(symbols: usize) -> Self {
        Self { roles: vec![None; symbols] }
    }

    /// The innermost line of the program in a stack (leaf first), and the function that it calls, if that builds something.
    fn call<'a>(
        &mut self,
        stack: &[SymbolId],
        of: impl Fn(SymbolId) -> &'a Symbol,
        text: impl Fn(TextId) -> Option<&'a str>,
    ) -> Option<Call> {
        let mut outermost = None;
        for &id in stack {
            let role = *self.roles[id.index()].get_or_insert_with(|| role(of(id), &text));
            match role {
                Role::Other => {}
                Role::Builder | Role::Library => outermost = Some((role, id)),
                Role::Program => {
                    let (role, callee) = outermost?;
                    return (role == Role::Builder).then(|| (id, of(callee).function));
                }
            }
        }
        None
    }
}

fn role<'a>(symbol: &Symbol, text: impl Fn(TextId) -> Option<&'a str>) -> Role {
    if symbol.class != FrameClass::Own {
        return Role::Other;
    }
    let (Some(function), Some(file)) = (text(symbol.function), text(symbol.file)) else { return Role::Other };
    if !is_in_library(file) {
        return Role::Program;
    }
    let last = own_name(function);
    let builds = BUILDERS.contains(&last) || BUILDER_PREFIXES.iter().any(|it| last.starts_with(it));
    if builds { Role::Builder } else { Role::Library }
}

/// What a function calls itself: `new` of `a::B::new::<C>`, `MustCompile` of Go's `regexp.MustCompile`.
pub(super) fn own_name(function: &str) -> &str {
    let last = function::own_name(function);
    last.rsplit('.').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_by_the_end_of_its_path() {
        for (function, own) in [
            ("regex::regex::string::Regex::new", "new"),
            ("a::Client::connect::<b::C<d::E>>", "connect"),
            ("<a::B as c::D<e::F>>::build", "build"),
            ("<a::B>::with_room", "with_room"),
            ("regexp.MustCompile", "MustCompile"),
            ("text/template.(*Template).New", "New"),
            ("new", "new"),
            ("", ""),
            ("<", ""),
            (">", ">"),
            ("a<<b>>", "a"),
        ] {
            assert_eq!(own_name(function), own, "{function}");
        }
    }
}
