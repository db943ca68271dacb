//! Writes callgrind's output format, for KCachegrind and `callgrind_annotate`.
//!
//! The format knows functions and calls between them, not stacks. A value is the own cost of the function at
//! the leaf, and the cost of each call on the way there, once for each stack however often the call comes
//! again in it. Calls of a function to itself are left out, which would count their cost twice in the
//! function's inclusive cost; readers find longer cycles by themselves. Readers take a function's inclusive
//! cost from its callers where it has some, so every stack begins at one function, `[root]`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};

use super::columns::{not_negative, shown_column};
use super::frames::FrameTable;
use crate::format::list::Format;
use crate::format::written::Written;
use crate::profile::Profile;

/// What readers show for a file or function that is not known.
const UNKNOWN: &str = "???";

/// A function by its name and its file, as numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Function {
    file: u32,
    name: u32,
}

/// A call: the line that it is on, the function that it calls, and the line that was reached in that
/// function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Call {
    line: i64,
    callee: Function,
    callee_line: i64,
}

/// What a function does.
#[derive(Default)]
struct Costs {
    /// Own values, by line.
    own: BTreeMap<i64, Vec<i64>>,
    /// Inclusive values, and how many stacks go this way.
    calls: BTreeMap<Call, (u64, Vec<i64>)>,
}

/// Names as the format has them: written out where they stand first, and numbers from there on.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
    written: HashSet<u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        // A name ends where its line does.
        let name: String = name.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        let next = self.texts.len() as u32;
        match self.numbers.entry(if name.is_empty() { UNKNOWN.to_owned() } else { name }) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.texts.push(new.key().clone());
                *new.insert(next)
            }
        }
    }

    fn write(&mut self, key: &str, number: u32, out: &mut dyn Write) -> io::Result<()> {
        if self.written.insert(number) {
            writeln!(out, "{key}=({number}) {}", self.texts[number as usize])
        } else {
            writeln!(out, "{key}=({number})")
        }
    }
}

/// Writes all sample types of a profile as events, the one that is shown unasked first.
///
/// # Errors
/// The errors of `out`, and [`io::ErrorKind::InvalidInput`] for a profile without columns or with negative
/// values.
pub(super) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    let shown = shown_column(profile)?;
    let mut columns: Vec<usize> = (0..profile.sample_types().len()).filter(|&it| it != shown).collect();
    columns.insert(0, shown);
    not_negative(profile, &columns, Format::Callgrind)?;

    let (mut files, mut names) = (Names::default(), Names::default());
    let (mut places, mut numbers) = (Vec::new(), HashMap::new());
    let table = FrameTable::of(profile, |frame| {
        let function = Function { file: files.number(frame.file), name: names.number(&frame.name) };
        let place = (function, frame.line.max(0));
        *numbers.entry(place).or_insert_with(|| {
            places.push(place);
            places.len() - 1
        }) as u32
    });
    let root = (Function { file: files.number(""), name: names.number("[root]") }, 0);
    let costs = costs(profile, &columns, &table, &places, root);

    head(profile, &columns, out)?;
    for (function, costs) in &costs {
        writeln!(out)?;
        files.write("fl", function.file, out)?;
        names.write("fn", function.name, out)?;
        for (line, values) in &costs.own {
            cost_line(*line, values, out)?;
        }
        for (call, (count, values)) in &costs.calls {
            files.write("cfl", call.callee.file, out)?;
            names.write("cfn", call.callee.name, out)?;
            writeln!(out, "calls={count} {}", call.callee_line)?;
            cost_line(call.line, values, out)?;
        }
    }
    columns.sort_unstable();
    Ok(Written::of(profile, columns))
}

/// Adds up what every function does.
fn costs(
    profile: &Profile,
    columns: &[usize],
    table: &FrameTable,
    places: &[(Function, i64)],
    root: (Function, i64),
) -> BTreeMap<Function, Costs> {
    let mut costs: BTreeMap<Function, Costs> = BTreeMap::new();
    let zeros = || vec![0_i64; columns.len()];
    let (mut stack, mut seen) = (Vec::new(), HashSet::new());
    for row in profile.samples.iter().filter(|row| row.values.iter().any(|it| *it != 0)) {
        let add = |sums: &mut [i64]| {
            for (sum, &column) in sums.iter_mut().zip(columns) {
                *sum = sum.saturating_add(row.values[column]);
            }
        };
        table.stack(row.stack, &mut stack);
        let place = |at: usize| stack.get(at).map_or(root, |it| places[*it as usize]);
        let (leaf, line) = place(0);
        add(costs.entry(leaf).or_default().own.entry(line).or_insert_with(zeros));
        seen.clear();
        for at in 1..=stack.len() {
            let ((callee, callee_line), (caller, line)) = (place(at - 1), place(at));
            if callee == caller || !seen.insert((caller, line, callee)) {
                continue;
            }
            let calls = &mut costs.entry(caller).or_default().calls;
            let (count, sums) =
                calls.entry(Call { line, callee, callee_line }).or_insert_with(|| (0, zeros()));
            *count += 1;
            add(sums);
        }
    }
    costs
}

fn head(profile: &Profile, columns: &[usize], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# callgrind format\nversion: 1\ncreator: highwater {}", env!("CARGO_PKG_VERSION"))?;
    let command = profile.mappings().first().map_or("unknown", |it| profile.string(it.file));
    writeln!(out, "cmd: {}", command.replace(char::is_control, " "))?;
    writeln!(out, "positions: line")?;
    let types = || columns.iter().map(|&it| &profile.sample_types()[it]);
    for value_type in types() {
        writeln!(
            out,
            "event: {} : {} ({})",
            event(&value_type.kind),
            event(&value_type.kind),
            event(&value_type.unit)
        )?;
    }
    let events: Vec<String> = types().map(|it| event(&it.kind)).collect();
    writeln!(out, "events: {}", events.join(" "))?;
    let totals: Vec<String> = columns.iter().map(|&it| profile.samples.total(it).to_string()).collect();
    writeln!(out, "summary: {}", totals.join(" "))
}

/// A name as an event may have it.
fn event(name: &str) -> String {
    name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect()
}

fn cost_line(line: i64, values: &[i64], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{line}")?;
    for value in values {
        write!(out, " {value}")?;
    }
    writeln!(out)
}
